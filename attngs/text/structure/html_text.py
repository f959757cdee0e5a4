"""HTML: headings, list items, table rows and paragraphs, each with its tags.

`html.parser` is quadratic on some broken pages, for example on many `<` without a `>`. Here one regular expression finds the tags, and
anything that is no tag is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from attngs.text.boundaries import sentence_ends
from attngs.text.structure.limits import fits
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

HEADING, TABLE, TERM, ITEM = 1, 50, 60, 100
"""Ranks: of h1, of a table's header, of a term that is defined, of a list item that is in no other."""
_DEEPEST = 200

_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>]*)?/?>|<!--|<!\w[^<>]*>|<\?[^<>]*>")
_HIDDEN = frozenset({"script", "style", "template", "svg", "noscript"})
_BLOCKS = frozenset(
    "p div ul ol li table thead tbody tfoot tr caption h1 h2 h3 h4 h5 h6 blockquote pre dl dt dd section article header footer main nav "
    "aside form fieldset figure figcaption address title body head html option summary details hr".split()
)
_CELLS = frozenset({"td", "th"})
_IN_CELLS = frozenset({"p", "div"})  # a row with paragraphs in its cells is a row
_PAGE = re.compile(
    r"[\s\ufeff]*+<(?:!doctype html|html|head|body|table|div|p|ul|ol|h[1-6]|section|article|main|meta|title)\b", re.IGNORECASE
)
_CLOSE = re.compile(r"</(?:p|div|li|td|tr|h[1-6]|table|ul|ol|section|article)>", re.IGNORECASE)


class _Page:
    """Walks the tags of a page. A unit ends where the next block begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.outline = Outline(text)
        self.block = ""
        """Tag of the block whose text is being read."""
        self.has_text = self.has_header_cell = self.has_cell = self.in_row = False
        self.lists = 0
        self.first_cell = 0
        """Where the first cell of the row ends."""

    def read(self) -> Structure:
        text_start = 0
        for tag in _tags(self.text):
            self._see_text(text_start, tag.start)
            text_start = tag.end
            if tag.name in _CELLS:
                self._cell(tag)
            elif tag.name in _BLOCKS and not (self.in_row and tag.name in _IN_CELLS):
                if tag.closing:
                    self._leave(tag.name, tag.end)
                else:
                    self._enter(tag.name, tag.start)
        self._see_text(text_start, len(self.text))
        self._end_block(len(self.text))
        return self.outline.structure("html")

    def _see_text(self, start: int, end: int) -> None:
        if not self.has_text and start < end:
            self.has_text = not self.text[start].isspace() or not self.text[start:end].isspace()

    def _enter(self, name: str, start: int) -> None:
        self._end_block(start)
        if name in {"ul", "ol"}:
            self.lists += 1
        elif name == "table":
            self.outline.leave(TABLE)
        elif name == "dt":
            self.outline.leave(TERM)
        self.in_row = name == "tr"
        self.block = name

    def _leave(self, name: str, end: int) -> None:
        self._end_block(end)
        if name in {"ul", "ol"} and self.lists:
            self.outline.leave(ITEM + self.lists)
            self.lists -= 1
        elif name in {"table", "dl"}:
            self.outline.leave(TABLE)
        self.in_row = False
        self.block = ""

    def _cell(self, tag: _Tag) -> None:
        self.block = "tr"
        self.has_header_cell |= tag.name == "th"
        self.has_cell |= tag.name == "td"
        if tag.closing and not self.first_cell:
            self.first_cell = tag.end

    def _end_block(self, end: int) -> None:
        """End the unit that is being read, if it has text, with a closing tag that follows at once."""
        if self.has_text:
            self._add(end)
        else:
            self._give_back(end)
        self.has_text = self.has_header_cell = self.has_cell = False
        self.first_cell = 0

    def _give_back(self, end: int) -> None:
        """Closing tags without text belong to the unit before them; opening tags to the one that follows."""
        outline = self.outline
        if self.text.startswith("</", outline.content):
            outline.markup(end)
        elif not fits(self.text, outline.content, end):
            outline.add(end, "markup")

    def _add(self, end: int) -> None:
        outline, block = self.outline, self.block
        if block[:1] == "h" and block[1:].isdigit():
            outline.open(end, "heading", HEADING + int(block[1]))
        elif block == "title":
            outline.open(end, "heading", HEADING)
        elif block in {"caption", "figcaption", "summary"}:
            outline.open(end, "heading", TABLE - 1)
        elif block == "li":
            outline.open(end, "item", ITEM + min(self.lists, _DEEPEST))
        elif block == "dt":
            outline.open(end, "heading", TERM)
        elif block == "tr":
            if self.has_header_cell and not self.has_cell:
                outline.open(end, "header", TABLE)
            else:
                outline.record(end, "row", TABLE + 1, self.first_cell or end)
        elif block == "pre":
            outline.add(end, "code")
        else:
            for sentence_end in sentence_ends(self.text, outline.content, end):
                outline.add(sentence_end, "sentence")


class _Tag(NamedTuple):
    start: int
    end: int
    name: str
    closing: bool


def _tags(text: str) -> Iterator[_Tag]:
    """The tags in order; a comment, and what browsers do not show, is one tag without a name."""
    position = 0
    unclosed = set[str]()  # what was searched for to the end of the text and not found is not searched for again
    for match in _TAG.finditer(text):
        start, end = match.span()
        if start < position:
            continue
        name = (match["name"] or "").lower()
        closer = "-->" if match[0] == "<!--" else f"</{name}>" if name in _HIDDEN and not match["close"] else ""
        if closer and closer not in unclosed:
            closed = re.compile(closer, re.IGNORECASE).search(text, end)
            if closed:
                name, end = "", closed.end()
            else:
                unclosed.add(closer)
        position = end
        yield _Tag(start, end, name, bool(match["close"]))


def _recognises(head: str) -> bool:
    return _PAGE.match(head) is not None or len(_CLOSE.findall(head)) > 2


def _read(text: str) -> Structure | None:
    return _Page(text).read()


HTML = Reader("html", _recognises, _read, (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml"))
