"""The parts of a unit that is too long: fields, cells, lines, sentences, at last words.

A part says as little by itself as the unit would without its heads. So a cell has the first cell of its row as a head, a field the name of
its record, a line of a function its first line, a frame its error, and a sentence of a turn its speaker.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil

from attngs.text.boundaries import after_space, cut_position, sentence_ends
from attngs.text.speakers import LABEL
from attngs.text.structure.indentation import last_lines
from attngs.text.structure.limits import is_dense
from attngs.text.structure.lines import Line, lines_of
from attngs.types import Unit

LONGEST_LABEL = 90
"""Characters of the line above a message that names its speaker."""
LONGEST_WORD = 40
"""Characters. What is longer is no word, and may be cut anywhere."""

_OPENS = re.compile(r'[\s,]*(?P<key>"(?:[^"\\]|\\.){0,200}"\s*:\s*)?(?P<bracket>[{\[]\s*)?', re.DOTALL)
_JSON_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],]', re.DOTALL)
_NAMES = tuple(
    re.compile(rf"""[\s{{\[,-]*["']?(?:{names})["']?\s*[:=]""", re.IGNORECASE)
    for names in (r"\w{0,20}name|title|label|subject|question|role", r"_?id|uuid|key|code|sku|part|number|index|date|timestamp|created")
)
_STRING_MEMBER = re.compile(r'[\s{\[,]*"(?:[^"\\]|\\.){0,200}"\s*:\s*"')
_HTML_CELL = re.compile(r"<t[dh]\b", re.IGNORECASE)
_GAP = re.compile(r"\S(?:\t| {2,})(?=\S)")
_QUOTED_OR_MARK = re.compile(r'"(?:[^"]|"")*+"|[\t;,|]')
_TRACEBACK = "Traceback"
_FRAME = re.compile(r"at\s\S|File \"|\.{3} \d+ more")
_BETWEEN_ERRORS = re.compile(r"(?:The above exception was the direct cause|During handling of the above exception)")
COMMENT = re.compile(r"(?://|#(?!!|include|define|if|end|\[)|--\s|/\*(?:(?!\*/).)*\*/$).*")
"""The start of a line of code that is a comment on the next."""
_CLOSES = re.compile(r"\W+$|end\b|(?:fi|done|esac)$")

_IN_LINES = frozenset({"code", "signature", "event", "frame", "record", "field", "key"})
_ENTRIES = frozenset({"record", "field", "key"})


def parts_of(text: str, unit: Unit) -> tuple[Unit, ...]:
    """The parts of a unit by its structure; none where it has no structure.

    Args:
        text: The text of the unit's document.
        unit: The unit. Its kind says which structure it may have.

    Returns:
        Parts that tile the unit. Their heads are numbers of other parts, outermost first. A head stands before its parts, except for the
        name of a record, which may stand in any of its fields, and the error of a Python traceback.
    """
    for read in (_members, _cells, _lines, _turn, _sentences):
        parts = read(text, unit)
        if len(parts) > 1:
            return tuple(parts)
    return ()


def pieces_of(text: str, unit: Unit, longest: int) -> tuple[Unit, ...]:
    """Running text in pieces of about equal length: cut after clauses, else between words.

    A script without spaces is cut between characters.

    Args:
        text: The text of the unit's document.
        unit: The unit.
        longest: Characters of a piece, about.

    Returns:
        Pieces that tile the unit, without heads; the unit alone where it is a single word.
    """
    start, end = after_space(text, unit.start), unit.start + len(text[unit.start : unit.end].rstrip())
    begins = list[int]()
    while end - start > longest:
        even = ceil((end - start) / ceil((end - start) / longest))
        cut = cut_position(text, start, end, max(1, min(longest, even + longest // 8)))
        cut = after_space(text, _word_end(text, cut, end)) if cut is not None else end
        if cut >= end:
            break
        begins.append(cut)
        start = cut
    return tuple(_tiled(text, unit, begins, unit.kind))


def _word_end(text: str, cut: int, end: int) -> int:
    """The end of the word that a cut goes through, if it goes through one."""
    at = cut
    while at < min(end, cut + LONGEST_WORD) and text[at - 1].isalnum() and text[at].isalnum() and not is_dense(text[at]):
        at += 1
    return at if at < cut + LONGEST_WORD else cut


def _members(text: str, unit: Unit) -> list[Unit]:
    """The members of a JSON object, read with the one that names it, or the elements of a list."""
    opening = _OPENS.match(text, unit.start, unit.end)
    assert opening, "the expression matches the empty text"
    key, bracket = opening["key"], opening["bracket"]
    if unit.kind not in _ENTRIES and not (bracket and bracket[0] == "{" and text.startswith('"', opening.end())):
        return []
    if not bracket:
        return _headed(_tiled(text, unit, [opening.end()], "field"), "key") if key and opening.end() < unit.end else []
    begins = [opening.end()] if key else []
    depth = 0
    for mark in _JSON_MARK.finditer(text, opening.end(), unit.end):
        if mark[0] in "{[":
            depth += 1
        elif mark[0] in "}]":
            if not depth:
                break
            depth -= 1
        elif mark[0] == "," and not depth and (begin := after_space(text, mark.end())) < unit.end:
            begins.append(begin)
    members = _tiled(text, unit, begins, "field")
    if bracket[0] == "{":
        members = _named(text, members, (*_NAMES, _STRING_MEMBER))
    return _headed(members, "key") if key else members


def _cells(text: str, unit: Unit) -> list[Unit]:
    """The cells of a row, read with its first, or those of a header."""
    if unit.kind not in {"row", "header"}:
        return []
    begins = list(_cell_begins(text, unit))
    return _tiled(text, unit, begins, "header") if unit.kind == "header" else _headed(_tiled(text, unit, begins, "cell"), "cell")


def _cell_begins(text: str, unit: Unit) -> Iterator[int]:
    """Where the cells after the first begin."""
    start, end = after_space(text, unit.start), unit.start + len(text[unit.start : unit.end].rstrip())
    if cells := list(_HTML_CELL.finditer(text, start, end)):
        yield from (cell.start() for cell in cells[1:])
        return
    marks = [mark for mark in _QUOTED_OR_MARK.finditer(text, start, end) if mark[0][0] != '"']
    if text.startswith("|", start):
        yield from (mark.start() for mark in marks if mark[0] == "|" and start < mark.start() < end - 1)
        return
    gaps = list(_GAP.finditer(text, start, end))
    (delimiter, _), *_ = Counter(mark[0] for mark in marks).most_common(1) or [("", 0)]
    if any(mark[0] == "\t" for mark in marks):
        delimiter = "\t"
    if delimiter in {"", ","} and len(gaps) > sum(mark[0] == delimiter for mark in marks):
        yield from (gap.end() for gap in gaps)
    else:
        yield from (mark.end() for mark in marks if mark[0] == delimiter and mark.end() < end)


def _lines(text: str, unit: Unit) -> list[Unit]:
    """Lines, each with those that are indented deeper, read with the line that opens them or names them."""
    lines = lines_of(text, unit.start, unit.end) if unit.kind in _IN_LINES else []
    if len(lines) < 2:
        return []
    above = next((n for n, line in enumerate(lines) if not COMMENT.match(text, line.start, line.end)), 0) if unit.kind == "code" else 0
    if above:
        comment, code = _tiled(text, unit, [lines[above].start], "comment")
        below = _lines(text, code._replace(kind="code")) or [code._replace(kind="code")]
        return [comment._replace(heads=(1,)), *(part._replace(heads=tuple(head + 1 for head in part.heads)) for part in below)]
    deeper = next((number for number, line in enumerate(lines) if line.indent > lines[0].indent), len(lines))
    opened = deeper < len(lines) or unit.kind in {"event", "frame"}
    first = deeper if opened and unit.kind in {"code", "signature"} else 1
    blocks = _tiled(text, unit, list(_block_begins(text, lines, first)), unit.kind)
    if text.startswith(_TRACEBACK, lines[0].start):
        return [blocks[0]._replace(kind="markup"), *blocks[1:]]
    if unit.kind in _ENTRIES:
        blocks = _named(text, blocks, _NAMES)
    elif unit.kind == "event":
        if len(blocks) > 1 and _FRAME.match(text, after_space(text, unit.start)):  # the end of a long traceback
            return [*(block._replace(kind="frame", heads=(len(blocks) - 1,)) for block in blocks[:-1]), blocks[-1]]
        blocks = _traced(text, blocks)
    elif unit.kind == "code":
        blocks = [block._replace(kind="comment") if COMMENT.fullmatch(text[block.start : block.end].strip()) else block for block in blocks]
    return _headed(blocks, unit.kind) if opened else blocks


def _block_begins(text: str, lines: Sequence[Line], first: int) -> Iterator[int]:
    """Where the blocks after the lines before `first` begin. What only closes a block belongs to it."""
    last = last_lines(lines)
    number = first
    while number < len(lines):
        if not _CLOSES.match(text, lines[number].start, lines[number].end):
            yield lines[number].start
        number = max(last[number], number) + 1


def _traced(text: str, blocks: Sequence[Unit]) -> list[Unit]:
    """The lines of an event; the frames of a Python traceback are read with the error below them."""
    found = list[Unit]()
    for number, block in enumerate(blocks):
        start = after_space(text, block.start)
        if number + 1 < len(blocks) and text.startswith(_TRACEBACK, start):
            found.append(block._replace(heads=(number + 1,), kind="frame"))
        else:
            kind = "markup" if _BETWEEN_ERRORS.match(text, start) else "frame" if _FRAME.match(text, start) else block.kind
            found.append(block._replace(kind=kind))
    return found


def _turn(text: str, unit: Unit) -> list[Unit]:
    """The sentences of a turn, read with its speaker."""
    if unit.kind != "turn":
        return []
    start = after_space(text, unit.start)
    label, lines = LABEL.match(text, start, unit.end), lines_of(text, unit.start, unit.end)
    if label:
        begin = after_space(text, label.end())
    elif len(lines) > 1 and lines[0].end - lines[0].start <= LONGEST_LABEL:
        begin = lines[1].start
    else:
        return []
    lines_end = (line.start for line in lines if line.start > begin)  # each line of a chat is a message
    ends = sorted({begin, *sentence_ends(text, begin, unit.end), *lines_end})
    return _headed(_tiled(text, unit, [end for end in ends if end < unit.end], "sentence"), "speaker") if begin < unit.end else []


def _sentences(text: str, unit: Unit) -> list[Unit]:
    ends = sentence_ends(text, after_space(text, unit.start), unit.end)
    return _tiled(text, unit, [end for end in ends if end < unit.end], unit.kind)


def _tiled(text: str, unit: Unit, begins: Sequence[int], kind: str) -> list[Unit]:
    """Parts that begin at the unit's start and at `begins`; a line keeps its indentation."""
    starts = [unit.start]
    for begin in begins:
        indented = begin
        while indented > starts[-1] and text[indented - 1] in " \t":
            indented -= 1
        begin = indented if text[indented - 1] in "\n\r" else begin
        if begin > starts[-1] and text[starts[-1] : begin].strip() and text[begin : unit.end].strip():
            starts.append(begin)
    return [Unit(start, end, (), kind) for start, end in zip(starts, [*starts[1:], unit.end], strict=True)]


def _headed(parts: Sequence[Unit], kind: str) -> list[Unit]:
    """The parts with the first, of this kind, as the outermost head of the others."""
    return [
        part._replace(heads=(0, *(head for head in part.heads if head))) if number else part._replace(heads=(), kind=kind)
        for number, part in enumerate(parts)
    ]


def _named(text: str, parts: Sequence[Unit], patterns: Sequence[re.Pattern[str]]) -> list[Unit]:
    """The parts, with the one that names them as a head of the others.

    The first of the patterns that finds anything finds it.
    """
    name = next((number for pattern in patterns for number, part in enumerate(parts) if pattern.match(text, part.start, part.end)), -1)
    return [part._replace(heads=(*part.heads, name)) if 0 <= name != number else part for number, part in enumerate(parts)]
