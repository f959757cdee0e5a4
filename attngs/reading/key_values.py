"""A context's keys and values, in chunks that outlive the question; a model gets them as its past.

A decoder's keys and values of a token depend only on the tokens up to it. So a chunk of `CHUNK` tokens is named by the digest of everything
up to its end: a memory that grows keeps all its full chunks, and one that is edited keeps the chunks before the edit.

With `attention.py` and `attention_function.py` this is one of three files that know transformers' inside: here, what a model asks of its
cache.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from attngs.errors import ConfigError

CHUNK = 256
"""Tokens of a chunk. An append or an edit reads at most this many again, besides what changed."""

Storage = Literal["bfloat16", "int8"]
"""How chunks are kept, if not as the model computes them."""


def check_storage(storage: str | None) -> Storage | None:
    """The storage, checked.

    Raises:
        ConfigError: There is no such storage.
    """
    if storage not in (None, "bfloat16", "int8"):
        raise ConfigError(f"`cache_storage` must be None (as computed), 'bfloat16' or 'int8', got {storage!r}.")
    return storage  # type: ignore[return-value]


class PackedTensor(NamedTuple):
    """A tensor `(G, t, D)` as it is kept; int8 has one scale per head and token."""

    data: Tensor
    scale: Tensor | None = None

    @classmethod
    def pack(cls, tensor: Tensor, storage: Storage | None) -> PackedTensor:
        """A packed copy, so that no larger tensor stays alive behind it."""
        if storage == "bfloat16":
            return cls(tensor.to(torch.bfloat16, copy=True, memory_format=torch.contiguous_format))
        if storage is None:
            return cls(tensor.clone(memory_format=torch.contiguous_format))
        scale = tensor.abs().amax(dim=-1, keepdim=True).float().clamp(min=1e-12) / 127
        return cls((tensor / scale).round().to(torch.int8), scale)

    def unpack_into(self, target: Tensor, tokens: slice) -> None:
        """Write the tokens of the slice into `target (G, n, D)`."""
        target.copy_(self.data[:, tokens])
        if self.scale is not None:
            target.mul_(self.scale[:, tokens])

    @property
    def nbytes(self) -> int:
        return self.data.nbytes + (self.scale.nbytes if self.scale is not None else 0)


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Keys and values of consecutive tokens of one text, layer by layer.

    The values of some models hold a part of their keys (DeepSeek and others compress both), so the last layer's values are kept as well,
    though nothing attends to them.
    """

    keys: tuple[PackedTensor, ...]
    values: tuple[PackedTensor, ...]

    @property
    def tokens(self) -> int:
        return self.keys[0].data.shape[1]

    @property
    def nbytes(self) -> int:
        return sum(packed.nbytes for packed in (*self.keys, *self.values))


class Past(Cache):
    """What a model has read before its next call: kept chunks, and what earlier calls added.

    Chunks are shared and never written to, so nothing has to be rolled back, and many threads may use the same ones.

    Args:
        chunks: For each text of the batch; the texts have the same number of tokens.
        windows: For each layer that runs: how many tokens back it sees, or `None` for all.
    """

    def __init__(self, chunks: Sequence[Sequence[Chunk]], windows: Sequence[int | None]) -> None:
        layers = [
            _PastLayer(
                keys=[[chunk.keys[number] for chunk in row] for row in chunks],
                values=[[chunk.values[number] for chunk in row] for row in chunks],
                window=window,
            )
            for number, window in enumerate(windows)
        ]
        super().__init__(layers=layers)  # type: ignore[arg-type]
        self.length = layers[0].get_seq_length()

    def take(self, row: int, start: int, stop: int, storage: Storage | None) -> list[Chunk]:
        """Chunks of tokens `start ... stop - 1` that the calls so far added; `start` is a chunk's border."""
        cuts = [*range(start, stop, CHUNK), stop]
        spans = [slice(a - self.length, b - self.length) for a, b in pairwise(cuts)]
        keys: list[list[PackedTensor]] = [[] for _ in spans]
        values: list[list[PackedTensor]] = [[] for _ in spans]
        for layer in self.layers:
            assert isinstance(layer, _PastLayer)
            added_keys, added_values = layer.added(row)
            for i, span in enumerate(spans):
                keys[i].append(PackedTensor.pack(added_keys[:, span], storage))
                values[i].append(PackedTensor.pack(added_values[:, span], storage))
        return [Chunk(tuple(k), tuple(v)) for k, v in zip(keys, values, strict=True)]


