"""HTML: headings, items, rows, posts and sentences, without the tags of their blocks.

Tags of blocks cost many tokens and say nothing, so those between two units are a unit of markup. So are tags that enclose the whole text
of a unit, as in `<b>Five stars</b>`, unless they are links. Tags between the words of a unit stay.

`html.parser` is quadratic on some broken pages, for example on many `<` without a `>`. Here one regular expression finds the tags, and
anything that is no tag is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from attngs.text.boundaries import sentence_ends
from attngs.text.structure.outline import Outline
from attngs.text.structure.units import Reader, Structure

HEADING, SPEAKER, BOLD, CAPTION, TABLE, SPANNING, ROW, TERM, ITEM = 1, 40, 41, 49, 50, 54, 55, 60, 100
"""Ranks: of h1, of who wrote a post, of a line in bold, of a table's caption, its first header row, a cell that spans rows, a row, a term
that is defined, a list item that is in no other."""
_DEEPEST = 200
_LONGEST_LABEL, _LONGEST_NOTE = 200, 40  # characters of a block that names a writer, tags included, and of its text behind the name

_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?P<fields>\s[^<>]*)?/?>|<!--|<!\w[^<>]*>|<\?[^<>]*>")
_HIDDEN = frozenset({"script", "style", "template", "svg", "noscript"})
_BLOCKS = frozenset(
    "p div ul ol li table thead tbody tfoot tr caption h1 h2 h3 h4 h5 h6 blockquote pre dl dt dd section article header footer main nav "
    "aside form fieldset figure figcaption legend address title body head html option summary details hr".split()
)
_CONTAINERS = frozenset("div section article aside li blockquote header footer main form table".split())
_CELLS = frozenset({"td", "th"})
_IN_CELLS = frozenset({"p", "div"})  # a row with paragraphs in its cells is a row
_HEADINGS = {
    "title": HEADING,
    **{f"h{level}": HEADING + level for level in range(1, 7)},
    **dict.fromkeys(("caption", "figcaption", "summary", "legend"), CAPTION),
    "dt": TERM,
}
"""What opens a scope, with its rank."""
_STRONG = frozenset({"b", "strong"})
_TELLING = frozenset({"a", "img"})  # where a link leads, and what a picture shows
_WRITER = re.compile(
    r"""\b(?:class|itemprop|rel)\s*=\s*["']?[^"'<>]*\b(?:who|author|user(?:-?name)?|byline|poster|sender|nick(?:name)?|speaker)\b""", re.I
)
_ROWSPAN = re.compile(r"""\browspan\s*=\s*["']?(\d{1,4})""", re.IGNORECASE)
_PAGE = re.compile(
    r"[\s\ufeff]*+<(?:!doctype html|html|head|body|table|div|p|ul|ol|h[1-6]|section|article|main|meta|title)\b", re.IGNORECASE
)
_CLOSE = re.compile(r"</(?:p|div|li|td|tr|h[1-6]|table|ul|ol|section|article)>", re.IGNORECASE)


class _Block:
    """What has been seen of the text between two tags of blocks."""

    __slots__ = (
        "first_cell",
        "has_cell",
        "has_header_cell",
        "has_text",
        "is_plain",
        "name",
        "note",
        "rows",
        "start",
        "telling",
        "words",
        "writer",
    )

    def __init__(self, name: str, start: int) -> None:
        self.name = name
        self.start = start
        """Where its text or its inner tags begin."""
        self.words: tuple[int, int] | None = None
        """Where its text begins and ends, if no tag stands in between."""
        self.has_text = self.has_header_cell = self.has_cell = False
        self.telling = False
        """Whether it has a tag that tells more than its text."""
        self.is_plain = False
        """Whether some of its text is not in bold."""
        self.first_cell = 0
        """Where the first cell of the row ends."""
        self.rows = 0
        """How many rows the first cell spans."""
        self.writer = ""
        """Name of the inner tag that holds who wrote what follows; `/` once it is closed."""
        self.note = 0
        """Characters of text behind the writer."""


