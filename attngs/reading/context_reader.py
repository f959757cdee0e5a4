"""Segments -> attention on their sentences; a context that was read before is not read again.

The keys and values of a context's tokens are the same for every question. They are looked up chunk by chunk, the missing ones are read and
kept. Of several segments that begin with the same unread context, the first reads it for all. Otherwise segments of about the same length
share forward passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import __version__ as transformers_version

from attngs.errors import ModelError
from attngs.reading.anatomy import fingerprint, weights_version
from attngs.reading.attention import AttentionReader
from attngs.reading.batches import Outcome, in_batches
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.reading.key_values import CHUNK, Chunk, Past, Storage, keeps_keys_and_values
from attngs.reading.token_batch import TokenBatch
from attngs.types import Warmth

if TYPE_CHECKING:
    from attngs.reading.segments import Segment

AT_ONCE = 32_768
"""Most tokens of one pass: with more, memory grows and nothing gets faster."""

SPARING = 1_024
"""Tokens of one pass where memory ran out, or where layers see only a window and a longer pass is wasted work."""

MASK = 2**26
"""Most entries of a mask: SDPA needs one in a pass behind a past."""

Ids = NDArray[np.int64]


class ContextReader:
    """Reads segments of one model in some of its layers.

    Args:
        reader: Of the model.
        layers: Which readable layers.
        cache: Where keys and values are kept.
        storage: How they are kept; `None` as the model computes them.
        max_batch_tokens: Tokens of one forward pass, including padding.

    Attributes:
        keeps: Whether contexts of this model can be kept: it must be a decoder whose past is keys and values and nothing else.
    """

    def __init__(
        self, reader: AttentionReader, layers: Sequence[int], *, cache: ContextCache, storage: Storage | None, max_batch_tokens: int
    ) -> None:
        self._reader = reader
        self._layers = tuple(layers)
        top = max(reader.depths[layer] for layer in layers)
        self._cache = cache
        self._storage = storage
        self._max_batch_tokens = max_batch_tokens
        self._windows = [reader.windows.get(depth) for depth in range(top + 1)]
        self.keeps = reader.causal and keeps_keys_and_values(reader.model)
        self._salt = uuid4().bytes  # of this model, these layers and this storage: caches may be shared between markers
        self._identified: tuple[bytes, bytes] | None = None
        sliding = [window for window in self._windows if window]
        self._at_once = min(AT_ONCE, max(SPARING, *sliding)) if sliding else AT_ONCE

    def read(self, segments: Sequence[Segment], namespaces: Sequence[str]) -> list[Outcome[Tensor]]:
        """Attention mass `(L, H, S)` of each segment, or its error.

        There are two turns: of several segments with the same unread context one is read in the first turn, and the others find it kept in
        the second.
        """
        names = self._names([segment.batch.input_ids[0, : segment.context].numpy() for segment in segments], namespaces)
        kept = [self._kept(keys) for keys in names]
        unread: dict[Key, int] = {}
        for i, keys in enumerate(names):
            if len(kept[i]) < len(keys):
                unread.setdefault(keys[-1], i)
        first = set(unread.values())
        outcomes: dict[int, Outcome[Tensor]] = {}
        for turn in (sorted(first), [i for i in range(len(segments)) if i not in first]):
            outcomes |= zip(turn, self._read([segments[i] for i in turn], [names[i] for i in turn], [kept[i] for i in turn]), strict=True)
            kept = [had if len(had) == len(keys) else self._kept(keys) for had, keys in zip(kept, names, strict=True)]
        return [outcomes[i] for i in range(len(segments))]

    def warm(self, contexts: Sequence[Ids], namespace: str) -> Warmth:
        """Read the parts of contexts that are not kept yet.

        Raises:
            ModelError: The model failed.
        """
        names = self._names(contexts, [namespace] * len(contexts))
        kept = [self._kept(keys) for keys in names]
        missing = [i for i, keys in enumerate(names) if len(kept[i]) < len(keys)]

        def forward(batch: list[int], spare: bool) -> list[Outcome[None]]:
            for i in (missing[number] for number in batch):
                past = Past([kept[i]], self._windows)
                self._prefill(torch.from_numpy(contexts[i])[None], past, SPARING if spare else self._at_once)
                self._keep(past, 0, names[i], len(kept[i]), len(contexts[i]))
            return [None for _ in batch]

        for outcome in in_batches([len(contexts[i]) for i in missing], forward, max_batch_tokens=1):
            if isinstance(outcome, ModelError):
                raise outcome
        chunks = [chunk for keys in names for chunk in self._kept(keys)]
        return Warmth(
            tokens=sum(map(len, contexts)), kept=sum(chunk.tokens for chunk in chunks), bytes=sum(chunk.nbytes for chunk in chunks)
        )

    def _read(self, segments: Sequence[Segment], names: Sequence[list[Key]], kept: Sequence[list[Chunk]]) -> list[Outcome[Tensor]]:
        def forward(batch: list[int], spare: bool) -> list[Outcome[Tensor]]:
            at_once = SPARING if spare else self._at_once
            return self._forward([segments[i] for i in batch], [names[i] for i in batch], [kept[i] for i in batch], at_once)

        # the inputs of a batch have the same number of kept tokens; what each still has to read may differ in length
        lengths = [segment.batch.input_ids.shape[1] for segment in segments]
        pasts = [sum(chunk.tokens for chunk in chunks) for chunks in kept]
        return in_batches(lengths, forward, max_batch_tokens=self._max_batch_tokens, kinds=pasts)

    def _forward(
        self, segments: Sequence[Segment], names: Sequence[list[Key]], kept: Sequence[list[Chunk]], at_once: int
    ) -> list[Outcome[Tensor]]:
        batch = TokenBatch.stack([segment.batch for segment in segments])
        length = batch.input_ids.shape[1]
        if any(names) or (self.keeps and length > at_once):
            past = Past(kept, self._windows)
            new = length - past.length
            if new > at_once or (past.length and new * length > MASK):
                self._prefill(batch.input_ids[:, : min(segment.context for segment in segments)], past, at_once)
            mass = self._reader.read(batch, self._layers, past)
            for row, (segment, keys) in enumerate(zip(segments, names, strict=True)):
                self._keep(past, row, keys, len(kept[row]), segment.context)
        else:
            mass = self._reader.read(batch, self._layers)
        return [self._checked(one[..., : segment.batch.n_sentences]) for one, segment in zip(mass, segments, strict=True)]

    def _prefill(self, input_ids: Tensor, past: Past, at_once: int) -> None:
        """Let the past take up the tokens `(B, t)` that it does not have yet, a pass at a time."""
        total = input_ids.shape[1]
        while (begin := past.get_seq_length()) < total:
            step = min(at_once, max(CHUNK, MASK // total)) if begin else at_once
            self._reader.prefill(input_ids[:, begin : begin + step], past)

    def _kept(self, keys: list[Key]) -> list[Chunk]:
        """The chunks of the first keys: those in RAM, and behind them those in the folder."""
        run: list[Chunk] = self._cache.get_run(keys)
        if self._cache.folder and len(run) < len(keys):
            had = len(run)
            run += self._cache.folder.get_run(keys[had:], self._reader.model.device)
            self._put(keys[had : len(run)], run[had:])
        return run

    def _keep(self, past: Past, row: int, keys: list[Key], had: int, stop: int) -> None:
        """Keep the new chunks of one text."""
        if had == len(keys):
            return
        chunks = past.take(row, had * CHUNK, stop, self._storage)
        self._put(keys[had:], chunks)
        if self._cache.folder:
            self._cache.folder.put(keys[had:], chunks)

    def _put(self, keys: list[Key], chunks: list[Chunk]) -> None:
        """Keep chunks in RAM, the first one last: in a small cache the beginning is what helps."""
        for key, chunk in zip(reversed(keys), reversed(chunks), strict=True):
            self._cache.put(key, chunk, chunk.nbytes)

    def _names(self, contexts: Sequence[Ids], namespaces: Sequence[str]) -> list[list[Key]]:
        """The key of each chunk of each context, for all tokens up to its end; none if nothing can be kept."""
        if not self.keeps or not (self._cache.max_bytes or self._cache.folder):
            return [[] for _ in contexts]
        root = digest(b"keys and values", self._identity(weights_version(self._reader.model)))
        return [_chain(root, ids, namespace) for ids, namespace in zip(contexts, namespaces, strict=True)]

    def _identity(self, version: bytes) -> bytes:
        """Who reads: this object, or for a folder whatever reads as it does."""
        if not self._cache.folder:
            return digest(self._salt, version)
        if self._identified is None or self._identified[0] != version:
            reads = f"{len(self._windows)} {self._storage} {self._reader.model.dtype} {CHUNK} {transformers_version}"
            self._identified = version, digest(fingerprint(self._reader.model), reads)
        return self._identified[1]

    def _checked(self, mass: Tensor) -> Outcome[Tensor]:
        if torch.isfinite(mass).all():
            return mass
        model = self._reader.model
        return ModelError(
            f"the attention of `{model.config.model_type}` is not a number in {model.dtype}: the weights are damaged, or the format is too "
            "narrow. Load it with `dtype=torch.float32`."
        )


def _chain(name: bytes, context: Ids, namespace: str) -> list[Key]:
    keys: list[Key] = []
    for begin in range(0, len(context), CHUNK):
        name = digest(name, context[begin : begin + CHUNK].tobytes())
        keys.append(Key(namespace, name))
    return keys
