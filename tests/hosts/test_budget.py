"""One budget: who gets how many tokens of it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import ContextBudget
from attngs.errors import ConfigError
from attngs.hosts.budget import PARTS, Rations

PART = st.sampled_from(PARTS)


@st.composite
def budgets(draw: st.DrawFn) -> ContextBudget:
    minimums = draw(st.dictionaries(PART, st.integers(0, 300)))
    return ContextBudget(
        target_tokens=max(1, sum(minimums.values())) + draw(st.integers(0, 2_000)),
        shares=draw(st.dictionaries(PART, st.floats(0, 1_000) | st.integers(0, 9))),
        minimums=minimums,
    )


@given(budget=budgets(), wanted=st.dictionaries(PART, st.integers(0, 3_000)))
def test_nobody_gets_more_than_it_wants_and_nothing_is_left_while_somebody_wants_more(
    budget: ContextBudget, wanted: dict[str, int]
) -> None:
    got: dict[Any, int] = dict(budget.allocate(wanted))
    assert got.keys() == wanted.keys()
    assert sum(got.values()) == min(budget.target_tokens, sum(wanted.values()))
    for part, tokens in got.items():
        assert min(budget.minimums.get(part, 0), wanted[part]) <= tokens <= wanted[part]
    assert budget.allocate(dict(reversed(wanted.items()))) == got


@given(budget=budgets(), wanted=st.dictionaries(PART, st.integers(0, 3_000), min_size=1), data=st.data())
def test_a_part_that_wants_less_takes_nothing_from_the_others(budget: ContextBudget, wanted: dict[str, int], data: st.DataObject) -> None:
    part = data.draw(st.sampled_from(sorted(wanted)))
    before = budget.allocate(wanted)
    after = budget.allocate({**wanted, part: data.draw(st.integers(0, wanted[part]))})
    assert all(after[other] >= before[other] - 1 for other in before if other != part)  # a token may be rounded the other way


@given(budget=budgets(), more=st.integers(0, 500), wanted=st.dictionaries(PART, st.integers(0, 3_000)))
def test_a_larger_budget_takes_nothing_from_anybody(budget: ContextBudget, more: int, wanted: dict[str, int]) -> None:
    larger = ContextBudget(target_tokens=budget.target_tokens + more, shares=budget.shares, minimums=budget.minimums)
    before, after = budget.allocate(wanted), larger.allocate(wanted)
    assert all(after[part] >= before[part] - 1 for part in before)


@pytest.mark.parametrize(
    ("shares", "minimums", "wanted", "got"),
    [
        ({"memory": 1, "documents": 3}, {}, {"memory": 900, "documents": 900}, {"memory": 100, "documents": 300}),
        ({"memory": 1, "documents": 3}, {}, {"memory": 900, "documents": 250}, {"memory": 150, "documents": 250}),
        ({"memory": 1, "documents": 3}, {}, {"memory": 9, "documents": 9}, {"memory": 9, "documents": 9}),
        ({"memory": 1, "documents": 3}, {"memory": 160}, {"memory": 900, "documents": 900}, {"memory": 160, "documents": 240}),
        ({"memory": 1, "documents": 3}, {"memory": 160}, {"memory": 10, "documents": 900}, {"memory": 10, "documents": 390}),
        ({"memory": 1}, {"profile": 50}, {"profile": 900, "memory": 900}, {"profile": 50, "memory": 350}),
        ({"memory": 1}, {"profile": 50}, {"profile": 900, "memory": 100}, {"profile": 300, "memory": 100}),
        ({}, {}, {"profile": 900, "memory": 900}, {"profile": 200, "memory": 200}),
        ({"profile": 1, "memory": 1, "history": 1}, {}, {"profile": 9_000, "memory": 9_000, "history": 9_000}, [134, 133, 133]),
    ],
)
def test_by_hand(shares: Any, minimums: Any, wanted: dict[str, int], got: Any) -> None:
    found = ContextBudget(target_tokens=400, shares=shares, minimums=minimums).allocate(wanted)
    assert found == (got if isinstance(got, dict) else dict(zip(found, got, strict=True)))
    assert list(found) == [part for part in PARTS if part in wanted]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target_tokens": 0}, "`target_tokens` must be a whole number of at least 1, got 0"),
        ({"shares": {"memory": -0.1}}, r"`shares\['memory'\]` must be a number of at least 0, and finite, got -0.1"),
        ({"shares": {"memory": float("nan")}}, "finite, got nan"),
        ({"shares": {"memory": True}}, "got True"),
        ({"shares": {"memories": 1}}, "`shares` names 'memories'; the parts of a context are profile, memory, history, tool_results, doc"),
        ({"shares": [1, 2]}, r"`shares` must be a mapping such as \{'memory': 1\}, got \[1, 2\]"),
        ({"minimums": {"user": 1}}, "`minimums` names 'user'"),
        ({"minimums": {"memory": -1}}, r"`minimums\['memory'\]` must be a whole number of at least 0, got -1"),
        ({"minimums": {"memory": 60, "profile": 41}}, "`minimums` are 101 tokens together, and `target_tokens` is 100; lower them"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ContextBudget(**{"target_tokens": 100, **settings})


def test_wants_are_checked_too() -> None:
    budget = ContextBudget(target_tokens=100)
    with pytest.raises(ConfigError, match="`wanted` names 'news'"):
        budget.allocate({"news": 1})
    with pytest.raises(ConfigError, match=r"`wanted\['memory'\]` must be a whole number of at least 0, got -1"):
        budget.allocate({"memory": -1})


def test_ceilings_are_what_parts_get_that_want_all() -> None:
    budget = ContextBudget(target_tokens=1_000, shares={"memory": 1, "history": 2, "documents": 5})
    assert budget.ceilings("memory", "history", "documents") == {"memory": 125, "history": 250, "documents": 625}
    assert budget.ceilings("memory", "history") == {"memory": 333, "history": 667}
    with pytest.raises(ConfigError, match="the budget leaves no tokens for `tool_results`; give it a share or a minimum, or leave it out"):
        budget.ceilings("memory", "tool_results")


def test_what_the_caller_does_to_its_mapping_changes_nothing() -> None:
    shares = {"memory": 1.0}
    budget = ContextBudget(target_tokens=100, shares=shares)
    shares["memory"] = 5.0
    assert budget.shares == {"memory": 1.0}
    assert pickle.loads(pickle.dumps(budget)) == budget


@given(
    ceiling=st.integers(64, 2_000),
    new=st.dictionaries(st.integers(50, 60), st.integers(1, 3_000), max_size=6),
    held=st.dictionaries(st.integers(0, 40), st.integers(1, 500), max_size=30),
)
def test_rations_are_under_the_ceiling(ceiling: int, new: dict[int, int], held: dict[int, int]) -> None:
    given_ = Rations({"tool_results": ceiling}).results(new, held)
    assert given_.keys() >= new.keys()
    assert all(given_[number] <= tokens for number, tokens in new.items())
    if new and sum(held.values()) <= ceiling:
        assert sum({**held, **given_}.values()) <= ceiling
    assert Rations({}).results(new, held) == new
