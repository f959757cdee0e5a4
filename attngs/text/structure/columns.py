"""Pages with two columns of text, as programs write them that read PDF files.

The columns stand side by side, line by line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from attngs.text.structure.lines import Line
from attngs.types import Span

FEWEST = 4
"""Lines of a paragraph that is looked at."""
NARROWEST = 16
"""Characters of a line of a column, on average: shorter cells are those of a table."""

_GUTTER = re.compile(r"\S( {3,}|\t+)(?=\S)")


def columns_of(text: str, lines: Sequence[Line]) -> list[list[Span]]:
    """The lines of both columns; empty if this is no such page.

    In most lines one gap ends at the same place, with much on both sides.
    """
    if len(lines) < FEWEST:
        return []
    gaps = [list(_GUTTER.finditer(text, line.start, line.end)) for line in lines]
    single = [(line, found[0]) for line, found in zip(lines, gaps, strict=True) if len(found) == 1]
    if 10 * len(single) < 7 * len(lines):
        return []
    column, same = Counter(gap.end() - line.start + line.indent for line, gap in single).most_common(1)[0]
    width = sum(line.end - line.start - len(gap[1]) for line, gap in single) / len(single)
    if 10 * same < 7 * len(lines) or width < 2 * NARROWEST:
        return []
    left, right = list[Span](), list[Span]()
    for line, found in zip(lines, gaps, strict=True):
        gap = next((gap for gap in found if gap.end() - line.start + line.indent == column), None)
        if gap:
            left.append(Span(line.start, gap.start(1)))
            right.append(Span(gap.end(), line.end))
        else:
            (right if line.indent >= column - 1 else left).append(Span(line.start, line.end))
    return [stream for stream in (left, right) if stream]
