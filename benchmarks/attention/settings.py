"""The settings that are swept: position, layers, pooling of heads, and share of the habit taken off."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from attngs.marking.scorers.attention import AttentionConfig
from attngs.protocols import Floats
from attngs.reading.anatomy import layers_at
from benchmarks.attention.features import READ

BANDS: tuple[tuple[float, float], ...] = tuple(
    (begin, end) for begin, end in product((0.0, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8), (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)) if end - begin > 0.15
)
"""First and last layer, as fractions of the depth."""

STEP = 0.05
"""Between the layers of a band."""

POSITIONS = ("last", "query", "both")
HEADS = ("mean", "max", "top quarter", "geometric")
"""Per layer: the mean of the heads' attention, the highest, the mean of the highest quarter, and the mean of their logs."""

HABITS = (0.0, 0.5, 1.0)


class Setting(NamedTuple):
    """One way to read a decoder."""

    position: str
    layers: tuple[float, ...]
    heads: str
    habit: float
    """How much of the log attention to a neutral question is subtracted."""

    def __str__(self) -> str:
        layers = f"layer {self.layers[0]:g}" if len(self.layers) == 1 else f"layers {self.layers[0]:g} to {self.layers[-1]:g}"
        return f"{self.position}, {layers}, {self.heads}" + (f", habit {self.habit:g}" if self.habit else "")


PAPER = Setting("last", AttentionConfig.paper().layers, "mean", 0.0)
DEFAULT = Setting("query", AttentionConfig().layers, "mean", 1.0)
"""What `Marker.from_pretrained` reads of a decoder."""


def band(begin: float, end: float) -> tuple[float, ...]:
    """Fractions of the depth from the first to the last, a step apart."""
    return tuple(round(float(fraction), 3) for fraction in np.arange(begin, end + STEP / 2, STEP))


def settings() -> Iterator[Setting]:
    """All combinations, the paper's first."""
    yield PAPER
    layers = [PAPER.layers, *(band(*pair) for pair in BANDS)]
    for position, chosen, heads, habit in product(POSITIONS, layers, HEADS, HABITS):
        if (found := Setting(position, chosen, heads, habit)) != PAPER:
            yield found


class Pooled:
    """The log attention of one question with its heads pooled: every layer, position and pooling once.

    Args:
        attention: Log lift per token `(P, L, H, S)`.
    """

    def __init__(self, attention: Floats) -> None:
        lift = np.exp(attention)
        ordered = np.sort(lift, axis=2)
        quarter = max(1, lift.shape[2] // 4)
        self._pooled = {
            "mean": lift.mean(axis=2),
            "max": ordered[:, :, -1],
            "top quarter": ordered[:, :, -quarter:].mean(axis=2),
            "geometric": np.exp(attention.mean(axis=2)),
        }  # (P, L, S)
        self.layers = lift.shape[1]

    def layer(self, number: int, position: str, habit: float) -> Floats:
        """The log of the mean over heads in one layer `(S,)`, less the habit."""
        mean = np.log(self._pooled["mean"][:, number])
        return np.asarray(mean[_place(position, False)] - habit * mean[_place(position, True)])

    def score(self, setting: Setting) -> Floats:
        """The log score of each unit `(S,)`, less the habit."""
        positions = POSITIONS[:2] if setting.position == "both" else (setting.position,)
        return np.asarray(np.mean([self._score(position, setting) for position in positions], axis=0))

    def _score(self, position: str, setting: Setting) -> Floats:
        found = self._log(_place(position, False), setting)
        return found - setting.habit * self._log(_place(position, True), setting) if setting.habit else found

    def _log(self, place: int, setting: Setting) -> Floats:
        chosen = self._pooled[setting.heads][place, list(layers_at(setting.layers, self.layers))]  # (l, S)
        return np.asarray(np.log((chosen / chosen.sum(axis=1, keepdims=True)).mean(axis=0)))


def _place(position: str, neutral: bool) -> int:
    return [(read_from, habit) for read_from, habit in READ].index((position, neutral))  # type: ignore[arg-type]
