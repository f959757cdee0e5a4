"""Numbers from numbers: how much evidence was kept, and how sure a mean is. No model, no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int, int]
"""Number of the document, start and end character."""


class Estimate(NamedTuple):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def covered(evidence: Iterable[Place], kept: Iterable[Place]) -> float:
    """The share of evidence characters that was kept; what is marked or kept twice counts once."""
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


def estimate(values: Sequence[float], clusters: Sequence[str], *, draws: int = 4_000, seed: int = 0) -> Estimate:
    """Mean over rows with a percentile bootstrap over clusters: rows of one cluster are drawn together, since they are not independent."""
    return summarised(float(np.mean(np.asarray(values, dtype=np.float64))), bootstrap(values, clusters, draws=draws, seed=seed))


def bootstrap(values: Sequence[float], clusters: Sequence[str], *, draws: int = 4_000, seed: int = 0) -> NDArray[np.float64]:
    """The mean over rows in each of many draws of as many clusters, with replacement `(draws,)`."""
    names, index = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(index, weights=np.asarray(values, dtype=np.float64))
    sizes = np.bincount(index).astype(np.float64)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)  # (draws, clusters)
    return np.asarray((drawn @ sums) / (drawn @ sizes))


def summarised(mean: float, drawn: NDArray[np.float64]) -> Estimate:
    """A mean with the middle 95 % of its draws."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(mean, float(low), float(high))
