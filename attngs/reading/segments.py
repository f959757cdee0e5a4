"""Sentences + question -> token segments that fit the model, with the rows to read.

The context stands before the question, so that a causal model's keys and values of the context do not depend on the question; an encoder
gets `[CLS] question [SEP] context [SEP]`. A context longer than the window becomes several overlapping segments that never cut a sentence;
only a sentence longer than a whole window is read in parts. No token is skipped. The windows do not depend on the question either, unless
it is very long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import numpy as np
import torch
from numpy.typing import NDArray

from attngs.errors import InputError, UnsupportedModelError
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.reading.encoding import EncodedText, TextEncoder
from attngs.reading.token_batch import TokenBatch
from attngs.types import Sentence

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ReadFrom = Literal["last", "query"]
"""Whose attention is read: the last prompt position's, which predicts the answer's first word, or the mean of the question's tokens."""

PIECE = 16_384
"""Characters that are tokenized at once; longer documents are cut at sentence ends, so memory stays flat."""

_CONTEXT, _QUERY = "\ue000context\ue001", "\ue000query\ue001"

OVERLAP = 8
"""A window begins with up to an eighth of the one before it, so that every sentence is read with what led up to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPrompt:
    """What the marker is told: text around context and question, inside the model's chat template."""

    instruction: str = "Read what is known, then answer the question with the parts of it that matter."
    context_heading: str = "What is known:"
    query_heading: str = "Question:"
    answer_heading: str = "Answer:"

    def render(self) -> str:
        """The prompt with placeholders for context and question."""
        return f"{self.instruction}\n\n{self.context_heading}\n{_CONTEXT}\n\n{self.query_heading} {_QUERY}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segment:
    """One window of the context: sentences `first ... first + len(tokens) - 1` of the request."""

    batch: TokenBatch
    first: int
    tokens: NDArray[np.int64]  # (S,), tokens of each sentence in this window
    context: int
    """Tokens at the beginning that are the same for every question; 0 for an encoder."""


