"""Text whose depth is its indentation: source code, YAML, and whatever else is laid out like them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attngs.text.structure.limits import fits
from attngs.text.structure.lines import Line
from attngs.text.structure.outline import Outline


def last_lines(lines: Sequence[Line]) -> list[int]:
    """Of each line, the number of the last line below it that is indented deeper, or its own."""
    last = list(range(len(lines)))
    opened = list[int]()
    for number, line in enumerate(lines):
        while opened and lines[opened[-1]].indent >= line.indent:
            last[opened.pop()] = number - 1
        opened.append(number)
    for number in opened:
        last[number] = len(lines) - 1
    return last


def write_indented(
    outline: Outline, lines: Sequence[Line], rank: int, kind: str, is_whole: Callable[[Sequence[Line]], bool] = lambda lines: True
) -> None:
    """Add lines as units: a line with all that is deeper where it fits.

    Else the line as head of what is deeper.

    Args:
        outline: Where the units go.
        lines: The lines.
        rank: Of a scope without indentation.
        kind: Of the units.
        is_whole: Whether a line with all that is deeper makes sense as one unit, if it fits.
    """
    last = last_lines(lines)
    number = 0
    while number < len(lines):
        line, end = lines[number], lines[last[number]].end
        outline.leave(rank + line.indent)
        if last[number] == number:
            outline.add(line.end, kind)
        elif fits(outline.text, line.start, end) and is_whole(lines[number : last[number] + 1]):
            outline.add(end, kind)
            number = last[number]
        else:
            outline.open(line.end, kind, rank + line.indent)
        number += 1
