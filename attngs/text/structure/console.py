"""What compilers and test runners print: each message with the lines that it shows.

A message is a line, and the lines under it that are indented or show source code. Sections are titles between strokes
(`==== FAILURES ====`); the strokes are markup, because they cost many tokens and say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attngs.text.structure.indentation import write_indented
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.markers import RULE, TITLED_RULE
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

SECTION, SUBSECTION, PLACE, MESSAGE = 0, 1, 2, 10
"""Ranks."""

_MESSAGE = re.compile(
    r"""(?:[\w./\\@+-]{1,200}(?::\d+|\(\d+)(?:[:,]\d+)?\)?:?\s+(?:fatal\s|internal\s)?(?:error|warning|note|info|hint|remark)\b
    | (?:error|warning)(?:\[\w+\]|\s\w{1,4}\d+)?:\s
    | (?:FAIL|FAILED|ERROR|PASS|PASSED|---\s(?:FAIL|PASS|SKIP)):?\s+[\w./-]
    | npm\s(?:ERR!|WARN)|CMake\s(?:Error|Warning) | ●\s)""",
    re.VERBOSE,
)
_PROGRESS = re.compile(r"\[\s*\d{1,3}(?:%|/\d+)\]\s|make(?:\[\d+\])?:\s|ninja:\s")
_PLACE = re.compile(r"[\w./\\+-]{1,200}:\s(?:In|At)\s.{1,200}:$")
_SHOWN = re.compile(r"(?:\d+\s*)?\|(?:\s|$)|-->\s|\^|=\s(?:note|help)|E\s{2,}")
_FAILED_LINE, _REASON = re.compile(r">\s{3,}\S"), re.compile(r"E\s{2,}\S")
_RUN = re.compile(r"(?:test session|FAILURES|ERRORS|\bpassed\b|\bfailed\b|short test summary)")


def _recognises(head: str) -> bool:
    lines = lines_of(head)
    clear = known = 0
    for line in lines:
        if title := TITLED_RULE.match(head, line.start, line.end):
            clear += _RUN.search(title["title"]) is not None
            known += 1
        elif any(pattern.match(head, line.start, line.end) for pattern in (_MESSAGE, _PROGRESS, _REASON)):
            clear += 1
            known += 1
        else:
            known += line.indent > 0 or any(pattern.match(head, line.start, line.end) for pattern in (_SHOWN, _PLACE, RULE, _FAILED_LINE))
    return clear > 1 and 2 * known > len(lines)


def _read(text: str) -> Structure | None:
    outline = Outline(text)
    lines = lines_of(text)
    first = number = 0
    while number < len(lines):
        line = lines[number]
        if title := TITLED_RULE.match(text, line.start, line.end):
            _write_messages(outline, lines[first:number])
            outline.titled_rule(title, line.end, SECTION if title["rule"][0] == "=" else SUBSECTION)
            first = number + 1
        elif RULE.match(text, line.start, line.end):
            _write_messages(outline, lines[first:number])
            outline.add(line.end, "markup")
            first = number + 1
            if number + 2 < len(lines) and text[line.start] == "=" and RULE.match(text, *lines[number + 2][:2]):  # as unittest writes
                outline.open(lines[number + 1].end, "heading", SECTION)
                first = number = number + 2
                outline.add(lines[number].end, "markup")
                first += 1
        number += 1
    _write_messages(outline, lines[first:])
    return outline.structure("console")


def _write_messages(outline: Outline, lines: Sequence[Line]) -> None:
    """Messages below the places that other lines name, and the reasons why tests failed."""
    text = outline.text
    first = number = 0
    while number < len(lines):
        line = lines[number]
        is_place = _PLACE.match(text, line.start, line.end) is not None
        if is_place or _PROGRESS.match(text, line.start, line.end):
            _write_lines(outline, lines[first:number])
            outline.leave(PLACE)
            if is_place:
                outline.open(line.end, "heading", PLACE)
            else:
                outline.add(line.end, "event")
            first = number + 1
        elif _FAILED_LINE.match(text, line.start, line.end) or _REASON.match(text, line.start, line.end):
            _write_lines(outline, lines[first:number])
            while number + 1 < len(lines) and _REASON.match(text, *lines[number + 1][:2]):
                number += 1
            outline.leave(MESSAGE)
            outline.add(lines[number].end, "event")
            first = number + 1
        number += 1
    _write_lines(outline, lines[first:])


def _write_lines(outline: Outline, lines: Sequence[Line]) -> None:
    shown = [line._replace(indent=max(line.indent, 1)) if _SHOWN.match(outline.text, line.start, line.end) else line for line in lines]
    write_indented(outline, shown, MESSAGE, "event")


CONSOLE = Reader("console", _recognises, _read)
