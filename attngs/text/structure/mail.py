"""Mails and threads of them: text is read with who wrote it and about what.

Quotations with who is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import write_prose
from attngs.text.structure.units import Reader, Structure

SENDER, FIELD = -20, -19
"""Ranks: a mail ends what the mail before opened; the text that follows lies below all fields that are heads."""

_FIELD = re.compile(r"[*_]{0,2}(?P<name>[A-Za-zÀ-ÿ][\w\-]{0,30}(?:\s\w{1,10})?)[*_]{0,2}\s?[:：](?:\s|$|[*_])")
_FROM = frozenset("from von de da van från од от".split())
_ABOUT = frozenset("subject betreff objet asunto assunto oggetto onderwerp тема re".split())
_OTHER = frozenset(
    "to cc bcc date sent reply-to an gesendet datum kopie à envoyé para enviado fecha data inviato aan verzonden message-id".split()
)
_SEPARATOR = re.compile(
    r"[-_=*\s>]{2,}.{0,60}(?:original|forwarded|ursprüngliche|weitergeleitete|transféré|reenviado|inoltrato).{0,60}$", re.IGNORECASE
)
_SIGNATURE = re.compile(r"--\s?$")
_MBOX = re.compile(r"From \S+@?\S* .*\d{4}$")


def _header_at(text: str, lines: Sequence[Line], number: int) -> int:
    """The number of the line after a header that begins at this line; the number itself if none does."""
    names = set[str]()
    last = number + 1 if _MBOX.match(text, lines[number].start, lines[number].end) else number
    while last < len(lines) and not (last > number and lines[last].gap):
        line = lines[last]
        field = _FIELD.match(text, line.start, line.end)
        if field and not line.indent:
            names.add(field["name"].lower())
        elif not (last > number and line.indent):  # a long field goes on, indented
            break
        last += 1
    known = names & (_FROM | _ABOUT | _OTHER)
    return last if names & (_FROM | _ABOUT) and len(known) > 1 and 2 * len(known) >= min(len(names), 4) else number


def _recognises(head: str) -> bool:
    lines = lines_of(head)[:40]
    return any(_header_at(head, lines, number) > number for number, line in enumerate(lines) if number == 0 or line.gap)


def _read(text: str) -> Structure | None:
    lines = lines_of(text)
    outline = Outline(text)
    number = 0
    body_start = 0
    headers = 0
    while number < len(lines):
        line = lines[number]
        may_begin = text[line.start].isalpha() or text[line.start] in "*_"
        last = _header_at(text, lines, number) if may_begin and (not number or line.gap or _ends_mail(text, lines[number - 1])) else number
        if last > number:
            _write_body(outline, lines[body_start:number])
            _write_header(outline, lines[number:last])
            body_start = number = last
            headers += 1
        else:
            number += 1
    _write_body(outline, lines[body_start:])
    return outline.structure("mail") if headers else None


def _ends_mail(text: str, line: Line) -> bool:
    return _SEPARATOR.match(text, line.start, line.end) is not None


def _write_header(outline: Outline, lines: Sequence[Line]) -> None:
    """Fields as units; who wrote and about what are heads of all that follows.

    In the order in which they stand.
    """
    text = outline.text
    outline.leave(SENDER)
    rank = SENDER
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and lines[number + 1].indent:
            continue  # goes on
        field = _FIELD.match(text, outline.content, line.end)
        name = field["name"].lower() if field else ""
        if name in _FROM or name in _ABOUT:
            outline.open(line.end, "field", rank)
            rank += 1
        else:
            outline.add(line.end, "field")


def _write_body(outline: Outline, lines: Sequence[Line]) -> None:
    text = outline.text
    signature = next((n for n in range(len(lines) - 1, max(-1, len(lines) - 12), -1) if _SIGNATURE.match(text, *lines[n][:2])), len(lines))
    write_prose(outline, lines[:signature])
    if signature < len(lines):
        outline.leave(0)
        outline.add(lines[-1].end, "signature")


MAIL = Reader("mail", _recognises, _read, (".eml", ".mbox"), ("message/rfc822", "application/mbox"))