class _Page:
    """Walks the tags of a page. A unit ends where a tag of a block stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.outline = Outline(text)
        self.block = _Block("", 0)
        self.in_row = False
        self.strong = self.lists = self.depth = self.header_rows = self.spanned = 0
        self.labels = dict[int, tuple[int, int]]()
        """Rank of a label -> depth of the container that it stands in, and where it ends."""

    def read(self) -> Structure:
        text_start = 0
        for tag in _tags(self.text):
            self._see_text(text_start, tag.start)
            text_start = tag.end
            if not tag.name:
                if not self.block.has_text:
                    self.block.start = tag.end
            elif tag.name in _CELLS:
                self._cell(tag)
            elif tag.name in _BLOCKS and not (self.in_row and tag.name in _IN_CELLS):
                self._end_block(tag.start)
                if tag.closing:
                    self._leave(tag.name)
                else:
                    self._enter(tag.name)
                wrapped = tag.name in _IN_CELLS and self.block.name in {"li", "dt"} and not self.block.has_text  # <li><p>
                self.block = _Block(self.block.name if wrapped else "" if tag.closing else tag.name, tag.end)
            else:
                self._inner(tag)
        self._see_text(text_start, len(self.text))
        self._end_block(len(self.text))
        self.outline.add(len(self.text), "markup")
        return self.outline.structure("html")

    def _see_text(self, start: int, end: int) -> None:
        block = self.block
        if start < end and (not self.text[start].isspace() or not self.text[start:end].isspace()):
            block.words = None if block.has_text else (start, end)
            block.has_text = True
            block.is_plain |= not self.strong
            if block.writer == "/":
                block.note += end - start

    def _inner(self, tag: _Tag) -> None:
        if tag.name in _STRONG:
            self.strong = max(0, self.strong + (-1 if tag.closing else 1))
        block = self.block
        block.telling |= tag.name in _TELLING
        if tag.closing and tag.name == block.writer:
            block.writer = "/"
        elif not block.has_text and not tag.closing and _WRITER.search(tag.fields):
            block.writer = tag.name

    def _enter(self, name: str) -> None:
        self.strong = 0
        if name in _CONTAINERS:
            self.depth += 1
        if name in {"ul", "ol"}:
            self.lists += 1
        elif name == "table":
            self.outline.leave(TABLE)
            self.header_rows = self.spanned = 0
        elif name == "dt":
            self.outline.leave(TERM)
        self.in_row = name == "tr"

    def _leave(self, name: str) -> None:
        if name in {"ul", "ol"} and self.lists:
            self.outline.leave(ITEM + self.lists)
            self.lists -= 1
        elif name in {"table", "dl", "details", "fieldset", "figure"}:
            self.outline.leave(CAPTION)
        self.in_row = False
        if name in _CONTAINERS:
            self.depth -= 1
            for rank, (depth, end) in list(self.labels.items()):
                if self.depth < depth:
                    if self.outline.content > end:  # something followed in the container: it was what the label is for
                        self.outline.leave(rank)
                        del self.labels[rank]
                    else:
                        self.labels[rank] = self.depth, end

    def _cell(self, tag: _Tag) -> None:
        block = self.block
        block.name = "tr"
        if not tag.closing and not (block.has_cell or block.has_header_cell):
            rows = _ROWSPAN.search(tag.fields)
            block.rows = int(rows[1]) if rows else 0
        block.has_header_cell |= tag.name == "th"
        block.has_cell |= tag.name == "td"
        if tag.closing and not block.first_cell:
            block.first_cell = tag.end

    def _end_block(self, end: int) -> None:
        """End the unit that is being read, if it has text."""
        block, outline = self.block, self.outline
        if not block.has_text:
            return
        start = block.start
        if block.words and not block.telling and block.name != "tr":
            start, end = block.words
        outline.add(start, "markup")
        if block.name == "tr":
            self._row(block, end)
        elif block.name == "pre":
            outline.add(end, "code")
        elif block.name == "li":
            outline.open(end, "item", ITEM + min(self.lists, _DEEPEST))
        elif block.name in _HEADINGS:
            outline.open(end, "heading", _HEADINGS[block.name])
        elif block.writer and block.note <= _LONGEST_NOTE and end - start <= _LONGEST_LABEL:
            self._label(end, "speaker", SPEAKER)
        elif not block.is_plain and end - start <= _LONGEST_LABEL and self.text[end - 1] not in ".,;!":
            self._label(end, "heading", BOLD)
        else:
            for sentence_end in sentence_ends(self.text, outline.content, end):
                outline.add(sentence_end, "sentence")

    def _label(self, end: int, kind: str, rank: int) -> None:
        self.outline.open(end, kind, rank)
        self.labels[rank] = self.depth, self.outline.content

    def _row(self, block: _Block, end: int) -> None:
        """A header, of which there may be several rows, or a row, whose first cell may be that of several."""
        outline = self.outline
        if block.has_header_cell and not block.has_cell:
            outline.open(end, "header", TABLE + min(self.header_rows, SPANNING - TABLE - 1))
            self.header_rows += 1
            return
        self.header_rows = 0
        if block.rows > 1 and block.first_cell < end:
            outline.open(block.first_cell, "key", SPANNING)
            self.spanned = block.rows
        if self.spanned:
            self.spanned -= 1
            outline.record(end, "row", ROW, min(end, max(block.first_cell, outline.content + 1)))
            if not self.spanned:
                outline.leave(SPANNING)
        else:
            outline.leave(SPANNING)
            outline.record(end, "row", ROW, block.first_cell or end)


class _Tag(NamedTuple):
    start: int
    end: int
    name: str
    fields: str
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
        yield _Tag(start, end, name, match["fields"] or "", bool(match["close"]))


def _recognises(head: str) -> bool:
    return _PAGE.match(head) is not None or len(_CLOSE.findall(head)) > 2


def _read(text: str) -> Structure | None:
    return _Page(text).read() if any(_tags(text)) else None  # a loader may have made text of a page


HTML = Reader("html", _recognises, _read, (".html", ".htm", ".xhtml"), ("text/html", "application/xhtml+xml"))
