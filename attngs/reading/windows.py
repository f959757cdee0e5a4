"""A context too long to be read at once -> overlapping windows that do not cut sentences.

Windows are filled from the front, each as full as it can be. So they do not depend on what comes later: a memory that grows keeps all its
windows except the last, and everything that was read of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

OVERLAP = 8
"""A window begins with up to an eighth of the one before it, so that every sentence is read with what led up to it."""


def windows(owner: NDArray[np.int64], capacity: int) -> Iterator[tuple[int, int]]:
    """Token ranges of at most `capacity` tokens that together cover the context.

    Args:
        owner: Sentence number of each token `(T,)`.
        capacity: Tokens of a window, at least 1.
    """
    total = len(owner)
    borders = np.concatenate([np.flatnonzero(np.diff(owner)) + 1, [total]])  # ends of sentences
    begin = covered = 0
    while covered < total:
        end = _last_border(borders, covered, begin + capacity)
        if end is None:  # the next sentence does not fit behind the overlap, or is longer than a window and must be cut
            begin = covered
            end = _last_border(borders, covered, begin + capacity) or begin + capacity
        yield begin, end
        covered = end
        first = max(begin + 1, end - capacity // OVERLAP)
        begin = min(end, int(borders[np.searchsorted(borders, first)]))


def _last_border(borders: NDArray[np.int64], above: int, at_most: int) -> int | None:
    border = int(borders[np.searchsorted(borders, at_most, side="right") - 1])  # wraps round to the last when there is none
    return border if above < border <= at_most else None
