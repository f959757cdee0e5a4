"""Running text with what people put round it: headings, lists, tables, quotes, code.

The same lines stand in Markdown, in plain text, in mails and in answers of a chat model. So one class reads them, from top to bottom, and
the readers of those formats call it for their prose. More than 400 lines: whether a line opens something depends on all that is open.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from attngs.text.boundaries import pack, sentence_ends
from attngs.text.structure.blocks import may_be_pasted, read_fence, read_pasted
from attngs.text.structure.columns import columns_of
from attngs.text.structure.fragments import write_fragments
from attngs.text.structure.indentation import write_indented
from attngs.text.structure.limits import fits
from attngs.text.structure.lines import NARROWEST, QUOTE, Line, goes_on, looks_wrapped, unquoted, width_of
from attngs.text.structure.markers import (
    BORDER,
    RULE,
    STEP,
    TITLED_RULE,
    Item,
    answer_at,
    bare_answer_at,
    bare_question_at,
    date_end,
    is_date,
    item_at,
    question_at,
    section_at,
    sender_at,
)
from attngs.text.structure.outline import Outline

GROUP = 350
"""Characters of a group of sentences, where a list item or an answer is too long for one unit."""
PARAGRAPH = 5000
"""Lines of a paragraph that are looked at together."""

# Ranks: what a smaller one opens ends what a larger one opened.
HEADING = 5
"""Of a heading of level 1; each level adds as much."""
CAPITALS, SECTION, NUMBERED, TITLE, BOLD, QUESTION, LOOSE_QUESTION, INTRODUCTION, TABLE, ITEM, CODE = (
    40,
    41,
    44,
    50,
    62,
    70,
    79,
    80,
    90,
    100,
    5000,
)
_LEVELS = 8  # ranks for each column of indentation
_DEEPEST = 500  # columns

_ATX = re.compile(r"(#{1,6})(?:\s|$)|(={1,6})\s.{1,80}=$")  # the second in wikis
_SETEXT = re.compile(r"(?:={3,}|-{3,})$")
_FENCE = re.compile(r"`{3,}|~{3,}")
_TABLE_RULE = re.compile(r"[|+\s]*:?[-=]{2,}[-=+:|\s]*$")
_BOLD = re.compile(r"(?:\*\*|__)[^*_\n]{1,80}(?:\*\*|__):?$")
_STRUCTURAL = re.compile(r"[#>|`~]")
_LABELLED = re.compile(r"[^\W\d_][\w /-]{0,30}: \S")
_BAR, _FIGURE = re.compile(r"\|"), re.compile(r"\d")
_CELL_GAP = re.compile(r"\t|\s{2,}")
_MARK = re.compile(r"[\W_]|\d{1,3}[.)]|[第问問質答回]|[^\W\d_]{1,14}\s?\d{0,3}\s*[:：.)]|[^\W\d_]{3,10}\s+[\dIVXLC]|[QA]\d{0,3}\s")
"""What every line begins with that begins with a mark, and few others: most lines need no closer look."""
_WORDS = re.compile(r"[^\W_][\w ,'-]*")
"""A line of words and figures alone, which ends no sentence and introduces nothing."""
_LONGEST_TITLE = 80


def write_prose(outline: Outline, lines: Sequence[Line]) -> None:
    """Add the units of these lines, as deep as the scopes that are open."""
    _Prose(outline, lines).run()


class _Prose:
    def __init__(self, outline: Outline, lines: Sequence[Line]) -> None:
        self.outline, self.text = outline, outline.text
        self.lines, self.depths = unquoted(outline.text, lines)
        self.may_be_marked = [_MARK.match(self.text, line.start, line.end) is not None for line in self.lines]
        self.letter = ""
        """Letter of the last list item that had one."""
        self.after_item = False
        self.asked = False
        """Whether a question with a label is open."""
        self.paragraph = _Paragraph(0, 0, wrapped=False, aligned=False)

    def run(self) -> None:
        number = self._front_matter()
        if_marked: tuple[Callable[[int], int], ...] = (self._item, self._question, self._section)
        always: tuple[Callable[[int], int], ...] = (self._setext, self._title, self._prose)
        while number < len(self.lines):
            if number >= self.paragraph.last:
                self.paragraph = self._paragraph_at(number)
            following = self._words(number) or self._marked(number) or self._pasted(number) or self._aligned_table(number)
            handlers = (*if_marked, *always) if self.may_be_marked[number] else always
            number = following or next(after for handler in handlers if (after := handler(number)))

    def _paragraph_at(self, number: int) -> _Paragraph:
        last = number + 1
        while last < min(len(self.lines), number + PARAGRAPH) and not self.lines[last].gap and self.depths[last] == self.depths[number]:
            last += 1
        if last == number + 1:
            return _Paragraph(last, 0, wrapped=False, aligned=False)
        lines = self.lines[number:last]
        width, aligned = width_of(lines), self._is_aligned(lines)
        is_list = width < NARROWEST and not aligned and not self.depths[number] and not any(line.indent for line in lines)
        others = [i for i in range(number, last) if not self._is_words(i)] if is_list else None
        return _Paragraph(last, width, looks_wrapped(self.text, lines), aligned, others)

    def _is_words(self, number: int) -> bool:
        start, end = self.lines[number][:2]
        return not self.may_be_marked[number] and _WORDS.fullmatch(self.text, start, end) is not None

    def _words(self, number: int) -> int:
        """Short lines of words between others of them: each is a unit, and no other reading is possible.

        A text may have a million of them.
        """
        others = self.paragraph.others
        if others is None or not number or self.lines[number].gap or self.depths[number - 1] or self.after_item:
            return 0
        at = bisect_left(others, number)
        last = (others[at] if at < len(others) else self.paragraph.last) - 1
        if last <= number:
            return 0
        self.outline.leave(ITEM)
        self.outline.add_lines([line.start for line in self.lines[number + 1 : last + 1]], "sentence")
        return last

    def _is_aligned(self, lines: Sequence[Line]) -> bool:
        if len(lines) < 3 or not any(_CELL_GAP.search(self.text, line.start, line.end) for line in lines[:2]):
            return False
        if sum(self._is_numbered(line) for line in lines) > 1:
            return False  # the gap is the one behind the number of an article
        if columns_of(self.text, lines):
            return True
        cells = [len(_CELL_GAP.split(self.text[line.start : line.end])) for line in lines]
        below = set(cells[1:])
        # the names of columns have less room, and may stand one space apart
        return len(below) == 1 and (cells[0] in below or (min(below) > 2 and self._is_header_of(lines)))

    def _is_header_of(self, lines: Sequence[Line]) -> bool:
        """Whether only the first of these lines has no figures."""
        figures = [_FIGURE.search(self.text, line.start, line.end) is not None for line in lines]
        return not figures[0] and len(lines) > 1 and all(figures[1:])

    def _is_numbered(self, line: Line) -> bool:
        item = item_at(self.text, line.start, line.end, "")
        return (item is not None and "." in item.label) or section_at(self.text, line.start, line.end) is not None

    def _front_matter(self) -> int:
        """The fields between two rules at the top of a Markdown file."""
        if not self.lines or self._at(0) != "---":
            return 0
        last = next((number for number in range(1, min(len(self.lines), 60)) if self._at(number) in {"---", "..."}), 0)
        for line in self.lines[1:last]:
            self.outline.add(line.end, "field")
        if last:
            self.outline.markup(self.lines[last].end)
        return last + 1 if last else 0

    def _marked(self, number: int) -> int:
        """What its first character gives away: fences, headings, tables, rules."""
        line, text = self.lines[number], self.text
        mark = text[line.start]
        if mark in "`~" and (fence := _FENCE.match(text, line.start, line.end)):
            return self._fence(number, fence[0])
        if mark in "#=" and (heading := _ATX.match(text, line.start, line.end)):
            return self._heading(number, number, HEADING * len(heading[1] or heading[2]))
        if mark in "*_" and _BOLD.match(text, line.start, line.end) and (line.gap or not number) and not question_at(text, *line[:2]):
            return self._heading(number, number, BOLD)
        if text.find("|", line.start, line.end) >= 0 and (mark == "|" or self._next_is(number, _TABLE_RULE)):
            return self._table(number)
        if mark in "=-_*~•─━" and RULE.match(text, line.start, line.end):
            self.outline.markup(line.end)
            return number + 1
        if mark in "=:->" and STEP.match(text, line.start, line.end):
            return self._heading(number, number, HEADING)
        if mark == "+" and BORDER.match(text, line.start, line.end):
            self.outline.add(line.end, "markup")
            return number + 1
        if mark in "=-_*~─━" and (titled := TITLED_RULE.match(text, line.start, line.end)):
            self.after_item = self.asked = False
            self.outline.titled_rule(titled, line.end, HEADING * (1 if mark in "=*━" else 2))
            return number + 1
        return 0

    def _fence(self, number: int, fence: str) -> int:
        outline, lines, text = self.outline, self.lines, self.text
        last = number + 1
        while last < len(lines) and not text.startswith(fence, lines[last].start):
            last += 1
        closed = lines[min(last, len(lines) - 1)].end
        inside = lines[number + 1 : last]
        if not inside or fits(text, outline.content, closed):
            outline.add(closed, "code")
            return last + 1
        language = text[lines[number].start : lines[number].end].strip("`~ {}.").partition(" ")[0].lower()
        start = inside[0].start
        if self.depths[number] == 0 and (found := read_fence(text, start, inside[-1].end, language)):
            outline.nest(found, start)
        else:
            write_indented(outline, inside, CODE, "code")
            outline.leave(CODE)
        outline.markup(closed)
        return last + 1

    def _pasted(self, number: int) -> int:
        """A paragraph in another format."""
        line = self.lines[number]
        if (number and not line.gap) or self.depths[number] or not may_be_pasted(self.text, line):
            return 0
        paragraph = self.lines[number : self.paragraph.last]
        if len(paragraph) < 3 and self.text[line.start] not in "{[":
            return 0
        if found := read_pasted(self.text, paragraph):
            self.outline.nest(found, line.start)
            return self.paragraph.last
        return 0

    def _table(self, number: int) -> int:
        outline, text, lines = self.outline, self.text, self.lines
        last = number
        while (last < self.paragraph.last and text.find("|", lines[last].start, lines[last].end) >= 0) or self._is_table_rule(last, number):
            last += 1
        if number + 1 < last and self._is_table_rule(number + 1, number):
            outline.open(lines[number].end, "header", TABLE)
            outline.add(lines[number + 1].end, "markup")
            number += 2
        if number < last:
            self._rows(lines[number:last], lambda line: _BAR.search(text, line.start + 1, line.end))
        outline.leave(TABLE)
        return max(last, number)

    def _aligned_table(self, number: int) -> int:
        """Rows whose cells are set apart by two spaces or more, or two columns of text."""
        if not self.paragraph.aligned:
            return 0
        if columns := columns_of(self.text, self.lines[number : self.paragraph.last]):
            write_fragments(self.outline, columns, "sentence")
            return self.paragraph.last
        self._rows(self.lines[number : self.paragraph.last], lambda line: _CELL_GAP.search(self.text, line.start, line.end))
        return self.paragraph.last

    def _rows(self, lines: Sequence[Line], gap: Callable[[Line], re.Match[str] | None]) -> None:
        """Rows of a table without a rule: the first is the header if it alone has no figures."""
        outline, text = self.outline, self.text
        has_header = self._is_header_of(lines)
        if has_header:
            outline.open(lines[0].end, "header", TABLE)
        for line in lines[has_header:]:
            if _TABLE_RULE.match(text, line.start, line.end):
                outline.add(line.end, "markup")
                continue
            cell = gap(line)
            outline.record(line.end, "row", TABLE + 1, cell.end() if cell else line.start + _LONGEST_TITLE)
        outline.leave(TABLE)

    def _is_table_rule(self, number: int, first: int) -> bool:
        line = self.lines[number] if first < number < self.paragraph.last else None
        return line is not None and _TABLE_RULE.match(self.text, line.start, line.end) is not None

    def _item(self, number: int) -> int:
        line, text = self.lines[number], self.text
        item = item_at(text, line.start, line.end, self.letter)
        if item is None:
            return 0
        if item.label.isalpha() and len(item.label) == 1:
            self.letter = item.label
        if self._is_numbered_heading(number, item):
            return self._heading(number, number, NUMBERED + item.style)
        last = number + 1
        while last < self.paragraph.last and self._is_plain(last) and (self.lines[last].indent > line.indent or self._goes_on(last)):
            last += 1
        self._first_opens(self.lines[last - 1].end, "item", ITEM + min(line.indent, _DEEPEST) * _LEVELS + item.style)
        self.after_item = True
        return last

    def _is_numbered_heading(self, number: int, item: Item) -> bool:
        """`2. Fees`, alone on its line, before something else than item 3."""
        line, text = self.lines[number], self.text
        if item.style > 4 or number + 1 == len(self.lines) or line.end - line.start > _LONGEST_TITLE or text[line.end - 1] in ".!?;:,":
            return False
        following = self.lines[number + 1]
        other = item_at(text, following.start, following.end, self.letter) if text[item.end].isupper() else item
        return (other is None or other.style > item.style) and (following.gap or item.style > 0) and following.indent <= line.indent

    def _question(self, number: int) -> int:
        line, text = self.lines[number], self.text
        bare = bare_question_at(text, line.start, line.end)
        if bare or question_at(text, line.start, line.end):
            last = self._block_end(number)
            is_answer = bare_answer_at if bare else answer_at
            asked = any(is_answer(text, other.start, other.end) for other in self.lines[last : last + 2])
            self.asked = asked or (self.asked and bare)
            if asked:
                self.outline.open(self.lines[last - 1].end, "question", QUESTION)
                return last
        elif self.asked and (answer_at(text, line.start, line.end) or bare_answer_at(text, line.start, line.end)):
            last = self._block_end(number)
            self.outline.leave(QUESTION + 1)
            self._first_opens(self.lines[last - 1].end, "answer", QUESTION + 1)
            self.outline.leave(QUESTION + 1)
            return last
        return 0

    def _section(self, number: int) -> int:
        line = self.lines[number]
        section = section_at(self.text, line.start, line.end)
        if section is None:
            return 0
        last = self._block_end(number)
        end = self.lines[last - 1].end
        ends = sentence_ends(self.text, line.start, end)
        name_end = next(ends)
        if name_end - section.end < 4:  # "Article 5." has its name in the next sentence
            name_end = next(ends, name_end)
        short = name_end - line.start <= _LONGEST_TITLE
        self.outline.open(name_end if short else end, "heading" if short else "item", SECTION + section.level)
        self._sentences(name_end, end)
        return last

    def _setext(self, number: int) -> int:
        line = self.lines[number]
        if not self._next_is(number, _SETEXT) or line.end - line.start > 2 * _LONGEST_TITLE:
            return 0
        return self._heading(number, number + 1, HEADING * (1 if self.text[self.lines[number + 1].start] == "=" else 2))

    def _title(self, number: int) -> int:
        """A line by itself that looks like a heading.

        In capitals, or short and without a stop above a paragraph.
        """
        line, text = self.lines[number], self.text
        alone = (line.gap or not number) and number + 1 < len(self.lines) and line.end - line.start <= _LONGEST_TITLE
        if not alone or text[line.end - 1] in ".,;!:：。！" or self.depths[number] != self.depths[number + 1]:
            return 0
        words, following = text[line.start : line.end], self.lines[number + 1]
        if is_date(words) or (not number and len(self.lines) > 3 and following.gap and words.count(" ") < 9 and words[-1] not in "?？"):
            return self._heading(number, number, TITLE)
        if words.isupper() and sum(map(str.isalpha, words)) > 3:
            return self._heading(number, number, CAPITALS)
        if words[-1] in "?？":
            if following.gap or text[following.end - 1] in "?？" or not self._is_plain(number + 1):
                return 0
            self.outline.open(line.end, "question", LOOSE_QUESTION)
            return number + 1
        if following.gap and (question_at(text, *following[:2]) or bare_question_at(text, *following[:2])):
            return self._heading(number, number, TITLE)
        sentence = text[following.end - 1] in ".!?。" and following.end - following.start > len(words)
        if following.gap and sentence and words[0].isupper() and len(words) <= 60 and words.count(" ") < 7 and self._is_plain(number + 1):
            return self._heading(number, number, TITLE)
        return 0

    def _prose(self, number: int) -> int:
        line, text, outline = self.lines[number], self.text, self.outline
        last = self._block_end(number)
        depth = min(self.depths[number], 9)
        if self.after_item or (line.gap and not line.indent) or depth < self.depths[number - 1 if number else 0]:
            outline.leave(LOOSE_QUESTION if line.gap and not depth else INTRODUCTION + depth)
        outline.leave(ITEM + min(line.indent, _DEEPEST) * _LEVELS)
        self.after_item = False
        start, last_end = line.start, self.lines[last - 1].end
        if depth and sender_at(text, start, last_end):
            outline.open(last_end, "speaker", INTRODUCTION + depth - 1)
            return last
        if (line.gap or not number) and (dated := date_end(text, start, last_end)) > start:
            outline.open(dated, "heading", TITLE)
            start = dated
        for end in sentence_ends(text, start, last_end):
            if end == last_end and self._introduces(start, number, last):
                self._open_introduction(number, last, end)
            else:
                outline.add(end, "sentence")
            start = end
        return last

    def _open_introduction(self, number: int, last: int, end: int) -> None:
        """A sentence may introduce a quotation, or open the deeper lines below it."""
        following, line = self.lines[last], self.lines[number]
        depth = min(self.depths[number], 9)
        if self.depths[last] > self.depths[number]:
            self.outline.open(end, "speaker", INTRODUCTION + depth)
        elif following.indent > line.indent and self._is_plain(last) and self.text[end - 1] not in ":：":
            self.outline.open(end, "heading", ITEM + min(line.indent, _DEEPEST) * _LEVELS)
        else:
            self.outline.open(end, "heading", INTRODUCTION + depth)

    def _introduces(self, start: int, number: int, last: int) -> bool:
        """Whether the last sentence of a paragraph, from `start`, introduces what follows."""
        end, text = self.lines[last - 1].end, self.text
        if last == len(self.lines) or end - start > 2 * _LONGEST_TITLE:
            return False
        following, colon = self.lines[last], text[end - 1] in ":："
        title = last == number + 1 and start == self.lines[number].start and end - start <= _LONGEST_TITLE and text[end - 1] not in ".,;!?"
        if not (colon or title):
            return False
        if following.gap:
            deeper = self.depths[last] > self.depths[number] or not self._is_plain(last)
            return colon and (deeper or may_be_pasted(text, following))
        if colon or answer_at(text, following.start, following.end):
            return colon
        if following.indent > self.lines[number].indent + 1 and not self.paragraph.wrapped:
            return True
        labelled = _LABELLED.match(text, start) is None and all(
            _LABELLED.match(text, line.start) for line in self.lines[last : min(last + 2, self.paragraph.last)]
        )
        return labelled or self.depths[last] > self.depths[number] or not self._is_plain(last)

    def _heading(self, first: int, last: int, rank: int) -> int:
        self.after_item = self.asked = False
        self.outline.open(self.lines[last].end, "heading", rank)
        return last + 1

    def _first_opens(self, end: int, kind: str, rank: int) -> None:
        """A unit that fits opens a scope whole; of one that does not, the first group of sentences."""
        outline = self.outline
        outline.leave(rank)
        if fits(self.text, outline.content, end):
            outline.open(end, kind, rank)
            return
        for number, group_end in enumerate(pack(outline.content, sentence_ends(self.text, outline.content, end), GROUP)):
            if number:
                outline.add(group_end, kind)
            else:
                outline.open(group_end, kind, rank)

    def _sentences(self, start: int, end: int) -> None:
        if start < end:
            for sentence_end in sentence_ends(self.text, start, end):
                self.outline.add(sentence_end, "sentence")

    def _block_end(self, number: int) -> int:
        """The first line that does not go on with the sentence of the line before."""
        last = number + 1
        while last < self.paragraph.last and self._goes_on(last) and self._is_plain(last):
            last += 1
        return last

    def _goes_on(self, number: int) -> bool:
        return goes_on(self.text, self.lines[number - 1], self.lines[number], self.paragraph.width, wrapped=self.paragraph.wrapped)

    def _is_plain(self, number: int) -> bool:
        """Whether a line begins with no mark of a heading, an item, a table, a question or an answer."""
        if not self.may_be_marked[number]:
            return True
        start, end = self.lines[number][:2]
        text = self.text
        return not (
            _STRUCTURAL.match(text, start)
            or item_at(text, start, end, self.letter)
            or question_at(text, start, end)
            or answer_at(text, start, end)
            or (self.asked and (bare_question_at(text, start, end) or bare_answer_at(text, start, end)))
            or section_at(text, start, end) is not None
            or RULE.match(text, start, end)
            or TITLED_RULE.match(text, start, end)
        )

    def _next_is(self, number: int, pattern: re.Pattern[str]) -> bool:
        if number + 1 >= self.paragraph.last:
            return False
        line = self.lines[number + 1]
        return pattern.match(self.text, line.start, line.end) is not None

    def _at(self, number: int) -> str:
        line = self.lines[number]
        return self.text[line.start : min(line.end, line.start + 4)]


class _Paragraph(NamedTuple):
    """Lines without a blank line between them."""

    last: int
    """The number of the first line after it."""
    width: int
    wrapped: bool
    aligned: bool
    """Whether its lines are rows, with cells in columns."""
    others: Sequence[int] | None = None
    """If its lines are short and begin in the same column: the numbers of those that are not words alone."""


def prose_marks(text: str, lines: Sequence[Line]) -> Iterator[str]:
    """What the lines show of structure, a word for each find: what a reader may take as evidence."""
    for line in lines:
        if _ATX.match(text, line.start, line.end):
            yield "heading"
        elif _FENCE.match(text, line.start, line.end):
            yield "fence"
        elif QUOTE.match(text, line.start, line.end):
            yield "quote"
        elif text[line.start] == "|" or RULE.match(text, line.start, line.end):
            yield "rule"
        elif item_at(text, line.start, line.end, ""):
            yield "item"
