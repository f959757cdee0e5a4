"""Chat exports and transcripts: each turn is a unit with its speaker.

A long turn is cut, and its speaker is the head of the parts. A line that holds nothing but a date is the head of that day's turns.

The speaker stands on the line (`Ana: hi`, WhatsApp, LINE, IRC, interviews) or above the message with the time (Discord, Slack, Telegram,
Teams), or is one of the two roles of a chat with a model (`You said:`, `### Assistant`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from attngs.text.boundaries import pack, sentence_ends
from attngs.text.speakers import LABEL, speaker_of
from attngs.text.structure.limits import fits
from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.markers import answer_at, is_date, question_at
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import GROUP, prose_marks, write_prose
from attngs.text.structure.units import Reader, Structure

TITLE, DAY, SPEAKER = -2, -1, 0
"""Ranks: a chat's title stands above its days, these above its speakers, and a speaker above the headings of a message."""
CONTENT_TYPE = "text/x-chat"
"""Names this format in the metadata of documents that attngs made of an exported chat."""

_ROLE = re.compile(
    r"""[#*_>\s\[]{0,8}(?P<name>you|user|human|me|assistant|ai|system|tool|chatgpt|gpt-?\w{1,6}|claude|gemini|copilot|bot|model)
    (?:\s+said|\s+wrote|\ssagte|\ssagt|\sa\ dit|\sdijo)?[\]*_]{0,3}\s?[:：]?[*_]{0,3}$""",
    re.VERBOSE | re.IGNORECASE,
)
_MARKED_ROLE = re.compile(r"[#*\[]|.{1,30}(?:said|wrote|sagte|sagt|dit|dijo|[:：])\**$")
_WORDED_DAY = (
    r"today|yesterday|heute|gestern|hoy|ayer|aujourd'hui|hier|(?:mon|tue|wed|thu|fri|sat|sun)\w*"
    r"|\w{3,9}\.?\ \d{1,2},?(?:\ \d{4})?|\d{1,2}\.?\ \w{3,9}\.?,?(?:\ \d{4})?"
)
_DAY = rf"(?:\d{{1,4}}[./\-]\d{{1,2}}[./\-]\d{{1,4}}|{_WORDED_DAY})"
_TIME = r"\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:[\s\u202f]?[ap]\.?m\.?)?"
_STAMP = rf"[\[(]?(?:{_DAY},?(?:\ at|\ um|,)?\s+)?{_TIME}[\])]?"
_PERSON = r"[^\W\d_][^\n:：\[\]<>{}=\"]{0,39}?"
_ABOVE = re.compile(
    rf"(?:(?P<first>{_PERSON})(?:\s*[,—–|•·-]\s*|\s{{1,4}}){_STAMP}:?|{_STAMP}\s*[—–|-]?\s*(?P<second>{_PERSON}):?)(?:\s*\((?:edited|bearbeitet)\))?$",
    re.IGNORECASE,
)
_STAMP_ALONE = re.compile(rf"{_STAMP}$", re.IGNORECASE)
_WHATSAPP = re.compile(
    rf"\u200e?(?:\[(?:{_DAY}),?\s{_TIME}\]|(?:{_DAY}),?\s{_TIME}\s[-–])\s(?:(?P<name>[^:\n]{{1,60}}):\s)?", re.IGNORECASE
)
_TABBED = re.compile(rf"{_TIME}\t(?P<name>[^\t\n]{{1,60}})\t", re.IGNORECASE)
_NOTICE = re.compile(rf"[\[(]?{_TIME}[\])]?\s+(?:-!-|\*{{1,3}}|-->|<--)\s", re.IGNORECASE)
_UNSPACED = re.compile(r"(?P<name>[^\W\d_][\w .'’\-]{0,29}):(?=[^\s/\\:\d])")
_CLOCK = re.compile(r"\d[:.]\d\d(?!\d)")
_LONGEST_LABEL = 90
_FEW = 400  # lines that are looked at to tell a format


