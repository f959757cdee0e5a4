"""Builds a structure: a reader says where units end and which of them open a scope.

The outline adds heads, white space and the limit of length.

A *scope* is what a heading, a list item or a speaker opens. It has a rank, and lasts until something of the same or a smaller rank comes.
The heads of a unit are the units that opened the scopes around it. Of several speakers only the nearest is a head: a reader must know who
is quoted, and who quotes would mislead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

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
            speakers = [number for _, number in self._scopes if self._units[number].kind == "speaker"]
            outer = frozenset(speakers[:-1])
            self._heads = tuple([number for _, number in self._scopes if number not in outer][-MOST_HEADS:])
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

    def add_lines(self, starts: Sequence[int], kind: str) -> None:
        """Add short lines without indentation, each of which ends where the next one starts.

        Args:
            starts: Where the lines after each of them start.
            kind: What they are (`Unit.kind`).
        """
        heads = self.heads
        self._units += [Unit(start, end, heads, kind) for start, end in pairwise((self._start, *starts))]
        self._start = self.content = starts[-1]

    def open(self, end: int, kind: str, rank: int) -> int:
        """End a unit at `end` and make it the head of what follows, up to a scope of its rank."""
        self.leave(rank)
        number = self.add(end, kind)
        if number >= 0:
            self._scopes.append((rank, number))
            self._heads = None
        return number

    def record(self, end: int, kind: str, rank: int, name_end: int) -> None:
        """End a unit at `end` if it fits, else make its name, up to `name_end`, the head of the rest."""
        self.leave(rank)
        if fits(self.text, self.content, end):
            self.add(end, kind)
        else:
            self.open(name_end, kind, rank)
            self.add(end, kind)
            self.leave(rank)

    def titled_rule(self, title: re.Match[str], end: int, rank: int) -> None:
        """Add a line such as `==== FAILURES ====`: its title opens a scope, and the strokes are markup.

        Args:
            title: A match of `TITLED_RULE`.
            end: Where the line ends.
            rank: Of the scope.
        """
        self.leave(rank)
        self.add(title.end("rule"), "markup")
        self.open(title.end("title"), "heading", rank)
        self.add(end, "markup")

    def leave(self, rank: int) -> None:
        """End the scopes of this rank and of larger ones."""
        if self._scopes and self._scopes[-1][0] >= rank:
            while self._scopes and self._scopes[-1][0] >= rank:
                self._scopes.pop()
            self._heads = None

    def nest(self, structure: Structure, start: int) -> None:
        """Add the units of a text that begins at `start` and that another reader read.

        They have the scopes around them as heads, and their own below.
        """
        self.add(start, "markup")
        around, first = self.heads, len(self._units)
        for unit in structure.units:
            own = (first + head for head in unit.heads)
            self._units.append(Unit(self._start, start + unit.end, (*around, *own)[-MOST_HEADS:], unit.kind))
            self._start = start + unit.end
        self._start, end, heads, kind = self._units.pop()
        self._close(end, heads, kind)

    def markup(self, end: int) -> None:
        """Give what carries no words to the unit before it, unless that gets too long."""
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
