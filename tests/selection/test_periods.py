"""A memory's budget is shared between its latest session, the long term, and the turns from one session to the next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import (
    ConfigError,
    ContextBudget,
    ContextCompressor,
    Document,
    GreedySelector,
    Marker,
    MessageShortener,
    Periods,
    Sentence,
    Splitter,
    compose,
)
from attngs.testing import FakeScorer, count_words

SPLIT = Splitter(unit="sentence")
START = datetime(2026, 3, 1, tzinfo=UTC)


def said(day: float, text: str) -> Document:
    return Document(id=f"d{day}", text=text, metadata={"date": (START + timedelta(days=day)).isoformat()})


def kept(documents: list[Document], periods: Periods | None, target_tokens: int) -> set[str]:
    compressor = ContextCompressor(
        Marker(FakeScorer("tea", "green", "cup"), splitter=SPLIT), selector=GreedySelector(periods=periods), counter=count_words
    )
    return {source.text.strip() for source in compressor.compress(documents, "q", target_tokens=target_tokens).kept}


OLD = [said(number / 10, f"Number {number}: a cup of green tea.") for number in range(8)]
NEW = [said(60 + number / 10, f"Lately {number}: some tea.") for number in range(8)]


def test_the_latest_session_has_its_share_though_older_ones_score_better() -> None:
    without, with_periods = kept([*OLD, *NEW], None, 60), kept([*OLD, *NEW], Periods(), 60)

    assert not any(text.startswith("Lately") for text in without)
    assert sum(text.startswith("Lately") for text in with_periods) >= 2
    assert sum(text.startswith("Number") for text in with_periods) >= 2


def test_what_stands_beside_a_gap_is_a_turning_point() -> None:
    later = [said(30 + number / 10, f"Between {number}: a cup of green tea.") for number in range(6)]
    only = kept([*OLD, *later, *NEW], Periods(recent=0, long_term=0, turning_points=1), 48)

    assert only == {f"{text}: a cup of green tea." for text in ("Number 6", "Number 7", "Between 0", "Between 1", "Between 4", "Between 5")}


def test_what_one_period_leaves_flows_on_to_the_others() -> None:
    few = [said(60, "Lately: some tea.")]

    assert kept([*OLD, *few], Periods(recent=9, long_term=1, turning_points=0), 40) > {"Lately: some tea."}


@pytest.mark.parametrize(
    "documents",
    [
        [Document(text=document.text, id=document.id) for document in [*OLD, *NEW]],
        [Document(text=document.text, id=document.id, metadata={"date": "2026-03-01"}) for document in [*OLD, *NEW]],
    ],
    ids=["no dates", "one day"],
)
def test_without_a_gap_nothing_is_shared(documents: list[Document]) -> None:
    assert kept(documents, Periods(), 60) == kept(documents, None, 60)


def test_sessions_are_cut_at_the_largest_gaps() -> None:
    three = [*OLD, said(20, "Between: some green tea."), *NEW]
    two = kept(three, Periods(recent=1, long_term=0, turning_points=0, sessions=2), 30)

    assert all(text.startswith("Lately") for text in two)


def test_what_does_not_reach_the_floor_uses_up_no_share() -> None:
    sentences = [Sentence(document=document, position=i, start=0, end=len(document.text)) for i, document in enumerate([*OLD, *NEW])]
    wanted = [number in (0, 1, 2, 3, 15) for number in range(16)]

    offered = Periods(recent=0.5, long_term=0.5, turning_points=0).order(range(16), sentences, wanted)

    assert [i for i in offered if wanted[i]] == [15, 0, 1, 2, 3]


@given(
    days=st.lists(st.one_of(st.none(), st.integers(0, 400)), min_size=1, max_size=30),
    weights=st.tuples(*[st.floats(0, 5)] * 3).filter(any),
    sessions=st.integers(2, 12),
)
def test_every_unit_is_offered_once(days: list[int | None], weights: tuple[float, float, float], sessions: int) -> None:
    documents = [Document(text="tea") if day is None else said(day, "tea") for day in days]
    sentences = [Sentence(document=document, position=i, start=0, end=3) for i, document in enumerate(documents)]
    periods = Periods(recent=weights[0], long_term=weights[1], turning_points=weights[2], sessions=sessions)

    assert sorted(periods.order(range(len(days)), sentences, [True] * len(days))) == [*range(len(days))]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"recent": -1}, "`recent` must be a number of at least 0"),
        ({"long_term": float("nan")}, "`long_term` must be a number"),
        ({"turning_points": True}, "`turning_points` must be a number"),
        ({"sessions": 1}, "`sessions` must be"),
        ({"recent": 0, "long_term": 0, "turning_points": 0}, "all 0"),
    ],
)
def test_weights_that_cannot_be_are_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Periods(**wrong)  # type: ignore[arg-type]


def test_other_values_are_refused() -> None:
    with pytest.raises(ConfigError, match="`periods` must be"):
        GreedySelector(periods={"recent": 1})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`periods` must be"):
        ContextBudget(target_tokens=10, periods={"recent": 1})  # type: ignore[arg-type]


def test_a_composed_context_shares_its_memory_over_time() -> None:
    compressor = ContextCompressor(Marker(FakeScorer("tea", "green", "cup"), splitter=SPLIT), counter=count_words)

    def lately(periods: Periods | None) -> int:
        context = compose(compressor, ContextBudget(target_tokens=70, periods=periods), "q", memory=[*OLD, *NEW])
        assert context.tokens <= 70
        return context.text.count("Lately")

    assert lately(None) == 0
    assert lately(Periods()) >= 2


def test_messages_share_their_memory_over_time() -> None:
    compressor = ContextCompressor(Marker(FakeScorer("tea", "green", "cup"), splitter=SPLIT), counter=count_words)

    def lately(periods: Periods | None) -> int:
        budget = ContextBudget(target_tokens=160, periods=periods)
        shortener = MessageShortener(compressor, target_tokens=60, budget=budget, history=None, tool_results=None)
        short = shortener.shorten([{"role": "user", "content": "What do I drink?"}], memory=[*OLD, *NEW])
        return str(short.messages[-1]["content"]).count("Lately")

    assert lately(None) == 0
    assert lately(Periods()) >= 2
