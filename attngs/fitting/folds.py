"""Groups -> folds, so that no document is both learned from and judged by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def grouped_folds(groups: Sequence[str], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """The fold of each row: groups stay whole, large ones are dealt first, each to the fold that has fewest rows.

    Args:
        groups: Of each row.
        folds: How many; as many as there are groups if those are fewer.
        seed: Deals groups of equal size in another order.
    """
    sizes = Counter(groups)
    names = sorted(sizes)
    order = np.random.default_rng(seed).permutation(len(names))
    dealt: dict[str, int] = {}
    filled = [0] * min(folds, len(names))
    for name in sorted((names[i] for i in order), key=lambda name: -sizes[name]):
        dealt[name] = filled.index(min(filled))
        filled[dealt[name]] += sizes[name]
    return np.array([dealt[name] for name in groups], dtype=np.int64)
