"""The attention function that attngs registers with transformers and puts in force while it reads.

A model's attention layers look their function up by name in transformers' `AttentionInterface`. Ours lets an observer see queries and
keys and leaves the layer itself to the stock SDPA kernel. Nothing is hooked or patched. The observer is a `ContextVar`, so threads that
read with the same model do not see each other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask, sdpa_mask

from attngs.reading.attention_rows import attend_in_blocks
from attngs.reading.forks import renewed_in_children

if TYPE_CHECKING:
    from transformers import PreTrainedModel

IMPLEMENTATION = "attngs"

FEW_ROWS = 256
"""Up to this many tokens behind a past, attending row by row is cheaper than SDPA, which repeats shared key heads under a mask."""

ROWS = 1_024
"""Tokens of a block behind a past."""


class Observer(Protocol):
    """Sees the queries and keys of every attention layer of a forward pass."""

    def observe(self, module: nn.Module, query: Tensor, key: Tensor, **settings: Any) -> None: ...


_observer: ContextVar[Observer | None] = ContextVar("attngs_observer", default=None)


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let an observer see this thread's forward passes inside the block."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def is_causal_layer(module: nn.Module, settings: dict[str, Any]) -> bool:
    """Whether tokens of this layer see only those before them."""
    given = settings.get("is_causal")
    return bool(getattr(module, "is_causal", True) if given is None else given)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """The registered attention function: observe, then attend as SDPA would.

    Soft caps and sinks change the softmax in ways that SDPA cannot; those layers run in blocks of rows, still without an N x N matrix.
    So do the few tokens of a question behind the past of a long context. Many tokens behind a past also go to SDPA block by block: its
    kernel does not skip what a mask hides, and it copies a mask into numbers.
    """
    if (observer := _observer.get()) is not None:
        observer.observe(module, query, key, attention_mask=attention_mask, scaling=scaling, **settings)
    causal, past = is_causal_layer(module, settings), key.shape[2] - query.shape[2]
    softcap, sinks = settings.get("softcap"), settings.get("s_aux")
    few_behind_a_past = past > 0 and query.shape[2] <= FEW_ROWS and settings.get("position_bias") is None
    if softcap is not None or sinks is not None or few_behind_a_past:
        attended = attend_in_blocks(query, key, value, mask=attention_mask, scaling=scaling, causal=causal, softcap=softcap, sinks=sinks)
        return attended.transpose(1, 2).contiguous(), None  # (B, T, H, D)
    if observer is None or not causal or past <= 0 or attention_mask is None:
        attended, _ = sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **settings)
        return attended, None
    blocks = []
    for start in range(0, query.shape[2], ROWS):
        rows, end = slice(start, start + ROWS), past + start + ROWS
        mask = attention_mask[:, :, rows, :end]
        part, _ = sdpa_attention_forward(
            module, query[:, :, rows], key[:, :, :end], value[:, :, :end], mask, dropout=dropout, scaling=scaling, **settings
        )
        blocks.append(part)
    return torch.cat(blocks, dim=1), None


def _mask(*sizes: Any, **settings: Any) -> Tensor | None:
    """The mask for `_attention`; with none under our name, transformers would silently pass no mask.

    Another forward pass, such as a chat that generates while we read, may make its masks under our name and run its last layers under the
    model's own attention again. It gets the full additive mask, which SDPA and eager attention both read.
    """
    mask: Tensor | None = (sdpa_mask if _observer.get() is not None else eager_mask)(*sizes, **settings)
    return mask


AttentionInterface.register(IMPLEMENTATION, _attention)
AttentionMaskInterface.register(IMPLEMENTATION, _mask)


class _Installations:
    """Which models have our attention function in force, and for how many reads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reads: WeakKeyDictionary[nn.Module, tuple[int, dict[str, str]]] = WeakKeyDictionary()
        renewed_in_children(self)

    def after_fork(self) -> None:
        """In a child no read is under way. What one left in force is put back by the next."""
        self._lock = threading.Lock()
        self._reads = WeakKeyDictionary({body: (0, own) for body, (_, own) in self._reads.items()})

    def begin(self, model: PreTrainedModel) -> None:
        """Put our function in force, unless another read has done so."""
        body = model.base_model  # which a model and its body, read side by side, have in common, and with it the setting
        with self._lock:
            if body in self._reads:
                count, own = self._reads[body]
            else:
                count, own = 0, _implementations(model)
                model.set_attn_implementation(IMPLEMENTATION)
            self._reads[body] = (count + 1, own)

    def end(self, model: PreTrainedModel) -> None:
        """Put the model's own function back, if no other read needs ours."""
        body = model.base_model
        with self._lock:
            count, own = self._reads.pop(body)
            if count > 1:
                self._reads[body] = (count - 1, own)
            else:
                model.set_attn_implementation(own)


_installations = _Installations()


@contextmanager
def installed(model: PreTrainedModel) -> Iterator[None]:
    """Have our function in force inside the block; the last overlapping read restores the model's own."""
    _installations.begin(model)
    try:
        yield
    finally:
        _installations.end(model)


def _implementations(model: PreTrainedModel) -> dict[str, str]:
    """The attention implementation of a model and of its parts (a vision tower may have its own)."""
    parts = {name: getattr(model.config, name, None) for name in model.config.sub_configs}
    return {"": model.config._attn_implementation} | {n: c._attn_implementation for n, c in parts.items() if c is not None}
