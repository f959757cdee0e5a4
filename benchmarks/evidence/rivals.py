"""Rivals that choose sentences, as a user would call them, offline. `PYTHONPATH` may name a folder that holds them.

ragcompress is its `AttentionScorer` on the weights of the decoder that is measured, at its own limit of 4,096 tokens: its default is a
cross-encoder that it would fetch from the hub. llmslim works by words; it can rerank with a cross-encoder, which it would fetch too.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Any

from attngs.learning.metrics import Place
from attngs.protocols import TokenCounter
from attngs.types import Document, Sentence

PASSES = 6
"""Times that llmslim is asked for less when its text is over the budget, before lines are dropped from its end."""


class LlmSlim:
    """`llmslim.fit_text`, which counts tokens in its own way: it is asked again until the benchmark's count is within the budget."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        logging.getLogger("llmslim").setLevel(logging.ERROR)  # says once that it counts by characters; the page says so too

    @cached_property
    def _fit(self) -> Any:
        return importlib.import_module("llmslim._fit").fit_text  # what its server's /fit calls; the package gives it no other name

    def extract(self, query: str, documents: Sequence[Document], target_tokens: int) -> list[Place]:
        """What it keeps, as places in the documents, within the budget."""
        text = "\n\n".join(document.text for document in documents)
        own, ours = importlib.import_module("llmslim.tokens").count_tokens(text), self._count([text])
        asked = max(1, round(target_tokens * own / max(ours, 1)))
        for _ in range(PASSES):
            lines = [line for line in str(self._fit(text, asked, query)).split("\n") if line.strip() not in ("", "...")]
            taken = self._count(lines)
            if taken <= target_tokens or asked == 1:
                break
            asked = max(1, int(asked * min(0.9, target_tokens / taken)))
        while lines and self._count(lines) > target_tokens:
            lines.pop()
        return list(places_of(lines, documents))

    def _count(self, texts: Sequence[str]) -> int:
        return sum(self._counter.count(texts)) if texts else 0


def places_of(lines: Sequence[str], documents: Sequence[Document]) -> Iterator[Place]:
    """Where lines stand in the documents, white space aside, in order as far as possible; those that stand nowhere are left out."""
    squeezed = [_Squeezed(document.text) for document in documents]
    number, at = 0, 0
    for line in lines:
        needle = "".join(line.split())
        spots = ((n, squeezed[n].text.find(needle, at if n == number else 0)) for n in range(number, len(documents)))
        spot = next(((n, start) for n, start in spots if start >= 0), None)
        if spot is None:
            spot = next(((n, start) for n, s in enumerate(squeezed) if (start := s.text.find(needle)) >= 0), None)
        if spot is not None:
            number, at = spot[0], spot[1] + len(needle)
            yield number, squeezed[number].positions[spot[1]], squeezed[number].positions[at - 1] + 1


class _Squeezed:
    """A text without white space, and where its characters stood."""

    def __init__(self, text: str) -> None:
        self.positions = [i for i, character in enumerate(text) if not character.isspace()]
        self.text = "".join(text.split())


class RagCompress:
    """ragcompress' `AttentionScorer` over the benchmark's units."""

    def __init__(self, model: str) -> None:
        self._scorer = importlib.import_module("ragcompress.scoring.attention").AttentionScorer(model)

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        theirs = importlib.import_module("ragcompress.types").ScoredSentence
        given = [
            theirs(
                sentence.text,
                score=0.0,
                source_chunk_id=str(sentence.position),
                source_doc_id=sentence.document.id,
                sentence_index_in_chunk=i,
            )
            for i, sentence in enumerate(sentences)
        ]
        return [float(sentence.score) for sentence in self._scorer.score(query, given, context=given)]


def missing(package: str) -> str | None:
    """The reason why a rival cannot run here."""
    return None if find_spec(package) else f"{package} is not installed: pip install 'attngs[bench]'"
