"""Layers that nobody reads -> a configuration without them, so that their weights never leave the disk."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from transformers import PretrainedConfig
from transformers.cache_utils import DynamicCache, DynamicLayer


class Truncation(NamedTuple):
    """What to load instead of the whole model."""

    config: PretrainedConfig
    readable_layers: int
    """Attention layers of the whole model, which fractions of the depth refer to."""
    depths: tuple[int, ...]
    """Places of those that are left."""


def layers_at(fractions: Sequence[float], readable_layers: int) -> tuple[int, ...]:
    """Fractions of the depth, 0 = first readable layer and 1 = last, as indices."""
    return tuple(round(fraction * (readable_layers - 1)) for fraction in fractions)


def truncated(config: PretrainedConfig, fractions: Sequence[float]) -> Truncation | None:
    """The configuration cut behind the highest layer that is read; `None` where the layers cannot do without those above them."""
    config = copy.deepcopy(config)
    text: Any = config.get_text_config()
    layers = text.num_hidden_layers
    if any(getattr(text, field, None) for field in ("num_kv_shared_layers", "hidden_size_per_layer_input", "kv_sharing_modes")):
        return None  # weights of lower layers have the number of all layers in their shape
    readable = _readable(text)
    if not readable:
        return None
    depth = readable[max(layers_at(fractions, len(readable)))] + 1
    for name, value in list(vars(text).items()):
        if isinstance(value, list | tuple) and len(value) == layers:
            setattr(text, name, value[:depth])  # one entry a layer, such as `layer_types`
    text.num_hidden_layers = depth
    return Truncation(config, len(readable), tuple(place for place in readable if place < depth))


def _readable(config: Any) -> list[int]:
    """Places of the layers with softmax attention; hybrid models have others between them."""
    types: list[Any] = DynamicCache(config=config).layers
    if len(types) != config.num_hidden_layers:
        return list(range(config.num_hidden_layers))
    return [place for place, layer in enumerate(types) if isinstance(layer, DynamicLayer)]
