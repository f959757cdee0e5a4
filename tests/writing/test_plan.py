"""What a plan says of money, by numbers that one can check by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from attngs.errors import ConfigError
from attngs.types import Marking, Message, Selection
from attngs.writing.plan import Plan, Rates


def plan_of(*, original: int = 1_000_000, short: int = 200_000, rates: Rates, writes: int = 0) -> Plan:
    """A plan in millions of tokens, so that prices are amounts."""
    return Plan(
        marking=Marking(query="q", sentences=(), scores=(), marked=()),
        selection=Selection(kept=(), dropped=(), text="", tokens=short),
        conversations=((Message("user", "x"),),) if writes else (),
        original_tokens=original,
        target_tokens=short,
        passthrough=False,
        standout=9.0,
        writer_input_tokens=original if writes else 0,
        writer_output_tokens=writes,
        rates=rates,
    )


def test_without_a_cached_price_every_read_saves_the_same() -> None:
    plan = plan_of(rates=Rates(reader_price=2.5))
    assert plan.saving == plan.saving_again == plan.saving_on_a_new_question == pytest.approx(2.0)
    assert plan.advice == "Compression makes the context 5.0 times shorter."


@pytest.mark.parametrize(("cached", "saved", "pays"), [(0.25, -0.25, False), (0.5, 0.0, True), (1.25, 0.75, True)])
def test_a_whole_context_that_is_cached_may_cost_less_than_a_new_short_one(cached: float, saved: float, pays: bool) -> None:
    plan = plan_of(rates=Rates(reader_price=2.5, cached_reader_price=cached))
    assert plan.saving == pytest.approx(2.0)
    assert plan.saving_again == pytest.approx(0.8 * cached)
    assert plan.saving_on_a_new_question == pytest.approx(saved)
    assert ("hand it on whole" in plan.advice) == (not pays)


def test_a_writer_pays_later_where_further_reads_are_cached() -> None:
    prices: Any = {"reader_price": 2.5, "writer_input_price": 2.8, "writer_output_price": 0}
    assert plan_of(writes=200_000, rates=Rates(**prices)).break_even_reads == pytest.approx(1.4)
    assert plan_of(writes=200_000, rates=Rates(cached_reader_price=0.5, **prices)).break_even_reads == pytest.approx(3.0)
    assert plan_of(writes=200_000, rates=Rates(cached_reader_price=0.0, **prices)).break_even_reads == math.inf


@pytest.mark.parametrize("price", [-1, math.inf, "1"])
def test_a_cached_price_is_a_price(price: Any) -> None:
    with pytest.raises(ConfigError, match="`cached_reader_price` must be a number of at least 0"):
        Rates(reader_price=1.0, cached_reader_price=price)
    with pytest.raises(ConfigError, match=r"`cached_reader_price` must be at most `reader_price`, 1\.0, got 2\.0"):
        Rates(reader_price=1.0, cached_reader_price=2.0)
