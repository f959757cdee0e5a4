"""Markdown, and every text that is laid out with its marks."""

from __future__ import annotations

from attngs.text.structure.lines import lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import prose_marks, write_prose
from attngs.text.structure.units import Reader, Structure


def _recognises(head: str) -> bool:
    marks = list(prose_marks(head, lines_of(head)))
    return "heading" in marks or "fence" in marks or marks.count("rule") > 1


def _read(text: str) -> Structure | None:
    outline = Outline(text)
    write_prose(outline, lines_of(text))
    return outline.structure("markdown")


MARKDOWN = Reader("markdown", _recognises, _read, (".md", ".markdown", ".mdx", ".rst", ".adoc"), ("text/markdown", "text/x-markdown"))
