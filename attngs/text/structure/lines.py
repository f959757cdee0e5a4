"""The lines of a text, and which of them go on with the line before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

QUOTE = re.compile(r"(?:>[ \t]?)+")
"""The marks at the beginning of a quoted line."""

_LINE = re.compile(r"\S[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*")
_HYPHENATED = re.compile(r"[^\W\d_]{2}[-\u00ad\u2010]$")

NARROWEST, WIDEST = 24, 160
"""Characters of the widest line of a paragraph that may be hard-wrapped, if its lines break inside sentences."""
USUAL = range(45, 121)
"""At these widths, full lines alone show that a paragraph is hard-wrapped."""
_FILLED = 0.6


class Line(NamedTuple):
    """A line that is not blank, without the white space at its ends."""

    start: int
    end: int
    indent: int
    """Columns of white space before it."""
    gap: bool
    """Whether a blank line is before it."""


def lines_of(text: str, start: int = 0, end: int | None = None) -> list[Line]:
    """The lines of a range that are not blank."""
    found = list[Line]()
    previous = start
    for match in _LINE.finditer(text, start, len(text) if end is None else end):
        first, last = match.span()
        if text[last - 1].isspace():
            last = first + len(match[0].rstrip())
        if first == previous + 1 and found and text[previous] == "\n":  # most lines
            found.append(Line(first, last, 0, gap=False))
            previous = match.end()
            continue
        newlines = text.count("\n", previous, first) or text.count("\r", previous, first)
        indent = 0
        if text[first - 1 : first] in {" ", "\t", "\u3000", "\xa0"}:
            line_start = max(text.rfind("\n", previous, first), text.rfind("\r", previous, first)) + 1
            indent = len(text[max(previous, line_start) : first].expandtabs(4))
        found.append(Line(first, last, indent, newlines > 1))
        previous = match.end()
    return found


def width_of(paragraph: Sequence[Line]) -> int:
    """Columns of the widest line."""
    return max(line.end - line.start + line.indent for line in paragraph)


def goes_on(text: str, previous: Line, line: Line, width: int, *, wrapped: bool) -> bool:
    """Whether a sentence may go on from one line to the next.

    A hard-wrapped paragraph, or a word with a hyphen at the line's end.

    Args:
        text: The whole text.
        previous: The line before.
        line: The line.
        width: Columns of the widest line of the paragraph.
        wrapped: Whether the paragraph as a whole looks hard-wrapped, as `looks_wrapped` tells.
    """
    if line.gap or text[previous.end - 1] in ":：" or not NARROWEST <= width <= WIDEST:
        return False
    if _HYPHENATED.search(text, max(previous.start, previous.end - 3), previous.end) and text[line.start].islower():
        return True
    if line.indent > previous.indent + 8 or not (wrapped or width in USUAL):
        return False
    filled = previous.end - previous.start + previous.indent
    word_end = text.find(" ", line.start, line.end)
    word = (word_end if word_end > 0 else line.end) - line.start
    inside = wrapped and text[line.start].islower() and text[previous.end - 1] not in ".!?;" and filled > _FILLED * width
    return inside or filled + 1 + word > width  # the word had no room above


def looks_wrapped(text: str, paragraph: Sequence[Line]) -> bool:
    """Whether lines break inside sentences.

    Some end in a hyphen, or a third of them start in lower case though others do not.
    """
    following = paragraph[1:]
    lower = sum(text[line.start].islower() for line in following)
    hyphens = sum(_HYPHENATED.search(text, max(line.start, line.end - 3), line.end) is not None for line in paragraph)
    all_lower = lower == len(following) and text[paragraph[0].start].islower()  # somebody who writes without capitals
    return bool(hyphens and lower) or (3 * lower >= len(following) > 0 and not all_lower and width_of(paragraph) >= NARROWEST)


def unquoted(text: str, lines: Sequence[Line]) -> tuple[Sequence[Line], Sequence[int]]:
    """The lines without their quote marks, and how many each had.

    A line of nothing else is a blank line of the quotation.
    """
    found, depths, gap = list[Line](), list[int](), False
    for line in lines:
        mark = QUOTE.match(text, line.start, line.end) if text[line.start] == ">" else None
        if mark is None:
            found.append(line._replace(gap=True) if gap else line)
            depths.append(0)
            gap = False
        elif mark.end() >= line.end:
            gap = True
        else:
            start = mark.end()
            while text[start].isspace():
                start += 1
            found.append(Line(start, line.end, start - mark.end(), line.gap or gap))
            depths.append(mark[0].count(">"))
            gap = False
    return found, depths