class Segmenter:
    """Builds the segments of a question for one tokenizer.

    Args:
        tokenizer: A fast tokenizer.
        window: Tokens that one forward pass may read, question and template included.
        causal: Whether the model is a decoder.
        prompt: What the marker is told (decoders only).
        cache: Keeps the token ids of documents.

    Attributes:
        answer_begin: Text between the prompt and the answer's first word; empty behind a chat template.

    Raises:
        UnsupportedModelError: The tokenizer has no offsets, or its chat template fails.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        window: int,
        causal: bool,
        prompt: ReadingPrompt | None = None,
        cache: ContextCache | None = None,
    ) -> None:
        self.window = window
        self.causal = causal
        self.encoder = TextEncoder(tokenizer)
        self._cache = cache or ContextCache(0)
        self._salt = uuid4().bytes  # ids are this tokenizer's
        self._types = not causal and "token_type_ids" in tokenizer.model_input_names
        prompt = prompt or ReadingPrompt()
        frame = _causal_frame(tokenizer, prompt) if causal else _encoder_frame(tokenizer)
        self.answer_begin = " " if causal and frame[-1].endswith(f"\n{prompt.answer_heading}") else ""
        self._frame = tuple(np.asarray(self.encoder.encode_template(part), dtype=np.int64) for part in frame)
        self._gap = np.asarray(self.encoder.encode_template("\n\n") if causal else [], dtype=np.int64)

    def segments(self, query: str, sentences: Sequence[Sentence], read_from: ReadFrom, namespace: str = "") -> list[Segment]:
        """Cut the request into windows.

        Raises:
            InputError: Question and prompt leave less than half of the window to a context that needs more.
        """
        question = self.encoder.encode([query])[0].ids
        ids, owner = self._context(sentences, namespace)
        capacity = self._capacity(len(question), len(ids))
        return [self._segment(question, ids[a:b], owner[a:b], read_from) for a, b in windows(owner, capacity)]

    def contexts(self, sentences: Sequence[Sentence], namespace: str = "") -> list[NDArray[np.int64]]:
        """The tokens of each window that a decoder reads before a short question."""
        ids, owner = self._context(sentences, namespace)
        return [np.concatenate([self._frame[0], ids[a:b]]) for a, b in windows(owner, self._capacity(0, len(ids)))]

    def bare(self, query: str) -> Segment:
        """The same prompt with nothing in the place of the context."""
        nothing = np.empty(0, dtype=np.int64)
        return self._segment(self.encoder.encode([query])[0].ids, nothing, nothing, "last")

    def _capacity(self, question: int, context: int) -> int:
        """Tokens of context in a window: all that is left if it is enough, else the same for short questions."""
        frame = sum(map(len, self._frame))
        left = self.window - question - frame
        if left >= context:
            return max(left, 1)
        if left < self.window // 2:
            raise InputError(
                f"`query` takes {question} tokens and the prompt around it {frame}, which leaves {left} of {self.window} to the "
                "context. Shorten the question, or give the model a longer `window`."
            )
        shares = (self.window // 8, self.window // 4)
        return self.window - frame - next((share for share in shares if question <= share), question)

    def _context(self, sentences: Sequence[Sentence], namespace: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Token ids of all documents and the sentence number of each token (-1: between documents)."""
        documents = [list(group) for _, group in groupby(sentences, key=lambda sentence: sentence.position)]
        ids: list[NDArray[np.int64]] = []
        owner: list[NDArray[np.int64]] = []
        first = 0
        for members, encoded in zip(documents, self._encoded(documents, namespace), strict=True):
            if first:
                ids.append(self._gap)
                owner.append(np.full(len(self._gap), -1))
            starts = np.array([sentence.start for sentence in members])
            ends = np.array([sentence.end for sentence in members])
            # a token that straddles two sentences (" The") belongs to the one its last character is in
            last = np.maximum(encoded.ends - 1, encoded.starts)
            number = np.searchsorted(starts, last, side="right") - 1
            inside = (number >= 0) & (last < ends[number])
            ids.append(encoded.ids)
            owner.append(np.where(inside, number + first, -1))
            first += len(members)
        empty = np.empty(0, dtype=np.int64)
        return np.concatenate([empty, *ids]), np.concatenate([empty, *owner])

    def _encoded(self, documents: Sequence[Sequence[Sentence]], namespace: str) -> list[EncodedText]:
        """The tokens of each document from its first to its last sentence, with offsets in its text."""
        cuts = [list(_pieces(members)) for members in documents]
        keys = [
            Key(namespace, digest(b"ids", self._salt, members[0].document.text, np.asarray(pieces).tobytes()))
            for members, pieces in zip(documents, cuts, strict=True)
        ]

        def encode(missing: list[int]) -> list[EncodedText]:
            return [self._joined(documents[number][0].document.text, cuts[number]) for number in missing]

        return self._cache.remember(keys, encode, size=lambda encoded: encoded.nbytes)

    def _joined(self, text: str, pieces: Sequence[tuple[int, int]]) -> EncodedText:
        parts = self.encoder.encode([text[a:b] for a, b in pieces])
        return EncodedText(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.starts + a for part, (a, _) in zip(parts, pieces, strict=True)]),
            np.concatenate([part.ends + a for part, (a, _) in zip(parts, pieces, strict=True)]),
        )

    def _segment(self, question: NDArray[np.int64], ids: NDArray[np.int64], owner: NDArray[np.int64], read_from: ReadFrom) -> Segment:
        owned = owner[owner >= 0]
        first = int(owned.min()) if len(owned) else 0
        size = int(owned.max()) - first + 1 if len(owned) else 0
        head, middle, tail = self._frame
        parts = [head, ids, middle, question, tail] if self.causal else [head, question, middle, ids, tail]
        context_at, question_at = (1, 3) if self.causal else (3, 1)
        offsets = np.cumsum([0, *map(len, parts)])
        total = int(offsets[-1])
        owners = np.full(total, size)
        owners[offsets[context_at] : offsets[context_at + 1]] = np.where(owner >= 0, owner - first, size)
        asked = np.arange(offsets[question_at], offsets[question_at + 1])
        rows = asked if read_from == "query" and len(asked) else np.array([total - 1])
        types = torch.from_numpy((np.arange(total) >= offsets[3]).astype(np.int64))[None] if self._types else None
        batch = TokenBatch(
            input_ids=torch.from_numpy(np.concatenate(parts))[None],
            attention_mask=torch.ones(1, total, dtype=torch.long),
            owner=torch.from_numpy(owners)[None],
            rows=torch.from_numpy(rows)[None],
            row_weights=torch.full((1, len(rows)), 1 / len(rows)),
            n_sentences=size,
            token_type_ids=types,
        )
        context = len(head) + len(ids) if self.causal else 0
        return Segment(batch=batch, first=first, tokens=np.bincount(owned - first, minlength=size), context=context)


