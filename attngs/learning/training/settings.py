"""What can be chosen about a training run; the defaults are those of the literature on LoRA and of PerCE."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from attngs.errors import ConfigError

ObjectiveName = Literal["answer", "perce", "evidence"]

OBJECTIVES: tuple[ObjectiveName, ...] = ("answer", "perce", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """Settings of `attngs.train`."""

    epochs: float = 3.0
    learning_rate: float = 2e-4
    """The highest one: it rises over the first `warmup` of all steps and falls to 0 as a cosine does."""
    batch_size: int = 8
    """Examples of one forward pass."""
    gradient_accumulation: int = 1
    """Passes of one step of the optimiser; raise it and lower `batch_size` where memory is short."""
    rank: int = 16
    alpha: int = 32
    """LoRA's scale is `alpha / rank`."""
    dropout: float = 0.0
    """On what goes into the adapter."""
    target_modules: tuple[str, ...] = ()
    """Ends of the names of the layers that get an adapter; the projections of queries, keys and values when empty."""
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    max_tokens: int = 1_024
    """Tokens of the context in training; from a longer one the evidence is kept, and sentences that are easily taken for it."""
    hard_negatives: float = 0.5
    """Share of the other sentences that is chosen by BM25; the rest is chosen by chance, anew in each step."""
    validation: float = 0.2
    """Share of the groups that is not trained on."""
    evaluations: int = 10
    """How often the validation examples are judged, and a checkpoint is written, in the course of the run."""
    patience: int = 3
    """Training stops when so many evaluations in a row were no better than the best."""
    weight_floor: float = 0.8
    weight_cap: float = 5.0
    """PerCE: a token's weight lies between these two."""
    refresh_every: int = 1
    """PerCE: an example's weights are computed again when they are this many steps old."""
    cosine_temperature: float = 0.05
    """`evidence` on an encoder: what cosines are divided by before their softmax."""
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("batch_size", "gradient_accumulation", "rank", "alpha", "max_tokens", "evaluations", "patience", "refresh_every")
        _check({name: getattr(self, name) for name in counts}, "at least 1", lambda value: value >= 1)
        positive = ("epochs", "learning_rate", "max_gradient_norm", "cosine_temperature")
        _check({name: getattr(self, name) for name in positive}, "above 0 and finite", lambda value: 0 < value < math.inf)
        shares = ("dropout", "warmup", "hard_negatives")
        _check({name: getattr(self, name) for name in shares}, "in 0 ... 1", lambda value: 0 <= value <= 1)
        _check({"validation": self.validation}, "above 0 and at most 0.5", lambda value: 0 < value <= 0.5)
        _check({"weight_decay": self.weight_decay}, "at least 0", lambda value: 0 <= value < math.inf)
        _check({"seed": self.seed}, "in 0 ... 2**32 - 1", lambda value: 0 <= value < 2**32)
        if not 0 <= self.weight_floor < self.weight_cap:
            raise ConfigError(f"`weight_floor` must be below `weight_cap`, got {self.weight_floor!r} and {self.weight_cap!r}.")


def check_objective(name: str) -> ObjectiveName:
    """The objective, if it is one.

    Raises:
        ConfigError: It is not.
    """
    for known in OBJECTIVES:
        if name == known:
            return known
    raise ConfigError(f"`objective` must be one of {', '.join(OBJECTIVES)}, got {name!r}.")


def _check(values: Mapping[str, float], bounds: str, inside: object) -> None:
    assert callable(inside)
    for name, value in values.items():
        if not inside(value):  # NaN is inside nothing
            raise ConfigError(f"`{name}` must be {bounds}, got {value!r}.")
