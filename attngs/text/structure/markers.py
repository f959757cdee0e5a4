"""How a line begins: rules, items, articles, questions and answers, dates, senders."""

from __future__ import annotations

import re
from typing import NamedTuple

RULE = re.compile(r"(?:[=\-_*~•─━]{3,}|(?:[-*_]\s){2,}[-*_])$")
TITLED_RULE = re.compile(r"(?P<rule>([=\-_*~─━])\2{2,}\s?)(?P<title>\w.{0,78}?[\w)\]?!.])\s?\2{3,}$")
STEP = re.compile(r"(?:={1,3}>|:{2,3}>|-{2,3}>|>{3})\s?\w.{0,78}$|::group::.{1,80}$")  # of a build: `==> lint`
BORDER = re.compile(r"\+[-=+]{3,}$")  # of a table that is drawn

_BULLETS = frozenset("-*+•‣◦▪·●○–—")
_BULLET = re.compile(r".\s+(?:\[[ xX]\]\s+)?(?=\S)")
_ENUMERATED = re.compile(
    r"""(?:(?P<number>\d{1,3}(?:\.\d{1,2}){1,4}(?!\d)[.)]?|\(?\d{1,3}[.)])
    | (?P<roman>\(?[ivx]{1,6}\)|[ivx]{1,6}\.)
    | (?P<letter>\(?[A-Za-z]\)|[a-z]\.))\s+(?=\S)
    | (?P<circled>[①-⑳])\s*(?=\S)""",
    re.VERBOSE,
)
_NO_ENUMERATION = re.compile(r"[^\W\divx_]\w|[^\w(①-⑳]")
_SECTION = re.compile(
    r"""(?P<part>(?:part|book|title|teil|titre|parte|PART|BOOK|TITLE)\s+(?:\d+|[IVXLC]+)\b)
    | (?P<chapter>(?:chapter|kapitel|chapitre|capítulo|capitolo|abschnitt|第[\d一二三四五六七八九十百]+章)\s*(?:\d+|[IVXLC]+)?\b)
    | (?P<article>(?:§+\s*|(?:section|article|artikel|art\.|artículo|articolo|clause|rule|appendix|annex|schedule)\s+)\d+[a-z]?\b
      |第[\d一二三四五六七八九十百]+[条條])""",
    re.VERBOSE | re.IGNORECASE,
)
_SECTION_STARTS = frozenset("PBTKCASR§第")
_QUESTION = re.compile(
    r"(?:\*\*|__)?(?:(?:Q|Question|Frage|Pregunta|Pergunta|Domanda|Vraag|Pytanie|Вопрос|F|问|問|質問)"
    r"|[PDV](?=[^\n]*\?))\s*\d{0,3}\s*[:：.)](?:\*\*|__)?(?=\s|[^\x00-\x7f])"
)
_ANSWER = re.compile(
    r"(?:\*\*|__)?(?:A|Answer|Antwort|Réponse|Respuesta|Resposta|Risposta|Antwoord|Odpowiedź|Ответ|R|答|回答)"
    r"\s*\d{0,3}\s*[:：.)](?:\*\*|__)?(?=\s|[^\x00-\x7f])"
)
_BARE_QUESTION, _BARE_ANSWER = re.compile(r"Q\d{0,3}\s+\S"), re.compile(r"A\d{0,3}\s+\S")
_MONTH = (
    r"(?:jan|jän|feb|fév|m[aä]r|mrt|a[bpv]r|ma[iyjg]|mei|ju[nil]|giu|lug|aug|ao[uû]|ago|sep|set|o[ckt]t|out|nov|d[eéi][csz]|ene|gen"
    r"|янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек)[^\W\d]{0,8}\.?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE_TEXT = rf"""[\[(*]{{0,2}}(?:[^\W\d]{{2,10}},?\.?\s)?(?:the\s)?(?:
    \d{{4}}[-/.年]\d{{1,2}}[-/.月]\d{{1,2}}日?|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}
    |{_DAY}\.?\s(?:of\s|de\s)?(?:{_MONTH}|[^\W\d]{{3,10}}\.?(?=,?\s(?:de\s)?\d{{4}}))(?:,?\s(?:de\s)?\d{{4}})?
    |(?:{_MONTH}|[^\W\d]{{3,10}}(?=\s{_DAY},?\s\d{{4}}))\s{_DAY}(?:,?\s\d{{4}})?)
    (?:\s?\([^\W\d_]{{1,4}}\))?(?:,?\s\d{{1,2}}:\d\d)?[\])*:]{{0,3}}"""
"""Without a year, only a month makes a day of a number: "Room 12" is no date."""
_DATE = re.compile(_DATE_TEXT + "$", re.VERBOSE | re.IGNORECASE)
_OPENING_DATE = re.compile(_DATE_TEXT + r"(?:[.:]|(?<=:)|\s?[–—]|\s-)\s+(?=\S)", re.VERBOSE | re.IGNORECASE)
_SENDER = re.compile(
    r"[*_]{0,2}(?:from|von|de|da|van|från|fra|od|от|sender|absender|expéditeur|remitente|mittente)[*_]{0,2}\s?[:：][*_]{0,2}\s",
    re.IGNORECASE,
)

ROMAN_STYLE, LETTER_STYLE, BULLET_STYLE = 6, 5, 7


class Item(NamedTuple):
    """The marker of a list item."""

    end: int
    """Where what it marks begins."""
    style: int
    """Larger for what lies deeper at the same indentation: 1., 1.1, (a), (i), a bullet."""
    label: str


def item_at(text: str, start: int, end: int, last_letter: str) -> Item | None:
    """The list item that a line begins with.

    Args:
        text: The whole text.
        start: Of the line.
        end: Of the line.
        last_letter: The letter of the last item that had one: after (h) comes the letter (i), else (i) is the Roman one.
    """
    if text[start] in _BULLETS:
        bullet = _BULLET.match(text, start, end)
        return Item(bullet.end(), BULLET_STYLE, "") if bullet else None
    match = None if _NO_ENUMERATION.match(text, start) else _ENUMERATED.match(text, start, end)
    if match is None:
        return None
    kind, label = str(match.lastgroup), match[0].strip().strip("().")
    if kind == "roman" and len(label) == 1 and ord(last_letter or " ") + 1 == ord(label):
        kind = "letter"
    if kind == "number":
        return Item(match.end(), label.count("."), label)
    return Item(match.end(), {"roman": ROMAN_STYLE, "letter": LETTER_STYLE}.get(kind, BULLET_STYLE), label)


class Section(NamedTuple):
    """The number of a part, a chapter or an article of a law or a contract."""

    end: int
    """Where its name or its text begins."""
    level: int
    """0 for a part, 1 for a chapter, 2 for an article."""


def section_at(text: str, start: int, end: int) -> Section | None:
    """The part, chapter or article that a line begins with."""
    match = _SECTION.match(text, start, end) if text[start] in _SECTION_STARTS else None
    return Section(match.end(), ("part", "chapter", "article").index(str(match.lastgroup))) if match else None


def question_at(text: str, start: int, end: int) -> bool:
    """Whether a line begins as the question of a list of questions and answers: `Q:`, `Frage 3:`."""
    return _QUESTION.match(text, start, end) is not None


def answer_at(text: str, start: int, end: int) -> bool:
    """Whether a line begins as an answer: `A:`, `Antwort:`."""
    return _ANSWER.match(text, start, end) is not None


def bare_question_at(text: str, start: int, end: int) -> bool:
    """Whether a line begins as a question without a colon: `Q Where is it?`.

    It is one only if an answer follows.
    """
    return _BARE_QUESTION.match(text, start, end) is not None


def bare_answer_at(text: str, start: int, end: int) -> bool:
    """Whether a line begins as an answer without a colon: `A Here.`. It is one only below a question."""
    return _BARE_ANSWER.match(text, start, end) is not None


def is_date(line: str) -> bool:
    """Whether a line is nothing but a date, perhaps with a weekday and a time."""
    return _DATE.match(line) is not None


def date_end(text: str, start: int, end: int) -> int:
    """Where the text begins after the date that a paragraph opens with, if any."""
    date = _OPENING_DATE.match(text, start, min(end, start + 60))
    return date.end() if date else start


def sender_at(text: str, start: int, end: int) -> bool:
    """Whether a line names who wrote a mail: `From: Ines`."""
    return _SENDER.match(text, start, end) is not None
