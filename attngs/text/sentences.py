"""Cut a text into units that tile it: first by structure (fences, lists, turns), then by punctuation.

Every step yields *ends*, ascending positions where a unit may end. `_tile` alone turns ends into spans, so white space, the length limit
and the promise that nothing is lost are settled in one place. All of it is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from attngs.errors import ConfigError
from attngs.text.boundaries import after_space, cut_position, pack, sentence_ends
from attngs.text.documents import format_hints
from attngs.text.speakers import LABEL, Speakers, speaker_of
from attngs.types import Document, Span, Unit

if TYPE_CHECKING:
    from attngs.text.structure.units import Reader

UnitSize = Literal["sentence", "line", "turn", "auto"]

MAX_PIECE = 1000
"""No unit is longer, not counting white space at its ends: a longer one is cut at a clause, else a space, else anywhere."""
LONG_RECORD = 500
"""A list item, or under `auto` a turn, stays whole up to this length. A longer one becomes groups of sentences."""
GROUP = 350
"""Longest such group, so that a monologue is not kept or dropped as one."""

_LINE = re.compile(r"\S[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n|\r[^\S\r\n]*\r|\u2029")
_PARAGRAPH_LINES = 5000  # a "paragraph" of more lines is judged in parts, which bounds the memory it takes

_KIND = re.compile(
    r"""(?P<fence>```|~~~)
    | (?P<rule>[=\-_*~•─━]{3,}$)
    | (?P<heading>\#{1,6}\s)
    | (?P<quote>>)
    | (?P<item>(?:[-*+•‣◦▪·●○–]|\(?\d{1,3}[.)]|\(?[A-Za-z]\)|\(?[ivx]{1,5}\)|[①-⑳])\s)
    | (?P<json>[{\[]\s*["'{\[\]}\d-] | "[^"\n]{1,80}"\s*: | [{}\[\],]+$)
    | (?P<record>\| | [\[(]?\d{4}-\d\d-\d\d[T\ ]\d\d:\d\d | \d\d:\d\d:\d\d
      | [A-Z][a-z]{2}\ [\d\ ]\d\ \d\d:\d\d:\d\d)""",
    re.VERBOSE,
)
_VERBATIM = frozenset({"code", "json", "record", "heading", "rule"})


class _Line(NamedTuple):
    """A line without the white space at its ends."""

    start: int
    end: int
    indent: int


class _Block(NamedTuple):
    """Lines that belong together; no unit crosses its edge."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Splitter:
    """A splitter with its unit chosen, for use as a `SentenceSplitter`.

    Args:
        unit: What a unit is. `auto` reads the structure of a document: its units are sentences, rows, turns, records and so on, and each
            knows the earlier units that it is read with. For the others see `split_sentences`.
        readers: Formats of your own, which `auto` tries before those that attngs knows.

    Raises:
        ConfigError: The unit is not `sentence`, `line`, `turn` or `auto`, or readers are given for another unit than `auto`.
    """

    unit: UnitSize = "auto"
    readers: tuple[Reader, ...] = ()

    def __post_init__(self) -> None:
        _check_unit(self.unit)
        if self.readers and self.unit != "auto":
            raise ConfigError(f"`readers` are asked only by the unit 'auto', not by {self.unit!r}; leave one of the two out.")

    def __call__(self, text: str, /) -> list[Span]:
        return [Span(unit.start, unit.end) for unit in self.read(Document(text=text))]

    def read(self, document: Document, /) -> list[Unit]:
        """The document's units with their heads."""
        if self.unit != "auto":
            return [Unit(*span) for span in split_sentences(document.text, self.unit)]
        from attngs.text.structure.reading import READERS, read_structure

        source, content_type = format_hints(document)
        readers = (*self.readers, *READERS)
        return list(read_structure(document.text, source=source, content_type=content_type, readers=readers).units)


def split_sentences(text: str, unit: UnitSize = "auto") -> list[Span]:
    """Cut `text` into spans that tile it: nothing is lost, nothing is in two spans.

    White space belongs to the span before it; at the start of the text, to the first span. No span is blank unless the whole text is,
    and none is longer than `MAX_PIECE` characters, not counting white space at its ends.

    Args:
        text: Any string.
        unit: What a span holds:

            - `sentence`: a sentence, a list item, a line of code, a table row, a log line or a JSON line.
            - `line`: a line that is not blank.
            - `turn`: a chat turn, from its speaker label to the next; a paragraph where there are no labels.
            - `auto`: for a transcript its turns, those over `LONG_RECORD` characters as groups of sentences of up to
              `GROUP`; for any other text its sentences.

    Returns:
        The spans in reading order; none for an empty text.

    Raises:
        ConfigError: There is no such unit.
    """
    _check_unit(unit)
    return _tile(text, _ENDS[unit](text))


def _check_unit(unit: str) -> None:
    if unit not in get_args(UnitSize):
        raise ConfigError(f"`unit` is {unit!r}; it must be one of {', '.join(map(repr, get_args(UnitSize)))}")


def _auto_unit(text: str) -> Iterator[int]:
    starts = _turn_starts(text, only_transcripts=True)
    return _turns(text, starts, LONG_RECORD, GROUP) if starts else _structured_ends(text)


def _turn_unit(text: str) -> Iterator[int]:
    starts = _turn_starts(text) or [paragraph[0].start for paragraph in _paragraphs(text, 0, len(text))]
    return _turns(text, starts, MAX_PIECE, MAX_PIECE)


def _line_unit(text: str) -> Iterator[int]:
    for line in _lines(text, 0, len(text)):
        if line.end - line.start > MAX_PIECE:
            yield from pack(line.start, sentence_ends(text, line.start, line.end), MAX_PIECE)
        yield line.end


def _turns(text: str, starts: list[int], longest: int, group: int) -> Iterator[int]:
    for start, end in pairwise((0, *starts, len(text))):
        if len(text[start:end].strip()) > longest:
            yield from pack(start, _structured_ends(text, start, end), group)
        yield end


def _tile(text: str, ends: Iterable[int]) -> list[Span]:
    """Ends -> spans: move ends past white space, drop blank spans, cut long ones."""
    content = len(text) - len(text.lstrip())
    if content == len(text):
        return [Span(0, content)] if text else []
    spans: list[Span] = []
    start = 0  # of the span; its content starts there too, except for white space that opens the text
    for end in chain(ends, (len(text),)):
        if end <= content:
            continue
        while content + MAX_PIECE < end and (cut := cut_position(text, content, end, MAX_PIECE)) is not None:
            spans.append(Span(start, cut))
            start = content = cut
        spans.append(Span(start, after_space(text, end)))
        start = content = spans[-1].end
    return spans


def _lines(text: str, start: int, end: int) -> Iterator[_Line]:
    """The lines that are not blank."""
    previous = start
    for match in _LINE.finditer(text, start, end):
        line = match[0].rstrip()
        newline = text.rfind("\n", previous, match.start())
        indent = match.start() - (previous if newline < 0 else newline + 1)
        previous = match.end()
        yield _Line(match.start(), match.start() + len(line), indent)


def _paragraphs(text: str, start: int, end: int) -> Iterator[list[_Line]]:
    """Runs of lines without a blank line between them."""
    paragraph: list[_Line] = []
    for line in _lines(text, start, end):
        full = len(paragraph) == _PARAGRAPH_LINES
        if paragraph and (full or _BLANK_LINE.search(text, paragraph[-1].end, line.start)):
            yield paragraph
            paragraph = []
        paragraph.append(line)
    if paragraph:
        yield paragraph


def _blocks(text: str, start: int, end: int) -> Iterator[_Block]:
    """Join lines to blocks: an item and its continuation, a title and its underline, hard-wrapped prose."""
    fenced = False
    for paragraph in _paragraphs(text, start, end):
        width = max(line.end - line.start + line.indent for line in paragraph)
        tabular = _is_tabular(text, paragraph)
        block, indent = None, 0
        for previous, line in zip((paragraph[0], *paragraph), paragraph, strict=False):
            kind = _kind(text, line, fenced=fenced, tabular=tabular)
            if text.startswith(("```", "~~~"), line.start) and kind == "code":
                fenced = not fenced
            if block and _continues(text, block, indent, previous, line, kind, width):
                block = block._replace(end=line.end)
                continue
            if block:
                yield block
            block, indent = _Block(line.start, line.end, kind), line.indent
        if block:
            yield block


def _kind(text: str, line: _Line, *, fenced: bool, tabular: bool) -> str:
    match = _KIND.match(text, line.start, line.end)
    kind = match.lastgroup if match else None
    if fenced or kind == "fence":
        return "code"
    if tabular:
        return "record"
    if LABEL.match(text, line.start, line.end):
        return "label"
    prose = kind is None or (kind == "json" and text[line.end - 1] not in "}]{[,\"'0123456789el")
    return "prose" if prose else str(kind)


def _is_tabular(text: str, paragraph: list[_Line]) -> bool:
    """Whether three lines or more are rows of a table: nearly all have as many of the same delimiter."""
    for delimiter in "\t|;," if len(paragraph) > 2 else "":
        spaced = delimiter + " " if delimiter in ";," else "\0"  # a comma of prose is no delimiter
        columns = Counter(text.count(delimiter, *line[:2]) - text.count(spaced, *line[:2]) for line in paragraph)
        count, lines = columns.most_common(1)[0]
        if count >= (1 if delimiter == "\t" else 2) and lines >= 0.8 * len(paragraph):
            return True
    return False


def _continues(text: str, block: _Block, indent: int, previous: _Line, line: _Line, kind: str, width: int) -> bool:
    """Whether a line belongs to the block above. If in doubt, no: a cut too many costs least."""
    if kind == "rule":
        return block.kind in {"prose", "heading"}
    if kind != "prose" or block.kind in _VERBATIM or block.kind == "quote":
        return False
    if block.kind == "item" and line.indent > indent:
        return True
    if not 45 <= width <= 120 or line.indent != indent or text[previous.end - 1] in ":：":
        return False
    word_end = text.find(" ", line.start, line.end)
    word = (word_end if word_end > 0 else line.end) - line.start
    return previous.end - previous.start + previous.indent + 1 + word > width  # hard wrap: the word had no room above


def _structured_ends(text: str, start: int = 0, end: int | None = None) -> Iterator[int]:
    """Where the sentences, items, rows and lines of code of a range end."""
    for block in _blocks(text, start, len(text) if end is None else end):
        if block.kind == "item" and block.end - block.start > LONG_RECORD:
            yield from pack(block.start, sentence_ends(text, block.start, block.end), GROUP)
        elif block.kind == "item" or block.kind in _VERBATIM:
            yield block.end
        else:
            yield from sentence_ends(text, block.start, block.end)


def _turn_starts(text: str, *, only_transcripts: bool = False) -> list[int]:
    """Where lines open with a speaker label; none if only transcripts count and the text is not one."""
    if not any(mark in text for mark in ":：<"):
        return []
    found: list[tuple[int, str]] = []
    lines = paragraphs = opened = 0
    for paragraph in _paragraphs(text, 0, len(text)):
        labels = _labels(text, paragraph)
        found += labels
        lines += len(paragraph)
        paragraphs += 1
        opened += bool(labels) and labels[0][0] == paragraph[0].start
    speakers = Speakers([speaker for _, speaker in found], lines=lines, paragraphs=paragraphs, opened=opened)
    if only_transcripts and not speakers.make_a_transcript:
        return []
    return [start for start, speaker in found if speakers.takes_turns(speaker)]


def _labels(text: str, paragraph: list[_Line]) -> list[tuple[int, str]]:
    """Start and speaker of each line that opens with a speaker label; rows of a table have none."""
    if _is_tabular(text, paragraph):
        return []
    return [(line.start, speaker) for line in paragraph if (speaker := speaker_of(LABEL.match(text, line.start, line.end)))]


_ENDS: dict[UnitSize, Callable[[str], Iterator[int]]] = {
    "sentence": _structured_ends,
    "line": _line_unit,
    "turn": _turn_unit,
    "auto": _auto_unit,
}