def _pieces(sentences: Sequence[Sentence]) -> Iterator[tuple[int, int]]:
    """Character ranges of whole sentences, about `PIECE` long."""
    begin = sentences[0].start
    for sentence in sentences:
        if sentence.start > begin and sentence.end - begin > PIECE:
            yield begin, sentence.start
            begin = sentence.start
    yield begin, sentences[-1].end


def _causal_frame(tokenizer: PreTrainedTokenizerBase, prompt: ReadingPrompt) -> tuple[str, str, str]:
    """The text before the context, between context and question, and after the question."""
    body = prompt.render()
    if tokenizer.chat_template:
        # `enable_thinking` is read by templates that know it: the first word of the answer should follow, not a monologue
        try:
            rendered = tokenizer.apply_chat_template(
                [{"role": "user", "content": body}], tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except Exception as error:  # a template is a program: whatever a program can raise
            raise UnsupportedModelError(
                f"the chat template of `{tokenizer.name_or_path}` failed on a message of the user ({type(error).__name__}: {error}). Set "
                "`tokenizer.chat_template` to one that takes it, or to None, and pass model and tokenizer to `Marker.from_model`."
            ) from error
        parts = _split_frame(str(rendered))
        if parts is not None:
            return parts
    parts = _split_frame(f"{tokenizer.bos_token or ''}{body}\n{prompt.answer_heading}")
    assert parts is not None
    return parts


def _split_frame(text: str) -> tuple[str, str, str] | None:
    if text.count(_CONTEXT) != 1 or text.count(_QUERY) != 1:
        return None
    head, rest = text.split(_CONTEXT)
    middle, tail = rest.split(_QUERY)
    return head, middle, tail


def _encoder_frame(tokenizer: PreTrainedTokenizerBase) -> tuple[str, str, str]:
    begin, end = tokenizer.cls_token or "", tokenizer.sep_token or ""
    return begin, end, end


def windows(owner: NDArray[np.int64], capacity: int) -> Iterator[tuple[int, int]]:
    """Overlapping token ranges of at most `capacity` tokens that cover the context and cut no sentence.

    They are filled from the front, each as full as it can be, so they do not depend on what comes later: a memory that grows keeps all its
    windows except the last, and everything that was read of them.

    Args:
        owner: Sentence number of each token `(T,)`.
        capacity: Tokens of a window, at least 1.
    """
    total = len(owner)
    borders = np.concatenate([np.flatnonzero(np.diff(owner)) + 1, [total]])  # ends of sentences
    begin = covered = 0
    while covered < total:
        end = _last_border(borders, covered, begin + capacity)
        if end is None:  # the next sentence does not fit behind the overlap, or is longer than a window and must be cut
            begin = covered
            end = _last_border(borders, covered, begin + capacity) or begin + capacity
        yield begin, end
        covered = end
        first = max(begin + 1, end - capacity // OVERLAP)
        begin = min(end, int(borders[np.searchsorted(borders, first)]))


def _last_border(borders: NDArray[np.int64], above: int, at_most: int) -> int | None:
    border = int(borders[np.searchsorted(borders, at_most, side="right") - 1])  # wraps round to the last when there is none
    return border if above < border <= at_most else None
