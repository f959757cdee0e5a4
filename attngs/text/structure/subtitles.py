"""Subtitles (SRT, WebVTT): sentences over cues, whose numbers and time stamps are no text."""

from __future__ import annotations

import re

from attngs.text.structure.fragments import write_fragments
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure
from attngs.types import Span

_STAMP = re.compile(r"(?:\d{1,3}:)?\d{1,2}:\d\d[.,]\d{1,3}\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d\d[.,]\d{1,3}")
_CUES = re.compile(rf"^{_STAMP.pattern}", re.MULTILINE)
_NOTE = re.compile(r"(?:NOTE|STYLE|REGION)\b")


def _recognises(head: str) -> bool:
    return head.lstrip("\ufeff").startswith("WEBVTT") or len(_CUES.findall(head)) > 1


def _read(text: str) -> Structure | None:
    lines = lines_of(text)
    stamps = [number for number, line in enumerate(lines) if _STAMP.match(text, line.start, line.end)]
    cues = _cues(text, lines, stamps) if stamps else []
    if not cues:
        return None
    outline = Outline(text)
    write_fragments(outline, [cues], "sentence")
    return outline.structure("subtitles")


def _cues(text: str, lines: list[Line], stamps: list[int]) -> list[Span]:
    """The text of each cue, whose lines are one fragment."""
    cues = list[Span]()
    for stamp, following in zip(stamps, [*stamps[1:], len(lines) + 1], strict=True):
        last = min(following - 1, len(lines))  # the line before the next stamp may be the number of its cue
        if last < len(lines) and last > stamp and not lines[last].gap and not text[lines[last].start : lines[last].end].isdigit():
            last += 1
        while last - 1 > stamp and last - 1 < len(lines) and _NOTE.match(text, lines[last - 1].start) and lines[last - 1].gap:
            last -= 1
        if last > stamp + 1:
            cues.append(Span(lines[stamp + 1].start, lines[last - 1].end))
    return cues


SUBTITLES = Reader("subtitles", _recognises, _read, (".srt", ".vtt"), ("application/x-subrip", "text/vtt"))
