"""Tables of a spreadsheet, with commas, semicolons, tabs or bars.

Each row is a unit, read with the header.

`csv` reads cells but gives no positions; here only the quotes matter, because a cell in quotes may go over several lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

DELIMITERS = "\t;,|"
LONGEST_ROW = 100
"""Lines. A quote that is not closed within so many is no quote."""

HEADER, ROW = 0, 1
"""Ranks."""

_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_VALUE = re.compile(r"\W*\d[\d.,:/\-T %€$£]*\w{0,4}$")  # a number, a date, a price: what no header holds
_LONGEST_NAME = 60


def _rows(text: str, lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Start and end of the rows; one goes on over lines while a quote is open."""
    rows = list[tuple[int, int]]()
    number = 0
    while number < len(lines):
        last = number
        if text.count('"', lines[number].start, lines[number].end) % 2:
            window = range(number + 1, min(number + LONGEST_ROW, len(lines)))
            last = next((i for i in window if text.count('"', lines[i].start, lines[i].end) % 2), number)
        end = lines[last].end
        while text[end : end + 1] == "\t":  # empty cells
            end += 1
        rows.append((lines[number].start, end))
        number = last + 1
    return rows


def _cells(row: str, delimiter: str) -> list[str]:
    """The cells of a row, as far as finding a header needs them."""
    return _QUOTED.sub(lambda quoted: re.sub(r"[\t;,|\n]", " ", quoted[0]), row).split(delimiter)


def _delimiter(rows: Sequence[str]) -> str:
    """What separates the cells: nearly all rows have the same number of it. Empty: this is no table."""
    for delimiter in DELIMITERS:
        table = [_cells(row, delimiter) for row in rows]
        count, same = Counter(map(len, table)).most_common(1)[0]
        spaced = 2 * sum(cell.startswith(" ") for cells in table for cell in cells) > len(rows) * (count - 1)  # as after commas of prose
        if same >= 0.8 * len(rows) and count > 1 and not (spaced and delimiter != "\t"):
            return delimiter
    return ""


def _is_header(cells: Sequence[str]) -> bool:
    names = [cell.strip().strip('"') for cell in cells]
    return len(set(names)) == len(names) and all(name and len(name) <= _LONGEST_NAME and not _VALUE.match(name) for name in names)


def _recognises(head: str) -> bool:
    rows = [head[start:end] for start, end in _rows(head, lines_of(head))]
    if len(rows) < 3 or not (delimiter := _delimiter(rows)):
        return False
    columns = len(_cells(rows[0], delimiter))
    return columns > 2 or delimiter == "\t" or (_is_header(_cells(rows[0], delimiter)) and max(map(len, rows)) < 80)


def _read(text: str) -> Structure | None:
    rows = _rows(text, lines_of(text))
    delimiter = _delimiter([text[start:end] for start, end in rows[:100]]) if rows else ""
    if not delimiter:
        return None
    outline = Outline(text)
    start, end = rows[0]
    has_header = len(rows) > 1 and _is_header(_cells(text[start:end], delimiter))
    if has_header:
        outline.open(end, "header", HEADER)
    for start, end in rows[has_header:]:
        name = text.find(delimiter, start, end)
        outline.record(end, "row", ROW, name + 1 if start < name < start + _LONGEST_NAME else start + _LONGEST_NAME)
    return outline.structure("table")


TABLE = Reader("table", _recognises, _read, (".csv", ".tsv", ".tab"), ("text/csv", "text/tab-separated-values"))
