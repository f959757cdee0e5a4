"""Plain text: headings without marks, lists, articles, questions, and lines that wrap."""

from __future__ import annotations

from attngs.text.structure.lines import lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import write_prose
from attngs.text.structure.units import Reader, Structure

NAME = "plain"


def _read(text: str) -> Structure | None:
    outline = Outline(text)
    write_prose(outline, lines_of(text))
    return outline.structure(NAME)


PLAIN = Reader(NAME, lambda head: True, _read)
