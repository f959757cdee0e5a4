"""The benchmark of a provider's cache: its chat, its arithmetic and its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from attngs.reading.tokens import as_counter
from attngs.testing import count_words
from benchmarks.cache.measure import BLOCK, METHODS, Bill, bill_of, hold_chat, shared
from benchmarks.cache.page import tables, write_page
from benchmarks.cache.talk import tools, turns
from langchain_attngs import AttnGSCompressor

COUNTER = as_counter(count_words)


def test_the_chat_has_thirty_turns_and_calls_tools_that_there_are() -> None:
    talk = turns()
    names = {tool.name for tool in tools()}
    assert len(talk) == 30
    assert sum(turn.tool is not None for turn in talk) >= 8
    assert {turn.tool for turn in talk if turn.tool} <= names
    for turn in talk:
        if turn.tool:
            [found] = [tool for tool in tools() if tool.name == turn.tool]
            assert count_words(found.invoke(turn.args or {})) > 300
            assert found.invoke(turn.args or {}) == found.invoke(turn.args or {})


@pytest.mark.parametrize(("text", "other", "expected"), [("", "a", 0), ("abc", "abd", 2), ("ab", "abc", 2), ("x", "y", 0), ("aa", "aa", 2)])
def test_how_much_two_texts_share(text: str, other: str, expected: int) -> None:
    assert shared(text, other) == shared(other, text) == expected


def test_what_an_earlier_request_began_with_is_cached_in_whole_blocks() -> None:
    first, second = "word " * (BLOCK + 5), "word " * (BLOCK + 5) + "new " * BLOCK
    bill = bill_of([first, "other " * 10, second, second], COUNTER, ["a summary"])
    assert bill.requests == 4
    assert bill.sent == 3 * (BLOCK + 5) + 10 + 2 * BLOCK
    assert bill.cached == BLOCK + 2 * BLOCK
    assert bill.full == bill.sent - bill.cached + 2
    assert bill.new_beginnings == 2
    assert bill.cost(0.5) == bill.full + bill.cached / 2


@pytest.mark.parametrize("method", METHODS)
def test_every_method_holds_the_chat(method: str) -> None:
    compressor = AttnGSCompressor(target_tokens=128, counter=count_words)
    bill = hold_chat(method, turns()[:3], compressor)
    assert bill.requests == 4
    assert bill.sent > bill.cached


def test_a_page_has_all_methods(tmp_path: Path) -> None:
    bills = {name: Bill(requests=2, sent=1_000, cached=128, summarizer=5).to_dict() for name in METHODS}
    results = {"turns": 3, "results": 1, "memory_tokens": 9, "bills": bills, "machine": {"date": "today", "code": "abc"}}
    page = write_page(results, tmp_path).read_text(encoding="utf-8")
    assert [table.title in page for table in tables(results)] == [True, True]
    assert all(page.count(f"| {name} |") == 2 for name in METHODS)
