"""The examples run offline, and what they print holds what they claim."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.examples.scripts import EXAMPLES, printed

run = cache(printed)


def test_the_agent_is_shown_a_fraction_and_it_is_the_right_one() -> None:
    out = run("langchain_agent.py")
    sizes = [(int(a.replace(",", "")), int(b.replace(",", ""))) for a, b in re.findall(r"([\d,]+) tokens\D+([\d,]+) tokens", out)]
    assert len(sizes) == 2
    assert all(without > 10 * short for without, short in sizes)
    assert "Changed to lercanidipine" in out


def test_the_chain_shows_both_contexts_side_by_side() -> None:
    out = run("langchain_rag.py")
    found = re.findall(r"(without|with) attngs: ([\d,]+) tokens, (\d+) of (\d+)", out)
    assert [name for name, *_ in found] == ["without", "with"] * 3
    tokens = [int(number.replace(",", "")) for _, number, *_ in found]
    assert all(without > 2 * short for without, short in zip(tokens[::2], tokens[1::2], strict=True))


def test_in_fewer_tokens_than_three_documents_more_evidence_is_found() -> None:
    rows = re.findall(r"│ (with\S* attngs(?:, 3 documents)?) +│ ([\d,]+) a question +│ (\d+) of (\d+)", run("langchain_rag.py"))
    found = {name: (int(tokens.replace(",", "")), int(pieces)) for name, tokens, pieces, _ in rows}
    assert found["with attngs"][0] < found["without attngs, 3 documents"][0]
    assert found["with attngs"][1] > found["without attngs, 3 documents"][1]


def test_the_agent_s_messages_are_told_apart() -> None:
    out = run("langchain_agent.py")
    assert [re.findall(rf"(?m)^{kind} ─", out) != [] for kind in ("human", "ai", "tool")] == [True] * 3
    assert "calls read_profile(" in out


@pytest.mark.parametrize("name", ["langchain_rag.py", "langchain_agent.py"])
def test_they_are_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 80
