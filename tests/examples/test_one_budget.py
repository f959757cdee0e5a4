"""The example of one budget runs offline, and the table under its context adds up."""

from __future__ import annotations

import re

from tests.examples.scripts import printed


def test_all_parts_are_in_one_context_under_the_budget() -> None:
    out = printed("one_budget.py")
    rows = re.findall(r"(?m)^(\w+) +([\d,]+) +([\d,]+) +([\d,]+)$", out)
    assert [row[0] for row in rows] == ["profile", "memory", "history", "tool_results", "documents", "all"]
    numbers = [[int(number.replace(",", "")) for number in row[1:]] for row in rows]
    assert sum(allowed for _, allowed, _ in numbers[:-1]) == numbers[-1][1] == 600
    assert all(tokens <= allowed <= wanted for wanted, allowed, tokens in numbers[:-1])
    assert "lercanidipine" in out
