"""Logs and stack traces: an event is a stamped line with the lines that follow it.

The error of a Python traceback comes last, and heads come first. So the error shares a unit with the innermost frames, where the failure
is, and the log line above it is the head of both. In other languages the error comes first and is the head of its frames.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attngs.text.structure.limits import fits
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

EVENT, ERROR = 0, 1
"""Ranks."""
INNERMOST = 300
"""Characters of a traceback's end that stay with its error."""
_STAMP_WIDTH = 40  # characters of time, level and origin, about

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|FATAL|CRITICAL|SEVERE|EMERG|ALERT)"
_STAMP = re.compile(
    rf"""[\[(<]?(?:
      \d{{4}}[-/.]\d\d[-/.]\d\d[T\ _]\d\d:\d\d(?::\d\d)?
    | \d\d[-/.]\d\d[-/.]\d{{2,4}}\ \d\d:\d\d:\d\d
    | \d\d/[A-Z][a-z]{{2}}/\d{{4}}:\d\d:\d\d:\d\d
    | (?:[A-Z][a-z]{{2}}\ )?[A-Z][a-z]{{2}}\ [\d\ ]\d\ \d\d:\d\d:\d\d
    | \d\d:\d\d:\d\d[.,]?\d*
    | \d{{1,3}}(?:\.\d{{1,3}}){{3}}\ \S+\ \S+\ \[
    | {_LEVEL}\b | (?:trace|debug|info|notice|warn(?:ing)?|error|fatal|critical):\s
    | [IWEF]\d{{4}}\ \d\d:\d\d
    )""",
    re.VERBOSE,
)
_MESSAGE = re.compile(
    rf"\b{_LEVEL}\b|\d{{4}}(?:/\d\d){{2}} [\d:.]{{8,15}} [a-z][\w./-]*: |\[\d+\]:|\"(?:GET|POST|PUT|HEAD|DELETE) |T\d\d:\d\d:\d\d|\w=\S",
    re.IGNORECASE,
)
_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\)|(?:^[ \t]*at\s\S.{0,200}\(.{1,200}:\d+.{0,9}\)|Exception in thread\b|^panic: |^goroutine \d)",
    re.MULTILINE,
)
_FRAME = re.compile(r"(?:File \"|at\s|[\w./-]+\.(?:\(\*\w+\)\.)?\w+\(.*\)$|exit status \d|\.\.\.\s\d+ more|\^|~+\^|goroutine\s|#\d+\s)")
_CRASH = re.compile(r"panic: |fatal error: |Exception in thread|Uncaught ")
"""What a program prints by itself when it ends: it belongs to no event above it."""
_ERROR_LINE = re.compile(
    r"(?:[\w.$]{1,120}(?:Error|Exception|Warning|Interrupt|Exit|Failure|Timeout)\b|(?:Uncaught )?Error: "
    r"|Caused by:|Exception in thread|panic:)"
)


def _recognises(head: str) -> bool:
    lines = lines_of(head)
    stamped = [line for line in lines if _STAMP.match(head, line.start, line.end)]
    telling = sum(_MESSAGE.search(head, line.start, min(line.end, line.start + 120)) is not None for line in stamped)
    trace = sum(line.indent > 0 or _is_of_trace(head, line) for line in lines) if _TRACEBACK.search(head) else 0
    if trace > 1 and 10 * (trace + len(stamped)) >= 8 * len(lines):
        return True
    first = {line.start for line in stamped}
    other = sum(not (line.start in first or line.indent or _is_of_trace(head, line)) for line in lines)
    return len(stamped) > 2 and 2 * len(stamped) > len(lines) > 3 * other and 2 * telling > len(stamped)


def _is_of_trace(text: str, line: Line) -> bool:
    return any(pattern.match(text, line.start, line.end) for pattern in (_TRACEBACK, _FRAME, _ERROR_LINE))


def _read(text: str) -> Structure | None:
    lines = lines_of(text)
    if not any(_begins_event(text, line) or _is_of_trace(text, line) for line in lines):
        return None  # a file that is called a log may hold a chat
    outline = Outline(text)
    first = 0
    for number in range(1, len(lines) + 1):
        if number == len(lines) or _begins_event(text, lines[number]):
            _write_event(outline, lines[first:number])
            first = number
    return outline.structure("log")


def _begins_event(text: str, line: Line) -> bool:
    return not line.indent and (_STAMP.match(text, line.start, line.end) or _CRASH.match(text, line.start, line.end)) is not None


def _write_event(outline: Outline, lines: Sequence[Line]) -> None:
    if not lines:
        return
    text, end = outline.text, lines[-1].end
    outline.leave(EVENT)
    if fits(text, outline.content, end):
        outline.add(end, "event")
    elif len(lines) == 1:
        name_end = text.find(" ", lines[0].start + _STAMP_WIDTH, end) + 1
        outline.record(end, "event", EVENT, name_end or lines[0].start + _STAMP_WIDTH)
    else:
        stamped = _STAMP.match(text, lines[0].start, lines[0].end) is not None
        if stamped:
            outline.open(lines[0].end, "event", EVENT)
        _write_trace(outline, lines[stamped:])


def _write_trace(outline: Outline, lines: Sequence[Line]) -> None:
    """Frames, each with the source line under it.

    Errors that come first are heads, and those that come last stay with the last frames.
    """
    text = outline.text
    number = 0
    while number < len(lines):
        line = lines[number]
        last = number + 1
        if text.startswith("Traceback", line.start):
            while last < len(lines) and lines[last].indent > line.indent:
                last += 1
            _write_python_traceback(outline, lines[number : min(last + 1, len(lines))])
            number = last + 1
        elif _ERROR_LINE.match(text, line.start, line.end) and not line.indent:
            outline.open(line.end, "event", ERROR)
            number = last
        else:
            while last < len(lines) and lines[last].indent > line.indent:
                last += 1
            outline.add(lines[last - 1].end, "frame")
            number = last


def _write_python_traceback(outline: Outline, lines: Sequence[Line]) -> None:
    outline.leave(ERROR)
    frames = [number for number, line in enumerate(lines) if outline.text.startswith('File "', line.start)]
    end = lines[-1].end
    for frame in frames[1:]:
        if end - lines[frame - 1].end < INNERMOST:
            outline.add(lines[frame - 1].end, "frame")
            break
        outline.add(lines[frame - 1].end, "frame")
    outline.add(end, "event")


LOG = Reader("log", _recognises, _read, (".log",), ())
