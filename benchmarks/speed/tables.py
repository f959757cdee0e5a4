"""A table as data, for the terminal and for Markdown alike, and how numbers are written in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """Cells are text already; the first column and words are aligned left, numbers right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def rich(self) -> Group:
        """For the terminal."""
        table = Table()
        for column in self.columns:
            table.add_column(column, justify="left" if self._is_text(column) else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        return Group(Text(self.title, style="bold"), table, *(Text(note, style="dim") for note in self.notes), "")

    def markdown(self) -> str:
        """For a page."""
        lines = [self.columns, tuple("---" if self._is_text(column) else "---:" for column in self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"### {self.title}\n\n{table}\n" + (f"{notes}\n" if notes else "")

    def _is_text(self, column: str) -> bool:
        return column in (self.columns[0], WHAT)


WHAT = "what"
"""Head of a column of words."""

Spread = Sequence[float] | None
"""Median, least and greatest."""


def seconds(value: float) -> str:
    """Three digits, in a unit that suits."""
    return seconds_range((value, value, value))


def seconds_range(spread: Spread) -> str:
    """All in the unit that suits the median."""
    if spread is None:
        return "-"
    factor, unit = (1, "s") if spread[0] >= 1 else (1_000, "ms")
    middle, least, greatest = (f"{factor * value:,.0f}" if factor * value >= 1_000 else f"{factor * value:.3g}" for value in spread)
    return f"{middle} {unit}" if least == greatest else f"{middle} ({least} - {greatest}) {unit}"


def ratio_range(spread: Spread) -> str:
    """As a multiple."""
    if spread is None:
        return "-"
    middle, least, greatest = (f"{value:.2f}" if value >= 0.1 else f"{value:.2g}" for value in spread)
    return middle if spread[1] == spread[2] else f"{middle} ({least} - {greatest})"


def percent_range(spread: Spread) -> str:
    if spread is None:
        return "-"
    middle, least, greatest = (f"{100 * value:.3g}" for value in spread)
    return f"{middle} %" if spread[1] == spread[2] else f"{middle} % ({least} - {greatest})"


def size(value: float) -> str:
    """Bytes as MiB, or GiB from one on."""
    return f"{value / 2**30:.2f} GiB" if value >= 2**30 else f"{value / 2**20:,.0f} MiB"
