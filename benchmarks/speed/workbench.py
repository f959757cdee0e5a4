"""What all parts share: the device, the model, the texts, markers over them, and a look at what a marker really runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from attngs.marking.marker import Marker
from attngs.marking.scorers.attention import AttentionConfig
from attngs.types import Document
from benchmarks.machine import free_memory
from benchmarks.speed.models import POSITIONS, Shape, bare_body, build_model
from benchmarks.speed.texts import Corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one marking made of the model's work."""

    ids: Tensor  # (1, T), all tokens that went through the model
    layers: int
    """How many layers ran, the one that was left half-way included."""


class Workbench:
    """One model on one device."""

    def __init__(self, shape: Shape, device: str) -> None:
        self.shape = shape
        self.device = device
        self.corpus = Corpus()

    @cached_property
    def model(self) -> PreTrainedModel:
        return build_model(self.shape, self.device)

    def marker(self, *, layers: tuple[float, ...] | None = None, **settings: Any) -> Marker:
        """A marker in the paper's setting, or with other layers, that has read nothing yet and never reads in windows."""
        config = replace(AttentionConfig.paper(), layers=layers) if layers else AttentionConfig.paper()
        return Marker.from_model(self.model, self.corpus.tokenizer, window=POSITIONS, config=config, **settings)

    def save(self, folder: str) -> None:
        """Model and tokenizer, as anybody's `from_pretrained` expects them."""
        self.model.save_pretrained(folder)
        self.corpus.tokenizer.save_pretrained(folder)

    def bare(self, layers: int, implementation: str = "sdpa") -> PreTrainedModel:
        return bare_body(self.model, layers, implementation)

    def read(self, documents: Sequence[Document], query: str, marker: Marker | None = None) -> Reading:
        """Mark once and note which tokens and which layers that took. Benchmarks compare with what is done, not with what is planned."""
        marker = marker or self.marker()
        with watched(self.model) as watch:
            marker.mark(documents, query)
        return Reading(ids=torch.cat(watch.ids, dim=1), layers=watch.layers)

    def synchronize(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def free_bytes(self) -> int:
        """What a method can still have."""
        if self.device != "cuda":
            return free_memory()
        torch.cuda.empty_cache()  # what torch only holds ready is free
        return torch.cuda.mem_get_info()[0]


@dataclass
class Watch:
    """Filled by `watched`."""

    ids: list[Tensor] = field(default_factory=list[Tensor])
    layers: int = 0


@contextmanager
def watched(model: PreTrainedModel) -> Iterator[Watch]:
    """Hooks on the model's body and layers, gone at the end."""
    watch = Watch()
    body: Any = model.base_model

    def enter(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        watch.ids.append(named["input_ids"].detach().clone())

    def enter_layer(depth: int) -> Any:
        def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
            watch.layers = max(watch.layers, depth + 1)

        return enter

    hooks = [body.register_forward_pre_hook(enter, with_kwargs=True)]
    hooks += [layer.register_forward_pre_hook(enter_layer(depth)) for depth, layer in enumerate(body.layers)]
    try:
        yield watch
    finally:
        for hook in hooks:
            hook.remove()
