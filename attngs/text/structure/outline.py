"""Builds a structure: a reader says where units end and which of them open a scope.

Heads, white space and length follow.

A *scope* is what a heading, a list item or a speaker opens. It has a rank, and lasts until something of the same or a smaller rank comes.
Every unit has the units that opened the scopes around it as its heads.
"""

from __future__ import annotations

import re

from attngs.text.boundaries import after_space
from attngs.text.structure.limits import cuts, fits
from attngs.text.structure.units import Structure
from attngs.types import Unit

MOST_HEADS = 8
"""A unit has the nearest scopes as heads, however deep it lies."""

_LINE_START = re.compile(r"(?s:.*)[\n\r]")


class Outline:
    """The units of one text, added in reading order."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.content = after_space(text, 0)
        """Where the next unit's text begins, white space before it aside."""
        self._start = 0
        self._units = list[Unit]()
        self._scopes = list[tuple[int, int]]()
        self._heads: tuple[int, ...] | None = ()

    @property
    def heads(self) -> tuple[int, ...]:
        """What the next unit is read with."""
        if self._heads is None:
            self._heads = tuple([number for _, number in self._scopes[-MOST_HEADS:]])
        return self._heads

    def add(self, end: int, kind: str, heads: tuple[int, ...] | None = None) -> int:
        """End a unit at `end`, or several where it is too long.

        White space after it belongs to it, but for the indentation of the next line. Nothing happens if there is only white space.

        Args:
            end: Where the unit's text ends.
            kind: What it is (`Unit.kind`).
            heads: What it is read with; by default the scopes around it.

        Returns:
            The number of the unit, of its first piece if it was cut; of the unit before if there was nothing to add.
        """
        if end <= self.content:
            return len(self._units) - 1
        number = len(self._units)
        heads = self.heads if heads is None else heads
        text_end = end if end - self.content < 100 else self.content + len(self.text[self.content : end].rstrip())
        for cut in () if fits(self.text, self.content, text_end) else cuts(self.text, self.content, text_end):
            self._units.append(Unit(self._start, cut, heads, kind))
            self._start = self.content = cut
        self._close(end, heads, kind)
        return number

    def open(self, end: int, kind: str, rank: int) -> int:
        """End a unit at `end` and make it the head of all that follows.

        Until a unit opens a scope of the same or a smaller rank.
        """
        self.leave(rank)
        number = self.add(end, kind)
        if number >= 0:
            self._scopes.append((rank, number))
            self._heads = None
        return number

    def record(self, end: int, kind: str, rank: int, name_end: int) -> None:
        """End a unit at `end` whole if it fits.

        Else its name, up to `name_end`, becomes the head of the rest.
        """
        self.leave(rank)
        if fits(self.text, self.content, end):
            self.add(end, kind)
        else:
            self.open(name_end, kind, rank)
            self.add(end, kind)
            self.leave(rank)

    def leave(self, rank: int) -> None:
        """End the scopes of this rank and of larger ones."""
        if self._scopes and self._scopes[-1][0] >= rank:
            while self._scopes and self._scopes[-1][0] >= rank:
                self._scopes.pop()
            self._heads = None

    def markup(self, end: int) -> None:
        """Give what carries no words to the unit before it.

        Or make it a unit of its own where that is too long or not there.
        """
        if end <= self.content:
            return
        if self._units and fits(self.text, self._units[-1].start, end):
            start, _, heads, kind = self._units.pop()
            self._start = start
            self._close(end, heads, kind)
        else:
            self.add(end, "markup")

    def structure(self, name: str) -> Structure:
        """All units; what is left of the text is markup."""
        self.markup(len(self.text))
        if self._start < len(self.text):  # nothing but white space
            self._units.append(Unit(self._start, len(self.text), (), "markup"))
        return Structure(name, tuple(self._units))

    def _close(self, end: int, heads: tuple[int, ...], kind: str) -> None:
        text = self.text
        stop = self.content = after_space(text, end)
        if end + 1 < stop < len(text) and (line := _LINE_START.match(text, end, stop)):
            stop = line.end()
        self._units.append(Unit(self._start, stop, heads, kind))
        self._start = stop
