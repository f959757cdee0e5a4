"""The table of absolute positions that some models learn, and where in it the first token stands."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn


class PositionTable(NamedTuple):
    """Models of the RoBERTa kind keep positions up to and including their padding id free."""

    first: int
    size: int
    """Tokens that have a position."""


def position_table(model: nn.Module) -> PositionTable | None:
    """The table, or `None` for a model that rotates, slides or biases instead."""
    for path, module in model.named_modules():
        if path.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            first = 0 if module.padding_idx is None else module.padding_idx + 1
            return PositionTable(first, module.num_embeddings - first)
    return None