class _PastLayer(CacheLayerMixin):
    """One layer of a past. A sliding layer keeps everything, to continue anywhere, but shows its window.

    Attributes:
        is_sliding: transformers asks for it when it builds masks.
    """

    def __init__(self, keys: list[list[PackedTensor]], values: list[list[PackedTensor]], window: int | None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.is_sliding = window is not None
        self._keys, self._values, self._window = keys, values, window
        self._length = sum(packed.data.shape[1] for packed in keys[0]) if keys else 0
        self._added: list[tuple[Tensor, Tensor]] = []  # (B, G, t, D) of each call

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **settings: Any) -> tuple[Tensor, Tensor]:
        hidden = self._length - self._shown()
        keys = _joined(self._keys, [added for added, _ in self._added], key_states, hidden)
        values = _joined(self._values, [added for _, added in self._added], value_states, hidden)
        self._added.append((key_states, value_states))
        self._length += key_states.shape[2]
        return keys, values

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._shown() + query_length, self._length - self._shown()

    def get_seq_length(self) -> int:
        return self._length

    def get_max_length(self) -> int:
        return -1

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do."""

    def added(self, row: int) -> tuple[Tensor, Tensor]:
        """Keys and values `(G, t, D)` that the calls so far added for one text."""
        if len(self._added) == 1:
            return self._added[0][0][row], self._added[0][1][row]
        keys, values = zip(*self._added, strict=True)
        return torch.cat([part[row] for part in keys], dim=1), torch.cat([part[row] for part in values], dim=1)

    def _shown(self) -> int:
        """Tokens of the past that the next call sees."""
        return self._length if self._window is None else min(self._length, self._window - 1)


def _joined(chunks: list[list[PackedTensor]], added: list[Tensor], new: Tensor, hidden: int) -> Tensor:
    """The past without its first `hidden` tokens, then the new ones `(B, G, T, D)`, written once."""
    kept = sum(packed.data.shape[1] for packed in chunks[0]) if chunks else 0
    shown = kept + sum(tensor.shape[2] for tensor in added) - hidden
    if shown == 0:
        return new
    joined = new.new_empty(*new.shape[:2], shown + new.shape[2], new.shape[3])
    for row, packed in enumerate(chunks):
        begin = -hidden
        for part in packed:
            begin = _place(joined[row], begin, part.data.shape[1], part.unpack_into)
    begin = kept - hidden
    for tensor in (*added, new):
        begin = _place(joined, begin, tensor.shape[2], partial(_copy, tensor))
    return joined


def _place(joined: Tensor, begin: int, tokens: int, write: Callable[[Tensor, slice], object]) -> int:
    """Write a part from column `begin` on, cut off left of the first; returns the column behind it."""
    end = begin + tokens
    if end > 0:
        write(joined[..., max(0, begin) : end, :], slice(max(0, -begin), tokens))
    return end


def _copy(tensor: Tensor, target: Tensor, tokens: slice) -> None:
    target.copy_(tensor[..., tokens, :])


def keeps_keys_and_values(model: PreTrainedModel) -> bool:
    """Whether this model's past is keys and values and nothing else, such as recurrent state."""
    config = model.config.get_text_config()
    layers: list[Any] = DynamicCache(config=config).layers
    return (
        "past_key_values" in inspect.signature(model.base_model.forward).parameters
        and len(layers) == config.num_hidden_layers
        and all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)
    )
