"""The statements of the benchmark of facts, and how they are set among others; nothing is measured here."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.facts.current import SHAPES, Outcome, Pair, context, read_pairs, summarise
from benchmarks.facts.restated import Outcome as Kept
from benchmarks.facts.restated import notes, read_memories
from benchmarks.facts.restated import summarise as summarise_restated


@pytest.mark.parametrize("half", ["dev", "final"])
def test_a_half_has_as_many_traps_as_updates_in_every_shape(half: str) -> None:
    kinds = Counter((pair.shape, pair.kind == "update") for pair in read_pairs(half))
    assert kinds == dict.fromkeys([(shape, update) for shape in SHAPES for update in (True, False)], 3)


def test_both_facts_stand_in_every_context() -> None:
    for number, pair in enumerate(read_pairs("dev")):
        texts = [document.text for document in context(pair, number)]
        assert all(any(fact in text for text in texts) for fact in (pair.old, pair.new))


def test_shares_are_of_updates_and_of_traps() -> None:
    def outcome(kind: str, *, old: bool, new: bool, named: bool) -> Outcome:
        pair = Pair(half="dev", shape="notes", kind=kind, query="q", old="a", new="b")
        return Outcome(pair=pair, room="one fact", old=old, new=new, names_successor=named)

    found = summarise(
        [
            outcome("update", old=True, new=False, named=False),
            outcome("update", old=True, new=True, named=True),
            outcome("slot", old=True, new=False, named=False),
        ]
    )
    assert list(found.values()) == [0.5, 0.5, 0.5, 1.0, 0.0]


@pytest.mark.parametrize("half", ["dev", "final"])
def test_every_telling_stands_once_among_twelve_notes(half: str) -> None:
    for number, memory in enumerate(read_memories(half)):
        texts = [document.text for document in notes(memory, number)]
        assert len(texts) == len({*texts}) == 12
        assert {memory.full, *memory.again, memory.second, *memory.near} <= {*texts}
        assert all(len(telling) < len(memory.full) for telling in memory.again)


def test_a_fact_that_is_told_twice_may_stand_in_the_place_of_another() -> None:
    held = [Kept(full=True, second=True, tellings=1), Kept(full=True, second=False, tellings=2), Kept(full=False, second=True, tellings=1)]
    assert [round(share, 2) for share in summarise_restated(held).values()] == [0.33, 0.67, 0.67, 0.67, 0.33]
