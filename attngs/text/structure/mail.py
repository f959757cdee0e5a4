"""Mails and threads: text is read with who wrote it, a quotation with who is quoted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attngs.text.structure.lines import Line, lines_of
from attngs.text.structure.outline import Outline
from attngs.text.structure.prose import write_prose
from attngs.text.structure.units import Reader, Structure

SENDER, FIELD = -20, -19
"""Ranks: a mail ends what the mail before opened; the text that follows lies below all fields that are heads."""

_FIELD = re.compile(r"[*_]{0,2}(?P<name>[^\W\d_][\w\-]{0,30}(?:\s\w{1,10})?)[*_]{0,2}\s?(?::(?:\s|$|[*_])|：)")
_FROM = frozenset("from von de da van från fra od от kimden 差出人 送信者 发件人 寄件者 寄件人 보낸사람 보낸 lähettäjä odesílatel".split())
_ABOUT = frozenset(
    "subject betreff objet asunto assunto oggetto onderwerp тема re ämne emne temat předmět konu 件名 主题 主旨 제목 aihe".split()
)
_OTHER = frozenset(
    "to cc bcc date sent reply-to an gesendet datum kopie à envoyé para enviado fecha data inviato aan verzonden message-id "
    "a till til do komu кому дата отправлено skickat sendt dato wysłano odesláno tarih kime gönderildi "
    "宛先 日時 送信日時 日付 收件人 收件者 抄送 日期 发送时间 時間 时间 받는사람 날짜 lähetetty vastaanottaja".split()
)
_SEPARATOR = re.compile(
    r"[-_=*\s>]{2,}.{0,60}(?:original|forwarded|ursprüngliche|weitergeleitete|transféré|reenviado|inoltrato).{0,60}$", re.IGNORECASE
)
_REPLY = re.compile(r"(?:\s*(?:re|aw|antw|sv|rv|res|rif|ynt|odp|fwd?|wg|tr|enc|i|doorst)(?:\[\d+\])?\s?[:：])+", re.IGNORECASE)
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
    begins = (number for number, line in enumerate(lines) if number == 0 or line.gap or _ends_mail(head, lines[number - 1]))
    return any(_header_at(head, lines, number) > number for number in begins)


def _read(text: str) -> Structure | None:
    lines = lines_of(text)
    outline = Outline(text)
    number = 0
    body_start = 0
    subject: str | None = None
    while number < len(lines):
        line = lines[number]
        may_begin = text[line.start].isalpha() or text[line.start] in "*_"
        last = _header_at(text, lines, number) if may_begin and (not number or line.gap or _ends_mail(text, lines[number - 1])) else number
        if last > number:
            _write_body(outline, lines[body_start:number])
            subject = _write_header(outline, lines[number:last], subject or "")
            body_start = number = last
        else:
            number += 1
    _write_body(outline, lines[body_start:])
    return outline.structure("mail") if subject is not None else None


def _ends_mail(text: str, line: Line) -> bool:
    return _SEPARATOR.match(text, line.start, line.end) is not None


def _write_header(outline: Outline, lines: Sequence[Line], subject: str) -> str:
    """Fields as units: who wrote, and about what if that is new, are heads of all that follows.

    Args:
        outline: Where the units go.
        lines: Of the header.
        subject: Of the mail before. In a thread it is the same again and again, and each time it costs as much.

    Returns:
        The subject of this mail, without `Re:`.
    """
    text = outline.text
    outline.leave(SENDER)
    rank = SENDER
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and lines[number + 1].indent:
            continue  # goes on
        field = _FIELD.match(text, outline.content, line.end)
        name = field["name"].lower() if field else ""
        if name in _FROM:
            outline.open(line.end, "speaker", rank)
        elif field and name in _ABOUT:
            before, subject = subject, _REPLY.sub("", text[field.end() : line.end]).strip().casefold()
            if subject == before:
                outline.add(line.end, "field")
            else:
                outline.open(line.end, "subject", rank)
        else:
            outline.add(line.end, "field")
            continue
        rank += 1
    return subject


def _write_body(outline: Outline, lines: Sequence[Line]) -> None:
    text = outline.text
    separated = bool(lines) and _ends_mail(text, lines[-1])
    body = lines[: len(lines) - separated]
    signature = next((n for n in range(len(body) - 1, max(-1, len(body) - 12), -1) if _SIGNATURE.match(text, *body[n][:2])), len(body))
    write_prose(outline, body[:signature])
    if signature < len(body):
        outline.leave(0)
        outline.add(body[-1].end, "signature")
    if separated:
        outline.add(lines[-1].end, "markup")


MAIL = Reader("mail", _recognises, _read, (".eml", ".mbox"), ("message/rfc822", "application/mbox"))
