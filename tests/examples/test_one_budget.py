"""The example of one budget runs offline, and the table under its context adds up."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_all_parts_are_in_one_context_under_the_budget() -> None:
    command = [sys.executable, ROOT / "examples" / "one_budget.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"(?m)^(\w+) +([\d,]+) +([\d,]+) +([\d,]+)$", done.stdout)
    assert [row[0] for row in rows] == ["profile", "memory", "history", "tool_results", "documents", "all"]
    numbers = [[int(number.replace(",", "")) for number in row[1:]] for row in rows]
    assert sum(allowed for _, allowed, _ in numbers[:-1]) == numbers[-1][1] == 600
    assert all(tokens <= allowed <= wanted for wanted, allowed, tokens in numbers[:-1])
    assert "lercanidipine" in done.stdout
