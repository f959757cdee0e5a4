"""A model from the outside: its text part, its layers, its positions, and the version of its weights.

`text_part` finds what reads text in a model that also sees or hears. `truncated` finds the layers that a marker does without, so that their
weights never leave the disk. `position_table` finds how many positions a model has learned. `weights_version` names the present weights, so
that nothing is answered from what older ones have read, and `fingerprint` names them in all processes alike.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.cache_utils import DynamicCache, DynamicLayer

from attngs.reading.context_cache import digest

NAMES_ONLY = frozenset({"_name_or_path", "transformers_version"})
"""Entries of a config that say nothing of what a model computes."""
SPREAD = 256
"""Numbers of a tensor that a fingerprint is made of, about."""


def text_part(model: PreTrainedModel) -> PreTrainedModel:
    """The decoder inside a model that also takes images, video or sound; any other model as it is.

    Without images the whole model does nothing but run this part. It is run directly, because some of these models count positions across
    calls, which threads would mix up.
    """
    if model.config.get_text_config() is model.config:
        return model
    part: PreTrainedModel = model.get_decoder()
    return part


class Truncation(NamedTuple):
    """What to load instead of the whole model."""

    config: PretrainedConfig
    readable_layers: int
    """Attention layers of the whole model, to which fractions of the depth refer."""
    depths: tuple[int, ...]
    """Places of the readable layers that are left."""


def truncated(config: PretrainedConfig, fractions: Sequence[float]) -> Truncation | None:
    """The configuration without the layers above the highest one read; `None` if lower layers need them."""
    config = copy.deepcopy(config)
    text: Any = config.get_text_config()
    layers = text.num_hidden_layers
    shared = [getattr(text, field, None) for field in ("num_kv_shared_layers", "hidden_size_per_layer_input", "kv_sharing_modes")]
    if any(any(value) if isinstance(value, list) else value for value in shared):
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


def layers_at(fractions: Sequence[float], readable_layers: int) -> tuple[int, ...]:
    """Fractions of the depth, 0 = first readable layer and 1 = last, as indices, each once."""
    return tuple(dict.fromkeys(round(fraction * (readable_layers - 1)) for fraction in fractions))


class PositionTable(NamedTuple):
    """Learned positions. Models of the RoBERTa kind do not use those up to their padding id."""

    first: int
    """Position of the first token."""
    size: int
    """Tokens that have a position."""


def position_table(model: nn.Module) -> PositionTable | None:
    """The table, or `None` for a model that rotates, slides or biases instead."""
    for path, module in model.named_modules():
        if path.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return PositionTable(first, module.num_embeddings - first)
    return None


def weights_version(model: nn.Module) -> bytes:
    """A digest that changes when weights or buffers are written or replaced, or an adapter is switched.

    That is what training, merging and `load_state_dict` do. torch counts the writes to a tensor, but not those through `.data`, as merging
    an adapter does, and the place of a freed tensor is used again. So one number of each tensor counts too; comparing all numbers would
    cost more than it saves. This runs for every question; going by the modules' own dictionaries is ten times as fast as `parameters()`.
    """
    marks: list[object] = []
    tensors: list[Tensor] = []
    for module in model.modules():
        tensors += [tensor for tensor in (*module._parameters.values(), *module._buffers.values()) if tensor is not None]
        if isinstance(getattr(type(module), "disable_adapters", None), property):  # a layer of peft; on a whole model it is a method
            marks += [getattr(module, name, None) for name in ("active_adapters", "disable_adapters", "merged_adapters", "scaling")]
    marks += [(tensor.data_ptr(), -1 if tensor.is_inference() else tensor._version) for tensor in tensors]
    return digest(repr(marks), *_samples(tensors))


def fingerprint(model: PreTrainedModel) -> bytes:
    """A digest that the same weights have in each process, and no others have.

    It is made of the config and of some numbers of each tensor: training, merging and rounding change nearly all numbers. It takes far
    longer than `weights_version`.
    """
    config = {name: value for name, value in model.config.to_dict().items() if name not in NAMES_ONLY}
    tensors = model.state_dict()
    spread = [tensor.flatten()[:: max(1, tensor.numel() // SPREAD)].double().cpu().numpy().tobytes() for tensor in tensors.values()]
    return digest(json.dumps(config, sort_keys=True, default=str), *tensors, *spread)


def _readable(config: Any) -> list[int]:
    """Places of the layers with softmax attention; hybrid models have others between them."""
    types: list[Any] = DynamicCache(config=config).layers
    if len(types) != config.num_hidden_layers:
        return list(range(config.num_hidden_layers))
    return [place for place, layer in enumerate(types) if isinstance(layer, DynamicLayer)]


def _samples(tensors: list[Tensor]) -> list[bytes]:
    """The number in the middle of each plain tensor, fetched in one go from each device."""
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    with torch.inference_mode():
        for tensor in tensors:
            if type(tensor) in (Tensor, nn.Parameter) and tensor.numel():
                middle = tensor[tuple(size // 2 for size in tensor.shape)]
                alike.setdefault((tensor.device, tensor.dtype), []).append(middle)
        return [torch.stack(numbers).double().cpu().numpy().tobytes() for numbers in alike.values()]