class Label(NamedTuple):
    """Who speaks, and from where to where that is said."""

    start: int
    end: int
    speaker: str


_Finder = Callable[[str, Sequence[Line]], list[Label]]


def _roles(text: str, lines: Sequence[Line]) -> list[Label]:
    """`You said:`, `### Assistant`: a line of its own."""
    found = list[Label]()
    for line in lines:
        role = _ROLE.match(text, line.start, line.end) if line.end - line.start < 40 else None
        if role and (line.gap or line is lines[0] or _MARKED_ROLE.match(text, line.start, line.end)):
            found.append(Label(line.start, line.end, role["name"].lower()))
    return found


def _above(text: str, lines: Sequence[Line]) -> list[Label]:
    """`tessa — 14/10/2021 15:34`: the line above a message. Or a name, and the time on the next line."""
    found = list[Label]()
    for number, line in enumerate(lines):
        if line.end - line.start > _LONGEST_LABEL or not _CLOCK.search(text, line.start, line.end):
            continue
        if _STAMP_ALONE.match(text, line.start, line.end):
            above = lines[number - 1]
            is_name = above.end - above.start <= 40 and text[above.start].isalpha() and text[above.end - 1] not in ".!?:"
            if number and is_name and not line.gap and not (found and found[-1].end > above.start):
                found.append(Label(above.start, line.end, text[above.start : above.end].casefold()))
        elif label := _ABOVE.match(text, line.start, line.end):
            found.append(Label(line.start, line.end, (label["first"] or label["second"]).strip().casefold()))
    return found


def _whatsapp(text: str, lines: Sequence[Line]) -> list[Label]:
    """`[12/03/24, 10:15:22] Ana: hi`, and notices without a speaker."""
    found = (_WHATSAPP.match(text, line.start, line.end) for line in lines)
    return [Label(label.start(), label.end(), (label["name"] or "").casefold()) for label in found if label]


def _tabbed(text: str, lines: Sequence[Line]) -> list[Label]:
    """`19:02`, a tab, the speaker, a tab, the message: as LINE exports."""
    found = (_TABBED.match(text, line.start, line.end) for line in lines)
    return [Label(label.start(), label.end(), label["name"].casefold()) for label in found if label]


def _on_line(text: str, lines: Sequence[Line]) -> list[Label]:
    """`Ana: hi`, `<ana> hi`, `[18:02] Ana: hi`, and notices such as `[18:03] -!- Ana has quit`."""
    found = list[Label]()
    for line in lines:
        if notice := _NOTICE.match(text, line.start, line.end):
            found.append(Label(line.start, notice.end(), ""))
        elif (label := LABEL.match(text, line.start, line.end)) and (speaker := speaker_of(label)):
            found.append(Label(label.start(), label.end(), speaker))
    return found


def _unspaced(text: str, lines: Sequence[Line]) -> list[Label]:
    """`Ana:hi`."""
    found = (_UNSPACED.match(text, line.start, line.end) for line in lines)
    return [Label(label.start(), label.end(), label["name"].casefold()) for label in found if label]


_FINDERS: tuple[_Finder, ...] = (_whatsapp, _tabbed, _above, _roles, _on_line, _unspaced)
_MODELS = frozenset("assistant ai chatgpt claude gemini copilot bot model".split())
_PEOPLE = frozenset("you user human me".split())
_INTERVIEW = frozenset("interviewer interviewee doctor patient customer agent client".split())


def _finder(text: str, lines: Sequence[Line]) -> _Finder | None:
    """How the speakers of this text are written.

    Questions with their answers are no chat: each question is a head.
    """
    if any(question_at(text, *line[:2]) for line in lines) and any(answer_at(text, *line[:2]) for line in lines):
        return None
    for finder in _FINDERS:
        labels = finder(text, lines)
        turns = Counter(label.speaker for label in labels if label.speaker)
        if len(labels) > 1 and _is_talk(finder, text, lines, labels, turns):
            return finder
    return None


