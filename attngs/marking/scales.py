"""The same numbers at several scales: a sentence, its neighbours, its whole document.

Evidence rarely stands alone. A turn is about what the turns around it are about, and a memory matters or does not matter as a whole. Wider
scales are sums and maxima over neighbouring sentences of one document, so they need no further forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attngs.marking.heads import HEAD_WEIGHT, Level, head_levels
from attngs.protocols import Floats
from attngs.reading.forks import computed_once
from attngs.types import Sentence, Whole

SCALES = {"sentence": 0, "near": 1, "wide": 3, "passage": 10, "document": None}
"""How many neighbours on each side count, inside one document; `None` for the whole document."""

AT_ONCE = 2**14
"""Sentences whose heads are added at once; bounds memory for a table of a hundred thousand rows."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each sentence stands."""

    first: NDArray[np.int64]
    """The first sentence of its document `(S,)`."""
    last: NDArray[np.int64]
    """The one after the last `(S,)`."""
    heads: tuple[Level, ...] = ()
    """What it is read with."""

    @classmethod
    def of(cls, sentences: Sequence[Sentence]) -> Layout:
        positions = np.array([sentence.position for sentence in sentences], dtype=np.int64)
        borders = np.flatnonzero(np.diff(positions, prepend=positions[:1] - 1, append=positions[-1:] + 1)) if len(positions) else positions
        sizes = np.diff(borders)
        return cls(np.repeat(borders[:-1], sizes), np.repeat(borders[1:], sizes), head_levels(sentences))

    def __len__(self) -> int:
        return len(self.first)

    @computed_once
    def place(self) -> NDArray[np.int64]:
        """The number of each sentence in the context `(S,)`."""
        return np.arange(len(self))

    def window(self, neighbours: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First sentence and end of the window around each sentence, both `(S,)`."""
        if neighbours is None:
            return self.first, self.last
        return np.maximum(self.first, self.place - neighbours), np.minimum(self.last, self.place + neighbours + 1)

    def total(self, values: Floats, neighbours: int | None) -> Floats:
        """Sums of `(S, ...)` over the window around each sentence, `(S, ...)`.

        In a window without neighbours, over the sentence and its heads.
        """
        if neighbours == 0:
            something = np.atleast_1d(values.any(axis=tuple(range(1, values.ndim))))  # (S,); to add nothing takes as long as to add much
            levels = [(units[something[heads]], heads[something[heads]]) for units, heads in self.heads]
            return _together(values, levels, lambda own, head: own + HEAD_WEIGHT * head)
        sums = np.concatenate([np.zeros_like(values[:1]), values.cumsum(axis=0)])
        begin, end = self.window(neighbours)
        return np.asarray(sums[end] - sums[begin])

    def highest(self, values: Floats, neighbours: int | None) -> Floats:
        """Maxima of `(S, ...)` over the window around each sentence, `(S, ...)`.

        In a window without neighbours, over the sentence and its heads.
        """
        if neighbours == 0 or not len(self):
            return _together(values, self.heads, np.maximum)
        if neighbours is None:
            starts = np.unique(self.first)
            return np.asarray(np.maximum.reduceat(values, starts, axis=0)[np.searchsorted(starts, self.first)])
        found = values
        for step in range(1, neighbours + 1):
            before, after = np.maximum(self.first, self.place - step), np.minimum(self.last - 1, self.place + step)
            found = np.maximum(found, np.maximum(values[before], values[after]))
        return found


def _together(values: Floats, levels: Sequence[Level], of: Callable[[Floats, Floats], Floats]) -> Floats:
    """Values `(S, ...)` of each sentence together with those of its heads, if there are any."""
    found = values.copy() if levels else values
    for units, heads in levels:
        for start in range(0, len(units), AT_ONCE):
            here, there = units[start : start + AT_ONCE], heads[start : start + AT_ONCE]
            found[here] = of(found[here], values[there])
    return found


def standardised(values: Floats) -> Floats:
    """z-scores over the context `(S,)`: how far ahead a sentence is; 0 if only rounding tells them apart."""
    if not len(values):
        return values
    spread = float(values.std())
    if spread <= 1e-6 * max(1.0, float(np.abs(values).max())):
        return np.zeros_like(values)
    return np.asarray((values - values.mean()) / spread)


def raised(scores: Floats, gains: Floats, whole: Whole | None = None) -> tuple[float, ...]:
    """Scores `(S,)` plus gains `(S,)` in standard deviations, in the range of the scores.

    The order of units that gain the same stays, and probabilities stay probabilities.

    Args:
        scores: Of the units.
        gains: Theirs.
        whole: What is known of all units, where these are only some.
    """
    low, high = float(scores.min()), float(scores.max())
    if low == high:  # nothing else tells the units apart
        return tuple((scores + gains / max(1.0, float(gains.max())) * (1 - high if high < 1 else 1.0)).tolist())
    found = scores + (whole.spread if whole else float(scores.std())) * gains
    low = min(low, whole.least) if whole else low
    if found.max() > high:
        found = low + (found - low) * ((high - low) / (float(found.max()) - low))
    return tuple(np.clip(found, low, high).tolist())
