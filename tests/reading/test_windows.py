"""Windows cover everything, fit, overlap, and cut no sentence that fits one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attngs.reading.windows import OVERLAP, windows


def of(sizes: list[int], capacity: int) -> list[tuple[int, int]]:
    return list(windows(np.repeat(np.arange(len(sizes)), sizes), capacity))


def test_full_windows_that_begin_with_the_end_of_the_last() -> None:
    assert of([10] * 20, 80) == [(0, 80), (70, 150), (140, 200)]
    assert of([5], 300) == [(0, 5)]
    assert of([], 300) == []


def test_what_does_not_fit_behind_the_overlap_begins_a_window() -> None:
    assert of([10] * 8 + [75], 80) == [(0, 80), (80, 155)]


def test_only_a_sentence_longer_than_a_window_is_cut() -> None:
    assert of([10, 200, 10], 80) == [(0, 10), (10, 90), (90, 170), (170, 220)]


@given(st.lists(st.integers(1, 90), min_size=1, max_size=30), st.integers(1, 200))
def test_every_token_is_in_a_window(sizes: list[int], capacity: int) -> None:
    found = of(sizes, capacity)
    borders = {0, *np.cumsum(sizes).tolist()}
    long = [(sum(sizes[:i]), sum(sizes[: i + 1])) for i, size in enumerate(sizes) if size > capacity]
    covered = 0
    for begin, end in found:
        assert 0 < end - begin <= capacity
        assert covered - max(1, capacity // OVERLAP) <= begin <= covered < end
        assert all(cut in borders or any(a < cut < b for a, b in long) for cut in (begin, end))
        covered = end
    assert covered == sum(sizes)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=30), st.integers(20, 200))
def test_a_memory_that_grows_keeps_its_windows_but_the_last(sizes: list[int], capacity: int) -> None:
    before, after = of(sizes[:-1], capacity), of(sizes, capacity)
    assert before[:-1] == after[: len(before) - 1]