def _is_talk(finder: _Finder, text: str, lines: Sequence[Line], labels: Sequence[Label], turns: Counter[str]) -> bool:
    recurring = sum(count for count in turns.values() if count > 1)
    first = next(line for line in lines if not _is_day(text, line))
    opens = labels[0].start == first.start
    if finder in {_whatsapp, _tabbed}:
        return len(turns) > 0 and 4 * len(labels) > len(lines)
    if finder is _above:
        return opens and (recurring > 1 or len(turns) > 1) and 12 * len(labels) >= len(lines)
    if finder is _roles:
        return bool(turns.keys() & _MODELS) and bool(turns.keys() & _PEOPLE)
    pair = turns.keys() & (_MODELS | _PEOPLE | _INTERVIEW)
    majority = 2 * len(labels) > len(lines)
    gaps = sum(line.gap for line in lines) + 1
    opened = {label.start for label in labels}
    paragraphs = 2 * sum(line.start in opened and (line.gap or line is lines[0]) for line in lines) > gaps > 1
    if len(pair) > 1:
        return majority or paragraphs or sum(turns[speaker] for speaker in pair) > (2 if opens else 3)
    return (majority or paragraphs) and len(turns) > 1 and 2 * recurring >= len(labels) > 2


def _recognises(head: str) -> bool:
    lines = lines_of(head)[:_FEW]
    return bool(lines) and _finder(head, lines) is not None


def _read(text: str) -> Structure | None:
    lines = lines_of(text)
    finder = _finder(text, lines[:_FEW]) if lines else None
    if finder is None:
        return None
    labels = _speakers_only(finder(text, lines))
    outline = Outline(text)
    numbers = [*_line_numbers(lines, labels), len(lines)]
    opening = lines[: numbers[0]]
    if opening and text.startswith("# ", opening[0].start):
        outline.open(opening[0].end, "heading", TITLE)
        opening = opening[1:]
    if opening and _is_day(text, opening[-1]):
        write_prose(outline, opening[:-1])
        outline.open(opening[-1].end, "heading", DAY)
    else:
        write_prose(outline, opening)
    for label, first, last in zip(labels, numbers, numbers[1:], strict=False):
        days = last
        while days - 1 > first and _is_day(text, lines[days - 1]):
            days -= 1
        _write_turn(outline, label, lines[first:days])
        for line in lines[days:last]:
            outline.open(line.end, "heading", DAY)
    return outline.structure("chat")


def _is_day(text: str, line: Line) -> bool:
    return line.end - line.start <= _LONGEST_LABEL and is_date(text[line.start : line.end])


def _speakers_only(labels: list[Label]) -> list[Label]:
    """In a chat with a model only the roles speak: `Tip:` inside an answer is no speaker."""
    turns = Counter(label.speaker for label in labels)
    roles = turns.keys() & (_MODELS | _PEOPLE | {"system", "tool"})
    recurring = {speaker for speaker, count in turns.items() if count > 1}
    return [label for label in labels if label.speaker in roles] if len(roles) > 1 and recurring <= roles else labels


def _line_numbers(lines: Sequence[Line], labels: Sequence[Label]) -> list[int]:
    numbers = list[int]()
    number = 0
    for label in labels:
        while lines[number].start < label.start:
            number += 1
        numbers.append(number)
    return numbers


def _write_turn(outline: Outline, label: Label, lines: Sequence[Line]) -> None:
    end, text = lines[-1].end, outline.text
    outline.leave(SPEAKER)
    if fits(text, outline.content, end):
        outline.add(end, "turn")
        return
    outline.open(label.end, "speaker", SPEAKER)
    body = [line._replace(start=max(line.start, outline.content)) for line in lines if line.end > outline.content]
    if any(prose_marks(text, body)):
        write_prose(outline, body)
    elif body:
        for group_end in pack(outline.content, sentence_ends(text, outline.content, end), GROUP):
            outline.add(group_end, "turn")


CHAT = Reader("chat", _recognises, _read, content_types=(CONTENT_TYPE,))
