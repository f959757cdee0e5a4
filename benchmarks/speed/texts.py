"""Real text of about any number of tokens, from the example person's memory, and questions of about 32 tokens."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from attngs.testing import tiny_tokenizer
from attngs.text.files import read_documents
from attngs.types import Document

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
QUESTION_TOKENS = 32
VOCABULARY = 4_096
"""Four characters a token on the example texts, as usual tokenizers have on English."""


def read_examples() -> tuple[list[Document], list[str]]:
    """The example person's documents and the questions about them."""
    documents = read_documents([EXAMPLES / "maren"], io.BytesIO())
    lines = (EXAMPLES / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines()
    return documents, [str(json.loads(line)["query"]) for line in lines]


class Corpus:
    """Texts and the tokenizer that was trained on them; the same in every process.

    There are about 10,000 tokens of them. What is longer goes on with the same lines, their words in another order: equal sentences would
    be read once by a marker that remembers sentences, which no real text of that length would allow.
    """

    def __init__(self) -> None:
        self._documents, self._questions = read_examples()
        texts = [document.text for document in self._documents] + self._questions
        self.tokenizer: PreTrainedTokenizerBase = tiny_tokenizer().train_new_from_iterator(
            texts, vocab_size=VOCABULARY, show_progress=False
        )

    def context(self, tokens: int) -> list[Document]:
        """The first documents, the last of them cut, `tokens` in all."""
        return self.contexts(1, tokens)[0]

    def contexts(self, number: int, tokens: int) -> list[list[Document]]:
        """Several contexts without a common document."""
        stream = self._stream()
        return [self._take(stream, tokens) for _ in range(number)]

    def question(self, number: int) -> str:
        """A piece of the questions, another one for each of some hundreds of numbers."""
        words = " ".join(self._questions).split()
        start = number * 7 % len(words)
        words = [*words[start:], *words[:start]]
        size = next(n for n in count(1) if self.tokens(" ".join(words[:n])) >= QUESTION_TOKENS)
        return " ".join(words[:size])

    def appended(self, documents: Sequence[Document], tokens: int) -> list[Document]:
        """The context after one more session of that person."""
        text = " ".join(document.text for document in islice(self._stream(first_pass=100), 8))
        return [*documents, Document(text=self._cut(text, tokens), id="new")]

    def edited(self, documents: Sequence[Document]) -> list[Document]:
        """The context with one word put in at the start of a document in the middle."""
        middle = len(documents) // 2
        changed = replace(documents[middle], text=f"Corrected. {documents[middle].text}")
        return [*documents[:middle], changed, *documents[middle + 1 :]]

    def tokens(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _take(self, stream: Iterator[Document], tokens: int) -> list[Document]:
        taken: list[Document] = []
        while tokens > 0:
            document = next(stream)
            size = self.tokens(document.text)
            taken.append(document if size <= tokens else replace(document, text=self._cut(document.text, tokens)))
            tokens -= size
        return taken

    def _cut(self, text: str, tokens: int) -> str:
        ends = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        return text[: ends[tokens - 1][1]] if len(ends) > tokens else text

    def _stream(self, first_pass: int = 0) -> Iterator[Document]:
        for number in count(first_pass):
            for document in self._documents:
                yield replace(document, id=f"{document.id}~{number}", text=shuffled(document.text, number)) if number else document


def shuffled(text: str, seed: int) -> str:
    """The same lines, each with its words in another order."""
    rng = random.Random(seed)
    return "\n".join(" ".join(rng.sample(words, len(words))) for words in map(str.split, text.split("\n")))
