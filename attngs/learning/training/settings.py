"""The settings of a training run. The defaults are those of the literature on LoRA and of PerCE."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    """Examples in one forward pass."""
    gradient_accumulation: int = 1
    """Passes before each step of the optimiser; raise it and lower `batch_size` where memory is short."""
    rank: int = 16
    alpha: int = 32
    """LoRA's scale is `alpha / rank`."""
    target_modules: tuple[str, ...] = ()
    """Ends of the names of the layers that get LoRA weights; empty for queries, keys and values."""
    warmup: float = 0.1
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    max_tokens: int = 1_024
    """Tokens of a context in training.

    Of a longer one the evidence is kept, and sentences that are easily taken for evidence."""
    hard_negatives: float = 0.5
    """Share of those other sentences that BM25 chooses; the rest is drawn by chance, anew in each step."""
    validation: float = 0.2
    """Share of the groups that is not trained on."""
    evaluations: int = 10
    """How often a run measures the validation examples and writes a checkpoint."""
    patience: int = 3
    """Training stops after this many evaluations in a row that were no better than the best."""
    weight_floor: float = 0.8
    weight_cap: float = 5.0
    """PerCE: a token's weight lies between these two."""
    refresh_every: int = 1
    """PerCE: an example's weights are computed again when they are this many steps old."""
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("batch_size", "gradient_accumulation", "rank", "alpha", "max_tokens", "evaluations", "patience", "refresh_every")
        self._check(counts, "at least 1", lambda value: value >= 1)
        self._check(("epochs", "learning_rate", "max_gradient_norm"), "above 0 and finite", lambda value: 0 < value < math.inf)
        self._check(("warmup", "hard_negatives"), "in 0 ... 1", lambda value: 0 <= value <= 1)
        self._check(("validation",), "above 0 and at most 0.5", lambda value: 0 < value <= 0.5)
        self._check(("weight_decay",), "at least 0", lambda value: 0 <= value < math.inf)
        self._check(("seed",), "in 0 ... 2**32 - 1", lambda value: 0 <= value < 2**32)
        if not 0 <= self.weight_floor < self.weight_cap:
            raise ConfigError(f"`weight_floor` must be below `weight_cap`, got {self.weight_floor!r} and {self.weight_cap!r}.")

    def _check(self, names: tuple[str, ...], bounds: str, inside: Callable[[float], bool]) -> None:
        for name in names:
            if not inside(value := getattr(self, name)):  # NaN is inside nothing
                raise ConfigError(f"`{name}` must be {bounds}, got {value!r}.")


def check_objective(name: str) -> ObjectiveName:
    """Take an objective by its name.

    Raises:
        ConfigError: There is no such objective.
    """
    for known in OBJECTIVES:
        if name == known:
            return known
    raise ConfigError(f"`objective` must be one of {', '.join(OBJECTIVES)}, got {name!r}.")
