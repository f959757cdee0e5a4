"""The days that a label or a question names: "2026-03-18", "18/03/2026", "le 18 mars".

Reads what the checks read, and beside it what is common in names of files, and names of months in more languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache

from attngs.checking.language.dates import find_numeric_dates, find_spoken_dates, without_hyphens
from attngs.checking.language.languages import Language, languages, tell_language
from attngs.checking.language.mentions import Day, Mention
from attngs.checking.language.tokens import tokenize
from attngs.text.words import words

MONTHS = (
    "januari januar stycznia styczeń ledna leden января январь січня ocak",
    "februari februar lutego luty února únor февраля февраль лютого şubat",
    "maart mars marts marca marzec března březen марта март березня mart",
    "april april kwietnia kwiecień dubna duben апреля апрель квітня nisan",
    "mei maj mai maja května květen мая май травня mayıs",
    "juni juni czerwca czerwiec června červen июня июнь червня haziran",
    "juli juli lipca lipiec července červenec июля июль липня temmuz",
    "augustus augusti august sierpnia sierpień srpna srpen августа август серпня ağustos",
    "september september września wrzesień září сентября сентябрь вересня eylül",
    "oktober oktober października październik října říjen октября октябрь жовтня ekim",
    "november november listopada listopad listopadu ноября ноябрь листопада kasım",
    "december desember grudnia grudzień prosince prosinec декабря декабрь грудня aralık",
)
"""Months from January on in Dutch, Swedish, Danish, Norwegian, Polish, Czech, Russian, Ukrainian and Turkish."""

_ISO = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?!\d)"
    r"(?:[T ]\d\d:?\d\d(?::?\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_KOREAN = re.compile(r"(?:(?P<year>\d{4})\s?년\s?)?(?P<month>\d{1,2})\s?월(?:\s?(?P<day>\d{1,2})\s?일)?")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def read_days(text: str) -> tuple[list[Day], str]:
    """The days of a text, however it writes them, and the text with blanks in their place.

    A day has no weekday: "on Monday" names no day by itself.
    """
    rest, mentions = text, list[Mention]()
    for find in (_written_together, find_numeric_dates, _korean, _elsewhere, _spoken):
        found = list(find(rest))
        mentions += found
        rest = _without(rest, found)
    days = [meaning for mention in mentions for meaning in mention.meanings if isinstance(meaning, Day)]
    return list(dict.fromkeys(day._replace(weekday=None) for day in days if _is_a_day(day))), rest


def _is_a_day(day: Day) -> bool:
    """Whether a calendar has it; a weekday alone is none."""
    try:
        date(day.year or 2024, day.month or 1, day.day or 1)
    except ValueError:
        return False
    return any((day.year, day.month, day.day))


def _written_together(text: str) -> Iterator[Mention]:
    """`2026-03-18` wherever it stands in a name, `20260318`, and the time behind it."""
    for match in _ISO.finditer(text):
        yield _mention(match, *map(int, match.groups()))


def _korean(text: str) -> Iterator[Mention]:
    for match in _KOREAN.finditer(text):
        yield _mention(match, *(int(part) if part else None for part in match.groups()))


def _elsewhere(text: str) -> Iterator[Mention]:
    """`18 maart 2026`, `in maart`."""
    for match in _elsewhere_pattern().finditer(text):
        day, month, year = match.groups()
        yield _mention(match, int(year) if year else None, _elsewhere_months()[month.lower()], int(day) if day else None)


def _mention(match: re.Match[str], year: int | None, month: int | None, day: int | None) -> Mention:
    return Mention(kind="date", start=match.start(), end=match.end(), meanings=(Day(year=year, month=month, day=day),))


def _spoken(text: str) -> list[Mention]:
    """Dates with a month in words, and years, in the language of the text.

    Names are often in another language than the one that their few words tell, so the others are tried too. There, a short word beside a
    figure, as in "3 out of 5", is no date.
    """
    if not _YEAR.search(text) and _months().isdisjoint(words(text.replace("_", " "))):
        return []
    text = without_hyphens(text)
    told = tell_language(text) or languages()[0]
    found = _dates(text, told)
    if any(day.month for mention in found for day in mention.meanings if isinstance(day, Day)):
        return found
    for language in languages():
        others = [mention for mention in _dates(text, language) if language is not told and _is_sure(text, mention)]
        if others:
            return others
    return found


def _dates(text: str, language: Language) -> list[Mention]:
    return [match.mention for match in find_spoken_dates(tokenize(text, language), language) if match.mention.kind == "date"]


def _is_sure(text: str, mention: Mention) -> bool:
    """Whether a mention has a day and a month, and a year or a long word."""
    day = mention.meanings[0]
    if not isinstance(day, Day) or day.month is None or day.day is None:
        return False
    return day.year is not None or any(len(word) > 3 for word in words(text[mention.start : mention.end]))


def _without(text: str, mentions: Sequence[Mention]) -> str:
    """The text with blanks for the mentions; places stay."""
    for mention in mentions:
        text = text[: mention.start] + " " * (mention.end - mention.start) + text[mention.end :]
    return text


@cache
def _months() -> frozenset[str]:
    return frozenset(month for language in languages() for month in language.months)


@cache
def _elsewhere_months() -> dict[str, int]:
    known = _months()
    return {name: number for number, names in enumerate(MONTHS, 1) for name in names.split() if name not in known}


@cache
def _elsewhere_pattern() -> re.Pattern[str]:
    names = "|".join(sorted(_elsewhere_months(), key=len, reverse=True))
    return re.compile(
        rf"(?:(?<!\d)(\d{{1,2}})\.?[ _-]{{1,2}})?(?<![^\W_])({names})(?![^\W_])(?:[ _-]{{1,2}}(\d{{4}})(?!\d))?", re.IGNORECASE
    )
