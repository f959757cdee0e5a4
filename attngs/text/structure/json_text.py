"""JSON and JSON lines: each record is a unit where it fits, else each of its fields.

Read with its keys and the record's name.

`json` gives no positions, and builds values that nobody needs here. So one regular expression runs from bracket to bracket; a container is
*pending* while it may still become one unit, and is *written* as soon as it cannot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from attngs.text.boundaries import after_space
from attngs.text.structure.limits import fits
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

DEEPEST = 500
"""Levels. What is nested deeper is no data that anybody reads."""
SHORTEST_PACK = 80
"""Numbers and words of a list share a unit of about so many characters."""

_STRUCTURAL = re.compile(  # a short list of numbers counts as one value
    r"""(?:[^\[\]{},"]++ | "[^"\\]*+(?:\\.[^"\\]*+)*+" | \[[^\[\]{}"]{0,60}+\] | \{\s*+\})*+ ([\[\]{},])""",
    re.DOTALL | re.VERBOSE,
)
_OPENS = re.compile(r'[{\[]\s*(?:["{\[\]}]|-?\d[\d.eE+-]*\s*[,\]]|true\b|false\b|null\b)')
_KEY = re.compile(r'[\s{\[]*"(?:[^"\\]|\\.){0,200}"\s*:\s*', re.DOTALL)
_IDENTIFIER = re.compile(r'[\s{\[]*"(?:_?id|uuid|key|code|sku|part|number|index)"\s*:')
_NAME = re.compile(r'[\s{\[]*"(?:\w{0,20}name|title|label|subject|question|role|date|timestamp)"\s*:', re.IGNORECASE)
_CLOSERS = re.compile(r"[\]},\s]*+")


@dataclass(slots=True)
class _Container:
    start: int
    """Of its bracket."""
    is_object: bool
    is_element: bool
    """Whether it is in a list, where it is a record."""
    nested: bool = False
    """Whether a container is in it."""
    written: bool = False
    ends: list[int] = field(default_factory=list[int])
    """Where its members end, while it is pending."""


class _Scanner:
    """Walks the brackets of one JSON text and adds units to an outline."""

    def __init__(self, outline: Outline, start: int, end: int, rank: int) -> None:
        self.outline, self.text = outline, outline.text
        self.start, self.end, self.rank = start, end, rank
        self.stack = list[_Container]()
        self.pending = 0
        """How many containers of the stack, from the bottom, are written."""
        self.closed = 0
        """Where the last container ended."""

    def run(self) -> bool:
        """Whether the range is one JSON text, whole or cut off; all that could be read of it has been added."""
        position = self.start
        while match := _STRUCTURAL.match(self.text, position, self.end):
            if position > self.start and not self.stack:
                return False
            position = match.end()
            mark = match[1]
            if mark == ",":
                if not self.stack:
                    return False
                self._end_member(position)
            elif mark in "{[":
                if len(self.stack) == DEEPEST:
                    return False
                self._open(position - 1, mark)
            elif not self._close(position, mark):
                return False
        if not self.stack:
            return after_space(self.text, position) >= self.end
        while self.pending < len(self.stack):  # cut off
            self._write_pending()
        self.outline.add(self.end, "field")
        return True

    def _open(self, position: int, mark: str) -> None:
        parent = self.stack[-1] if self.stack else None
        if parent:
            parent.nested = True
        self.stack.append(_Container(position, mark == "{", parent is not None and not parent.is_object))
        self._write_what_cannot_be_whole(position)

    def _close(self, position: int, mark: str) -> bool:
        if not self.stack or self.stack[-1].is_object != (mark == "}"):
            return False
        self._end_member(position)
        container = self.stack.pop()
        self.closed = position
        self.pending = min(self.pending, len(self.stack))
        if container.written:
            self.outline.leave(self.rank + 3 * len(self.stack))
        elif not self.stack:
            self.outline.add(position, "record")
        return True

    def _end_member(self, position: int) -> None:
        self._write_what_cannot_be_whole(position)
        container = self.stack[-1]
        if container.written:
            self._write_member(position, container, len(self.stack) - 1)
        else:
            container.ends.append(position)

    def _write_what_cannot_be_whole(self, position: int) -> None:
        while self.pending < len(self.stack):
            lowest = self.stack[self.pending]
            if (lowest.is_element or not lowest.nested) and fits(self.text, lowest.start, position):
                return
            self._write_pending()

    def _write_pending(self) -> None:
        depth = self.pending
        container = self.stack[depth]
        container.written = True
        self.pending += 1
        if _KEY.fullmatch(self.text, self.outline.content, container.start):
            self.outline.open(container.start + 1, "key", self.rank + 3 * depth)
        for end in container.ends:
            self._write_member(end, container, depth)
        container.ends.clear()

    def _write_member(self, end: int, container: _Container, depth: int) -> None:
        outline, text = self.outline, self.text
        if outline.content >= end:
            return
        closers = _CLOSERS.match(text, outline.content, end)
        if closers and closers.end() == end:
            outline.markup(end)
            return
        if not container.is_object:
            closed = self.closed > outline.content
            if closed or end - outline.content >= SHORTEST_PACK:
                outline.add(end, "record" if closed else "field")
            return
        rank = self.rank + 3 * depth
        if _NAME.match(text, outline.content, end):
            outline.open(end, "field", rank + 2)
        elif _IDENTIFIER.match(text, outline.content, end):
            outline.open(end, "field", rank + 1)
        elif (key := _KEY.match(text, outline.content, end)) and not fits(text, outline.content, end):
            outline.record(end, "field", rank + 3, key.end())
        else:
            outline.add(end, "field")


def _recognises(head: str) -> bool:
    return _OPENS.match(head, after_space(head, head.startswith("\ufeff"))) is not None


def _read(text: str) -> Structure | None:
    outline = Outline(text)
    start = outline.content + text.startswith("\ufeff", outline.content)
    if text[start : start + 1] in {"{", "["} and _Scanner(outline, start, len(text.rstrip()), 0).run():
        return outline.structure("json")
    return None


def _recognises_lines(head: str) -> bool:
    lines = head.splitlines()[:20]
    return len(lines) > 1 and all(_is_record(line.strip()) for line in lines[: -1 or None] if line.strip()) and _recognises(head)


def _is_record(line: str) -> bool:
    return (line[:1], line[-1:]) in {("{", "}"), ("[", "]")}


def _read_lines(text: str) -> Structure | None:
    lines = lines_of(text)
    outline = Outline(text)
    for line in lines:
        _add_line(outline, line)
    return outline.structure("json lines")


def _add_line(outline: Outline, line: Line) -> None:
    outline.leave(0)
    if not fits(outline.text, line.start, line.end):
        _Scanner(outline, line.start, line.end, 0).run()
    outline.add(line.end, "record")


JSON = Reader("json", _recognises, _read, (".json", ".ipynb", ".geojson"), ("application/json",))
JSON_LINES = Reader(
    "json lines",
    _recognises_lines,
    _read_lines,
    (".jsonl", ".ndjson"),
    ("application/jsonl", "application/x-ndjson", "application/jsonlines"),
)
