"""Shares of evidence, and how sure a mean is. Numbers from numbers: no model, no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attngs.protocols import Floats

Labels = NDArray[np.bool_]

Place = tuple[int, int, int]
"""Number of the document, start and end character."""


class Estimate(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def covered(evidence: Iterable[Place], kept: Iterable[Place]) -> float:
    """The share of the evidence characters that was kept; characters that are named twice count once.

    Raises:
        ValueError: There is no evidence.
    """
    wanted, held = merged(evidence), merged(kept)
    total = sum(end - start for _, start, end in wanted)
    if not total:
        raise ValueError("there is no evidence")
    return sum(shared(place, other) for place in wanted for other in held) / total


def merged(places: Iterable[Place]) -> list[Place]:
    """The same characters, each once, in order."""
    whole: list[Place] = []
    for number, start, end in sorted(places):
        if whole and whole[-1][0] == number and start <= whole[-1][2]:
            _, first, last = whole.pop()
            whole.append((number, first, max(last, end)))
        else:
            whole.append((number, start, end))
    return whole


def shared(a: Place, b: Place) -> int:
    """Characters that two places have in common."""
    return max(0, min(a[2], b[2]) - max(a[1], b[1])) if a[0] == b[0] else 0


def estimate(values: Sequence[float], clusters: Sequence[str], *, draws: int = 4_000) -> Estimate:
    """The mean over rows, with a bootstrap over clusters.

    Rows of one cluster are not independent, so they are drawn together.
    """
    return summarised(float(np.mean(np.asarray(values, dtype=np.float64))), bootstrap(values, clusters, draws=draws))


def bootstrap(values: Sequence[float], clusters: Sequence[str], *, draws: int = 4_000, seed: int = 0) -> Floats:
    """Draw as many clusters with replacement, many times: the mean over the rows of each draw `(draws,)`."""
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(index, weights=np.asarray(values, dtype=np.float64))
    sizes = np.bincount(index).astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)  # (draws, clusters)
    return np.asarray((drawn @ sums) / (drawn @ sizes))


def summarised(mean: float, drawn: Floats) -> Estimate:
    """A mean with the middle 95 % of its draws."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(mean, float(low), float(high))


def interval(numbers: Sequence[float], sign: str = "") -> str:
    """A mean with its interval, in words: `0.412 (0.371 ... 0.455)`.

    Args:
        numbers: The mean, the lower and the upper end.
        sign: `+` to show the sign of positive numbers too.
    """
    mean, low, high = (f"{number:{sign}.3f}" for number in numbers)
    return f"{mean} ({low} ... {high})"
