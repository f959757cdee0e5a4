"""Batches keep their bound and their order; what fails, fails alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs.errors import ModelError, OutOfMemoryError
from attngs.reading.batches import WASTE, Outcome, in_batches


class Forward:
    """Doubles numbers; remembers its batches; runs out of memory or fails on demand."""

    def __init__(self, *, room: int = 10**9, spare_room: int = 10**9, broken: frozenset[int] = frozenset()) -> None:
        self.batches: list[list[int]] = []
        self._room, self._spare_room, self._broken = room, spare_room, broken

    def __call__(self, batch: list[int], spare: bool) -> list[Outcome[int]]:
        self.batches.append(batch)
        if len(batch) > (self._spare_room if spare else self._room):
            raise OutOfMemoryError("full")
        if self._broken & set(batch):
            raise ModelError("broken")
        return [2 * i for i in batch]


@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 500), st.integers(1, 3))
def test_every_input_is_run_once_within_the_bound(lengths: list[int], bound: int, kinds: int) -> None:
    forward = Forward()
    names = [i % kinds for i in range(len(lengths))]
    assert in_batches(lengths, forward, max_batch_tokens=bound, kinds=names) == [2 * i for i in range(len(lengths))]
    assert sorted(i for batch in forward.batches for i in batch) == list(range(len(lengths)))
    for batch in forward.batches:
        longest, shortest = max(lengths[i] for i in batch), min(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= bound
        assert longest <= WASTE * shortest
        assert len({names[i] for i in batch}) == 1


def test_a_batch_that_runs_out_of_memory_is_split_once() -> None:
    forward = Forward(room=2, spare_room=2)
    assert in_batches([5] * 4, forward, max_batch_tokens=100) == [0, 2, 4, 6]
    assert forward.batches == [[0, 1, 2, 3], [0, 1], [2, 3]]


def test_a_single_input_is_tried_again_sparingly() -> None:
    assert in_batches([5], Forward(room=0), max_batch_tokens=100) == [0]


def test_what_does_not_fit_after_the_split_is_a_typed_error_and_the_rest_goes_on() -> None:
    outcomes = in_batches([5, 5, 5, 50], Forward(room=1, spare_room=1), max_batch_tokens=100)
    assert [type(outcome) for outcome in outcomes] == [OutOfMemoryError, OutOfMemoryError, int, int]


@pytest.mark.parametrize("broken", [frozenset({1}), frozenset({0, 2})])
def test_a_broken_input_fails_alone(broken: frozenset[int]) -> None:
    outcomes = in_batches([5, 5, 5], Forward(broken=broken), max_batch_tokens=100)
    assert [isinstance(outcome, ModelError) for outcome in outcomes] == [i in broken for i in range(3)]
