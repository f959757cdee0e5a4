"""The same context without and with attngs, in two columns: what the examples print."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

LINES = 12
"""Lines of a context that are shown; the rest is counted."""


def print_side_by_side(question: str, without: str, with_attngs: str, *, tokens: tuple[int, int], seconds: float) -> None:
    """One question: both contexts, and what they cost the reader."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(f"without: {tokens[0]:,} tokens", f"with attngs: {tokens[1]:,} tokens", title=Text(question, style="bold"), expand=True)
    table.columns[0].ratio = table.columns[1].ratio = 1
    table.add_row(Text(_beginning(without)), Text(_beginning(with_attngs)))
    console.print(table)
    console.print(f"compression_ratio {tokens[0] / max(tokens[1], 1):.1f}, {seconds:.2f} s\n")


def _beginning(text: str) -> str:
    lines = text.split("\n")
    more = [f"... and {len(lines) - LINES} more lines"] if len(lines) > LINES else []
    return "\n".join(line if len(line) <= 300 else f"{line[:300]}..." for line in [*lines[:LINES], *more])
