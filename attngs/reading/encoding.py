"""User text -> token ids with character offsets; nothing inside the text can act as a special token.

A document may hold `<|im_end|>` or `[SEP]`. A tokenizer would turn that into the control token itself, and the document could then forge
parts of the prompt. Here such a string is cut after its first character and encoded in two parts, so that it stays ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from attngs.errors import UnsupportedModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SURROGATES = re.compile("[\ud800-\udfff]")  # replaced one by one, not as `clean_text` does, so that offsets stay


@dataclass(frozen=True, slots=True, eq=False)
class EncodedText:
    """Token ids of one text and the characters that each token covers; all three arrays are `(T,)`."""

    ids: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes + self.starts.nbytes + self.ends.nbytes


class TextSize(NamedTuple):
    """What a text comes to in tokens."""

    tokens: int
    known: int
    """Those that are not the unknown token."""
    spelled: int
    """Characters that the known ones cover."""


class TextEncoder:
    """A tokenizer that reads any string as plain text: no truncation, padding or special tokens.

    Attributes:
        control_ids: Ids of the tokenizer's special tokens, but for the unknown token.
        unknown_id: Id of the unknown token, if there is one.

    Raises:
        UnsupportedModelError: The tokenizer cannot say which characters a token covers.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            raise UnsupportedModelError(
                f"the tokenizer `{type(tokenizer).__name__}` has no character offsets, so tokens cannot be matched to sentences. "
                "Use a model that ships a `tokenizer.json`, or save one with `AutoTokenizer.from_pretrained(..., use_fast=True)`."
            )
        self._backend = Tokenizer.from_str(backend.to_str())  # our own copy: truncation and padding are settings of the object
        self._backend.no_truncation()
        self._backend.no_padding()
        template = str(getattr(tokenizer, "chat_template", None) or "")
        added = backend.get_added_tokens_decoder()
        control = [t.content for t in added.values() if t.special or (t.content and t.content in template)]
        longest_first = sorted((re.escape(token) for token in control if token), key=len, reverse=True)
        self._control = re.compile("|".join(longest_first)) if longest_first else None
        self.unknown_id: int | None = getattr(tokenizer, "unk_token_id", None)
        ids = [number for number, token in added.items() if token.special and number != self.unknown_id]
        self.control_ids = np.array(ids, dtype=np.int64)
        question_mark: list[int] = self._backend.encode("?", add_special_tokens=False).ids
        self._plain_id = question_mark[0] if question_mark else self.unknown_id or 0

    def encode_template(self, text: str) -> list[int]:
        """Ids of a piece of our own prompt, whose special tokens are meant."""
        return list(self._backend.encode(text, add_special_tokens=False).ids)

    def encode(self, texts: Sequence[str]) -> list[EncodedText]:
        """Ids and offsets of each text. Lone surrogates are read as U+FFFD; offsets are those of the input."""
        parts: list[list[NDArray[np.int64]]] = [[] for _ in texts]  # one (T, 3) array a piece
        for number, start, encoding in self._pieces(texts):
            offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2) + start
            parts[number].append(np.column_stack([np.asarray(encoding.ids, dtype=np.int64), offsets]))
        columns = [np.concatenate(part) if part else np.empty((0, 3), dtype=np.int64) for part in parts]
        for table in columns:  # a tokenizer that normalises first may still find a disguised control string
            table[np.isin(table[:, 0], self.control_ids), 0] = self._plain_id
        return [EncodedText(table[:, 0], table[:, 1], table[:, 2]) for table in columns]

    def measure(self, texts: Sequence[str]) -> list[TextSize]:
        """How many tokens each text takes and how many characters they spell; faster than `encode`."""
        sizes = [TextSize(0, 0, 0)] * len(texts)
        for number, _, encoding in self._pieces(texts):
            known = [end - start for (start, end), i in zip(encoding.offsets, encoding.ids, strict=True) if i != self.unknown_id]
            size = sizes[number]
            sizes[number] = TextSize(size.tokens + len(encoding.ids), size.known + len(known), size.spelled + sum(known))
        return sizes

    def _pieces(self, texts: Sequence[str]) -> Iterator[tuple[int, int, Encoding]]:
        """The number of a text, the place of a piece in it, and the piece's encoding."""
        pieces: list[str] = []
        origins: list[tuple[int, int]] = []
        for number, text in enumerate(texts):
            start = 0
            for piece in self._defuse(_SURROGATES.sub("\ufffd", text)):
                pieces.append(piece)
                origins.append((number, start))
                start += len(piece)
        for (number, start), encoding in zip(origins, self._backend.encode_batch(pieces, add_special_tokens=False), strict=True):
            yield number, start, encoding

    def _defuse(self, text: str) -> list[str]:
        """Cut the text inside every control string; one of a single character becomes U+FFFD."""
        if self._control is None or not self._control.search(text):
            return [text]
        cuts = [0]
        text = self._control.sub(lambda match: match[0] if len(match[0]) > 1 else "\ufffd", text)
        position = 0
        while (match := self._control.search(text, position)) is not None:
            position = match.start() + 1
            cuts.append(position)
        cuts.append(len(text))
        return [text[a:b] for a, b in pairwise(cuts)]
