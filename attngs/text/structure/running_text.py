"""Running text as a format of its own: Markdown, and plain text, which is what no other reader takes."""

from __future__ import annotations

from functools import partial

from attngs.text.structure.lines import lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import prose_marks, write_prose
from attngs.text.structure.units import Reader, Structure


def _is_markdown(head: str) -> bool:
    marks = list(prose_marks(head, lines_of(head)))
    return "heading" in marks or "fence" in marks or marks.count("rule") > 1


def _read(name: str, text: str) -> Structure | None:
    outline = Outline(text)
    write_prose(outline, lines_of(text))
    return outline.structure(name)


MARKDOWN = Reader(
    "markdown",
    _is_markdown,
    partial(_read, "markdown"),
    (".md", ".markdown", ".mdx", ".rst", ".adoc"),
    ("text/markdown", "text/x-markdown"),
)
PLAIN = Reader("plain", lambda head: True, partial(_read, "plain"))
