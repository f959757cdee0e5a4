"""Sentences + question -> token segments that fit the model: ids, the owner of each token, the probe rows.

The context stands before the question, so that a causal model's keys and values of the context do not depend on the question; an encoder
gets `[CLS] question [SEP] context [SEP]`. A context longer than the window is read in several segments of about equal length that never
cut a sentence; only a sentence that is longer than a whole window is read in parts. No token is skipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attngs.encoding import TextEncoder
from attngs.errors import InputError
from attngs.types import Sentence

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Probe = Literal["last", "query"]
"""Whose attention is read: the last prompt position, which predicts the first word of the answer, or the mean of the question's tokens."""

PIECE = 16_384
"""Characters that are tokenized at once; longer documents are cut at sentence ends, which keeps memory flat."""

_CONTEXT, _QUERY = "\ue000context\ue001", "\ue000query\ue001"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingPrompt:
    """What the marker is told. Plain text around the context and the question; a chat template is put round it where the model has one."""

    instruction: str = "Read what is known, then answer the question with the parts of it that matter."
    context_heading: str = "What is known:"
    query_heading: str = "Question:"
    answer_heading: str = "Answer:"

    def render(self) -> str:
        return f"{self.instruction}\n\n{self.context_heading}\n{_CONTEXT}\n\n{self.query_heading} {_QUERY}"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TokenBatch:
    """What one forward pass reads."""

    input_ids: Tensor  # (B, T)
    attention_mask: Tensor  # (B, T), 1 = token, 0 = padding
    owner: Tensor  # (B, T), sentence number inside the batch; `n_sentences` = none
    rows: Tensor  # (B, R), probe positions
    row_weights: Tensor  # (B, R), sum 1; 0 for padding rows
    n_sentences: int
    token_type_ids: Tensor | None = None  # (B, T)

    def to(self, device: torch.device) -> TokenBatch:
        moved = {
            name: value.to(device)
            for name in ("input_ids", "attention_mask", "owner", "rows", "row_weights", "token_type_ids")
            if (value := getattr(self, name)) is not None
        }
        return replace(self, **moved)

    def answered(self, reply: Tensor) -> TokenBatch:
        """The same text with the model's reply `(1, K)` behind it, probed at the reply's last token."""
        ids = torch.cat([self.input_ids, reply.to(self.input_ids)], dim=1)
        return replace(
            self,
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            owner=torch.cat([self.owner, torch.full_like(reply, self.n_sentences).to(self.owner)], dim=1),
            rows=torch.tensor([[ids.shape[1] - 1]]),
            row_weights=torch.ones(1, 1),
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segment:
    """One window of the context: sentences `first ... first + len(tokens) - 1` of the request."""

    batch: TokenBatch
    first: int
    tokens: NDArray[np.int64]  # (S,), tokens of each sentence in this window


class Segmenter:
    """Builds the segments of a question for one tokenizer.

    Args:
        tokenizer: A fast tokenizer.
        window: Tokens that one forward pass may read, question and template included.
        causal: Whether the model is a decoder.
        prompt: What the marker is told (decoders only).
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, window: int, causal: bool, prompt: ReadingPrompt | None = None) -> None:
        self.window = window
        self.causal = causal
        self.encoder = TextEncoder(tokenizer)
        self._types = not causal and "token_type_ids" in tokenizer.model_input_names
        frame = _causal_frame(tokenizer, prompt or ReadingPrompt()) if causal else _encoder_frame(tokenizer)
        self._frame = tuple(self.encoder.encode_template(part) for part in frame)
        self._gap = self.encoder.encode_template("\n\n") if causal else []

    def segments(self, query: str, sentences: Sequence[Sentence], probe: Probe) -> list[Segment]:
        """Cut the request into windows.

        Raises:
            InputError: Question and prompt leave less than half of the window to a context that needs more.
        """
        question = self.encoder.encode([query])[0].ids
        ids, owner = self._context(sentences)
        frame = sum(map(len, self._frame))
        capacity = self.window - len(question) - frame
        if capacity < min(self.window // 2, len(ids)):
            raise InputError(
                f"`query` takes {len(question)} tokens and the prompt around it {frame}, which leaves {capacity} of {self.window} to the "
                "context. Shorten the question, or give the model a longer `window`."
            )
        return [self._segment(question, ids[a:b], owner[a:b], probe) for a, b in _windows(owner, capacity)]

    def _context(self, sentences: Sequence[Sentence]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Token ids of all documents and the sentence number of each token (-1: between documents)."""
        ids: list[NDArray[np.int64]] = []
        owner: list[NDArray[np.int64]] = []
        first = 0
        for position, group in groupby(sentences, key=lambda sentence: sentence.position):
            members = list(group)
            if position != sentences[0].position and self._gap:
                ids.append(np.asarray(self._gap))
                owner.append(np.full(len(self._gap), -1))
            starts = np.array([sentence.start for sentence in members])
            ends = np.array([sentence.end for sentence in members])
            text = members[0].document.text
            pieces = list(_pieces(starts, ends))
            for (a, _), encoded in zip(pieces, self.encoder.encode([text[a:b] for a, b in pieces]), strict=True):
                # a token that straddles two sentences (" The") belongs to the one its last character is in
                last = np.maximum(encoded.ends - 1, encoded.starts) + a
                number = np.searchsorted(starts, last, side="right") - 1
                inside = (number >= 0) & (last < ends[number])
                ids.append(encoded.ids)
                owner.append(np.where(inside, number + first, -1))
            first += len(members)
        empty = np.empty(0, dtype=np.int64)
        return np.concatenate([empty, *ids]), np.concatenate([empty, *owner])

    def _segment(self, question: NDArray[np.int64], ids: NDArray[np.int64], owner: NDArray[np.int64], probe: Probe) -> Segment:
        owned = owner[owner >= 0]
        first = int(owned.min()) if len(owned) else 0
        size = int(owned.max()) - first + 1 if len(owned) else 0
        head, middle, tail = (np.asarray(part, dtype=np.int64) for part in self._frame)
        parts = [head, ids, middle, question, tail] if self.causal else [head, question, middle, ids, tail]
        context_at, question_at = (1, 3) if self.causal else (3, 1)
        offsets = np.cumsum([0, *map(len, parts)])
        total = int(offsets[-1])
        owners = np.full(total, size)
        owners[offsets[context_at] : offsets[context_at + 1]] = np.where(owner >= 0, owner - first, size)
        asked = np.arange(offsets[question_at], offsets[question_at + 1])
        rows = asked if probe == "query" and len(asked) else np.array([total - 1])
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
        return Segment(batch=batch, first=first, tokens=np.bincount(owned - first, minlength=size))


def _pieces(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Character ranges of whole sentences, about `PIECE` long."""
    begin = int(starts[0])
    for start, end in zip(starts, ends, strict=True):
        if start > begin and end - begin > PIECE:
            yield begin, int(start)
            begin = int(start)
    yield begin, int(ends[-1])


def _windows(owner: NDArray[np.int64], capacity: int) -> list[tuple[int, int]]:
    """Token ranges of at most `capacity`, as few and as equal as sentence borders allow."""
    if len(owner) == 0:
        return []
    borders = np.concatenate([np.flatnonzero(np.diff(owner)) + 1, [len(owner)]])
    full = list(_cut(borders, capacity, math.inf))
    for count in range(math.ceil(len(owner) / capacity), len(full) + 1):
        equal = list(_cut(borders, capacity, count))
        if len(equal) == count:
            return equal
    return full


def _cut(borders: NDArray[np.int64], capacity: int, count: float) -> Iterator[tuple[int, int]]:
    """Cut at the last border that keeps to an equal share of what is left; a sentence longer than a window is cut at its end."""
    total, begin = int(borders[-1]), 0
    while begin < total:
        share = math.ceil((total - begin) / max(1, count)) if math.isfinite(count) else capacity
        at_most = np.searchsorted(borders, begin + capacity, side="right")
        near = min(np.searchsorted(borders, begin + share, side="left"), at_most - 1)
        end = int(borders[near]) if near >= 0 and borders[near] > begin else min(begin + capacity, total)
        yield begin, end
        begin, count = end, count - 1


def _causal_frame(tokenizer: PreTrainedTokenizerBase, prompt: ReadingPrompt) -> tuple[str, str, str]:
    """The text before the context, between context and question, and after the question."""
    body = prompt.render()
    if tokenizer.chat_template:
        # `enable_thinking` is read by templates that know it: the first word of the answer should follow, not a monologue
        rendered = tokenizer.apply_chat_template(
            [{"role": "user", "content": body}], tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
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
