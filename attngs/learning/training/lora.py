"""A model -> the same model with LoRA weights beside the projections of its attention."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from attngs.errors import ConfigError
from attngs.learning.training.settings import TrainingSettings
from attngs.reading.anatomy import text_part
from attngs.reading.loading import LoadedModel
from attngs.reading.lora import without_deprecations

if TYPE_CHECKING:
    from peft import PeftModel

PROJECTIONS = tuple(
    "q_proj k_proj v_proj qkv_proj query key value query_key_value q_lin k_lin v_lin c_attn Wqkv q_a_proj q_b_proj kv_a_proj_with_mqa "
    "kv_b_proj".split()
)
"""Names of the projections of queries, keys and values in transformers' models."""

_LAYER = re.compile(r"\.(\d+)\.")


def with_lora(loaded: LoadedModel, settings: TrainingSettings, *, top: int | None) -> PeftModel:
    """Put LoRA weights into the model, in place; they change nothing until they are trained.

    Args:
        loaded: The model.
        settings: Rank, scale, target modules and seed.
        top: The highest layer that gets LoRA weights; `None` for all layers.

    Raises:
        ConfigError: No module has one of the wanted names.
    """
    from peft import LoraConfig, get_peft_model

    modules = targets(loaded, settings.target_modules, top=top)
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=modules)
    with torch.random.fork_rng(), without_deprecations():
        torch.manual_seed(settings.seed)
        model: PeftModel = get_peft_model(loaded.model, config)
    return model


def targets(loaded: LoadedModel, wanted: Sequence[str], *, top: int | None) -> list[str]:
    """Full names of the modules whose name ends in a wanted one, or in that of a projection of attention."""
    ends = tuple(wanted) or PROJECTIONS
    read = set(text_part(loaded.model).modules())  # and not the tower that looks at images
    modules = [(name, module) for name, module in loaded.model.named_modules() if module in read]
    linear = [name for name, module in modules if isinstance(module, nn.Linear) or _is_conv1d(module)]
    named = [name for name in linear if any(name == end or name.endswith(f".{end}") for end in ends)]
    low = [name for name in named if top is None or (layer := _LAYER.search(f".{name}.")) is None or int(layer[1]) <= top]
    if not low:
        known = sorted({name.rpartition(".")[2] for name in linear})
        raise ConfigError(
            f"no layer of `{loaded.name}` that is read ends in one of {', '.join(ends)}; pass `target_modules`, for example two of "
            f"{', '.join(known)}."
        )
    return low


def _is_conv1d(module: nn.Module) -> bool:
    """GPT-2's linear layer."""
    return type(module).__name__ == "Conv1D"
