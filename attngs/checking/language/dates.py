"""Dates and times of day, as tables and patterns: "3 May", "May 3rd", "2026-05-03", "03/05/2026", "3 pm", "15:00", "half past three"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from attngs.checking.language.languages import Language
from attngs.checking.language.measures import RANGE
from attngs.checking.language.mentions import Clock, Day, Mention, Number, Quantity, Reading
from attngs.checking.language.tokens import Token

_DATE = re.compile(
    r"""(?<![\w.,/-])(?:
      (?P<y>(?:1[5-9]|20|21)\d\d)(?P<s1>[-/.])(?P<m>\d{1,2})(?P=s1)(?P<d>\d{1,2})
    | (?P<a>\d{1,2})(?P<s2>[/.-])(?P<b>\d{1,2})(?P=s2)(?P<year>(?:1[5-9]|20|21)\d\d|\d\d)
    | (?P<ym>(?:19|20)\d\d)-(?P<my>0[1-9]|1[0-2])(?![-\d])
    | (?P<p>\d{1,2})(?P<s3>[/.])(?P<q>\d{1,2})(?P<dot>\.)?(?=[\s,;:)!?]|$)
    )(?:T(?P<clock>\d\d:\d\d)(?::\d\d)?Z?)?(?![\w/])
    | (?P<cy>\d{4})年(?:(?P<cm>\d{1,2})月(?:(?P<cd>\d{1,2})[日号號])?)? | (?P<km>\d{1,2})月(?:(?P<kd>\d{1,2})[日号號])?""",
    re.VERBOSE,
)
_CLOCK = re.compile(
    r"""(?<![\w.,:/-])(?P<h>2[0-4]|[01]?\d)(?!\d)(?:(?P<c>[:h.])(?P<m>[0-5]\d)(?::[0-5]\d)?)?
    (?:[ \u00a0]?(?P<half>[ap])\.?[ ]?m\b\.?|[ ]?(?P<word>Uhr\b|o['’]clock\b|(?<=\d)h(?![\w])|(?<=\d:\d\d[ ])hrs\b))?
    (?:[ ](?:in[ ]the[ ](?P<part>morning|afternoon|evening)|at[ ](?P<night>night)|Uhr[ ](?P<teil>morgens|nachmittags|abends)))?""",
    re.VERBOSE | re.IGNORECASE,
)
_NOONS = {
    12: frozenset("noon midday mittag mittags midi mediodía mezzogiorno meio-dia".split()),
    0: frozenset("midnight mitternacht minuit medianoche mezzanotte meia-noite".split()),
}
_OF = frozenset("of de del di the den . , '".split())
_UNSURE_MONTHS = frozenset("may march mar mars sept set sep out jan dec dic mag giu gen juin".split())
_UNSURE_DAYS = frozenset("sun sat mon wed fri thu tue terça".split())
_TO = frozenset("- – — to until till bis à".split())
_CUES = frozenset("in since until till by last next this of from early mid late end during on every before after every each".split())


def find_numeric_dates(text: str) -> Iterator[Mention]:
    """Dates in figures; all the orders that they allow."""
    for match in _DATE.finditer(text):
        readings = tuple(dict.fromkeys(_numeric(match)))
        if readings:
            yield Mention(kind="date", start=match.start(), end=match.end(), readings=readings)


def _numeric(match: re.Match[str]) -> list[Reading]:
    if match["y"]:
        days: list[Reading] = [*_valid(int(match["y"]), int(match["m"]), int(match["d"]))]
        return [*days, *([Clock(_minutes(match["clock"]))] if match["clock"] and days else [])]
    if match["ym"]:
        return [Day(year=int(match["ym"]), month=int(match["my"]))]
    if match["cy"] or match["km"]:
        year, month, day = match["cy"], match["cm"] or match["km"], match["cd"] or match["kd"]
        return [*_valid(*(int(part) if part else None for part in (year, month, day)))]
    if match["a"]:
        year = int(match["year"]) + (0 if len(match["year"]) == 4 else 2000 if int(match["year"]) < 50 else 1900)
        first, second = int(match["a"]), int(match["b"])
        orders = [(second, first)] if match["s2"] == "." else [(second, first), (first, second)]
        return [day for month, number in orders for day in _valid(year, month, number)]
    first, second = int(match["p"]), int(match["q"])
    if match["s3"] == ".":  # without the last stop it is a decimal
        return [*_valid(None, second, first)] if match["dot"] else []
    plain: list[Reading] = [Number(Fraction(first, second))] if second else []
    return [*_valid(None, second, first), *_valid(None, first, second), *plain]


def _valid(year: int | None, month: int | None, day: int | None) -> list[Day]:
    try:
        date(year or 2024, month or 1, day or 1)
    except ValueError:
        return []
    weekday = date(year, month, day).weekday() if year and month and day else None
    return [Day(year=year, month=month, day=day, weekday=weekday)]


def find_clocks(text: str) -> Iterator[Mention]:
    """Times of day in figures."""
    for match in _CLOCK.finditer(text):
        sure = match["half"] or match["word"] or match["part"] or match["night"] or match["c"] in (":", "h", "H")
        if not sure or (match["c"] == "." and not (match["half"] or match["word"])) or not match["h"]:
            continue
        hour, minute = int(match["h"]), int(match["m"] or 0)
        readings: list[Reading] = [Clock(value) for value in _readings(hour, minute, _half_of_day(match))]
        if (match["word"] or "").lower() == "h":
            readings.append(Quantity("time", Fraction(hour * 3600 + minute * 60), Fraction(hour)))
        yield Mention(kind="time", start=match.start(), end=match.end(), readings=tuple(readings))


def _half_of_day(match: re.Match[str]) -> str:
    half = (match["half"] or "").lower()
    part = (match["part"] or match["teil"] or "").lower()
    late = part in {"afternoon", "evening", "nachmittags", "abends"} or (match["night"] and int(match["h"]) > 5)
    return half or ("p" if late else "a" if part or match["night"] else "")


def _readings(hour: int, minute: int, half: str) -> list[int]:
    """Minutes since midnight; without "am" or "pm" an early hour can be either."""
    if half:
        return [(hour % 12 + (12 if half == "p" else 0)) * 60 + minute]
    hours = [hour, hour + 12] if 0 < hour < 12 else [12, 0] if hour == 12 else [hour % 24]
    return [value % 24 * 60 + minute for value in hours]


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) % 24 * 60 + int(minutes)


def find_spoken_dates(tokens: Sequence[Token], language: Language) -> Iterator[tuple[Mention, int, int]]:
    """Dates with a month or weekday in words, years, and times in words; with the first token and the one after the last."""
    i = 0
    while i < len(tokens):
        found = _noon(tokens, i) or _spoken_clock(tokens, i) or _range_start(tokens, i, language) or _date_at(tokens, i, language)
        found = found or _year(tokens, i)
        if not found:
            i += 1
            continue
        yield found
        i = found[2]
        if last := _range_end(tokens, found):
            yield last
            i = last[2]


def _noon(tokens: Sequence[Token], i: int) -> tuple[Mention, int, int] | None:
    for hour, names in _NOONS.items():
        if tokens[i].lower in names:
            return Mention(kind="time", start=tokens[i].start, end=tokens[i].end, readings=(Clock(hour * 60),)), i, i + 1
    return None


def _spoken_clock(tokens: Sequence[Token], i: int) -> tuple[Mention, int, int] | None:
    """`half past three`, `quarter to six`, `ten past nine`, `halb vier`."""
    words = [token.lower for token in tokens[i : i + 3]]
    if len(words) > 1 and words[0] == "halb" and tokens[i + 1].values and tokens[i + 1].is_word:
        hour = int(tokens[i + 1].values[0])
        readings = [Clock(value) for value in _readings((hour - 1) % 12 or 12, 30, "")] if 1 <= hour <= 12 else []
        end = i + 2
    elif len(words) > 2 and words[1] in {"past", "to", "nach", "vor"} and tokens[i + 2].values and not tokens[i + 2].ordinal:
        minutes = (
            15
            if words[0] in {"quarter", "viertel"}
            else int(tokens[i].values[0] * (60 if words[0] == "half" else 1))
            if tokens[i].values
            else 0
        )
        hour = int(tokens[i + 2].values[0])
        if minutes not in {5, 10, 15, 20, 25, 30} or not 1 <= hour <= 12:
            return None
        late = words[1] in {"to", "vor"}
        if late and words[0] not in {"quarter", "viertel"} and not tokens[i].is_word:
            return None  # "5 to 10 people"
        whole = (hour - 1) % 12 or 12 if late else hour
        readings, end = [Clock(value) for value in _readings(whole, 60 - minutes if late else minutes, "")], i + 3
    else:
        return None
    return (Mention(kind="time", start=tokens[i].start, end=tokens[end - 1].end, readings=tuple(readings)), i, end) if readings else None


def _date_at(tokens: Sequence[Token], i: int, language: Language) -> tuple[Mention, int, int] | None:
    """A weekday, a day and a month, a month and a day, with or without a year."""
    end, weekday = i, None
    if (number := _weekday(tokens, i, language)) is not None:
        weekday, end = number, i + 1
        after = _skip(tokens, end, {",", "the", "den", "le", "el", "der", "."})
        with_month = _day_and_month(tokens, after, language)
        end = after if with_month[2] > after else end
    day, month, stop = _day_and_month(tokens, end, language)
    if stop > end:
        end = stop
    elif weekday is None:
        return None
    year = None
    after = _skip(tokens, end, {",", "of", "de", "del", "."})
    if month and after < len(tokens) and _is_year(tokens[after]):
        year, end = int(tokens[after].values[0]), after + 1
    if year and day and weekday is None:
        readings = tuple(_valid(year, month, day))
    else:
        readings = (Day(year=year, month=month, day=day, weekday=weekday),)
    return (Mention(kind="date", start=tokens[i].start, end=tokens[end - 1].end, readings=readings), i, end) if readings else None


def _range_start(tokens: Sequence[Token], i: int, language: Language) -> tuple[Mention, int, int] | None:
    """The first day of `4 to 8 April`, which has the month of the second."""
    if i + 3 >= len(tokens) or not _is_day(tokens[i]) or tokens[i + 1].lower not in RANGE:
        return None
    day, month, _ = _day_and_month(tokens, i + 2, language)
    if not (day and month and _is_day(tokens[i + 2])):
        return None
    return (
        Mention(kind="date", start=tokens[i].start, end=tokens[i].end, readings=(Day(month=month, day=int(tokens[i].values[0])),)),
        i,
        i + 1,
    )


def _range_end(tokens: Sequence[Token], first: tuple[Mention, int, int]) -> tuple[Mention, int, int] | None:
    """The last day of `April 4-8`."""
    end, reading = first[2], first[0].readings[0]
    if end + 1 >= len(tokens) or not isinstance(reading, Day) or not (reading.month and reading.day) or tokens[end].lower not in _TO:
        return None
    last = tokens[end + 1]
    named = end + 2 < len(tokens) and tokens[end + 2].is_word and tokens[end + 2].text[0].isupper()  # "4 April to 2 May"
    if not _is_day(last) or named:
        return None
    readings = (Day(month=reading.month, day=int(last.values[0])),)
    return Mention(kind="date", start=last.start, end=last.end, readings=readings), end + 1, end + 2


def _day_and_month(tokens: Sequence[Token], i: int, language: Language) -> tuple[int | None, int | None, int]:
    """Day, month and the token after them; the same place where there are none."""
    if i < len(tokens) and _is_day(tokens[i]):
        after = _skip(tokens, i + 1, _OF, 2)
        if (month := _month(tokens, after, language, sure=True)) is not None:
            return int(tokens[i].values[0]), month, after + 1
    if (month := _month(tokens, i, language, sure=False)) is not None:
        after = _skip(tokens, i + 1, {"the", "."}, 1)
        if after < len(tokens) and _is_day(tokens[after]) and not _followed_by_unit(tokens, after):
            return int(tokens[after].values[0]), month, after + 1
        return None, month, i + 1
    return None, None, i


def _followed_by_unit(tokens: Sequence[Token], i: int) -> bool:
    return i + 1 < len(tokens) and tokens[i + 1].text in {"%", ":", "€"}


def _month(tokens: Sequence[Token], i: int, language: Language, *, sure: bool) -> int | None:
    """The month that a token names; `May` and `March` alone need a capital and something that tells a date."""
    if i >= len(tokens) or tokens[i].lower not in language.months:
        return None
    token = tokens[i]
    if sure or language.code != "en" or (token.lower not in _UNSURE_MONTHS and token.text[0].isupper()):
        return (
            language.months[token.lower]
            if sure or token.lower not in _UNSURE_MONTHS or language.code == "fr" or token.text[0].isupper()
            else None
        )
    dated = i + 1 < len(tokens) and bool(tokens[i + 1].values) and not tokens[i + 1].is_word
    before = next((token.lower for token in reversed(tokens[max(0, i - 2) : i]) if token.text != "-"), "")  # "mid-March"
    cued = before in _CUES
    return language.months[token.lower] if token.text[0].isupper() and (dated or cued) else None


def _weekday(tokens: Sequence[Token], i: int, language: Language) -> int | None:
    token = tokens[i]
    if language.code == "pt" and i + 2 < len(tokens) and tokens[i + 1].text == "-" and tokens[i + 2].lower == "feira":
        return language.weekdays.get(f"{token.lower}-feira")
    if token.lower not in language.weekdays:
        return None
    if token.lower in _UNSURE_DAYS and (not token.text[0].isupper() or (i == 0 and len(tokens) > 1 and not tokens[1].values)):
        return None
    return language.weekdays[token.lower]


def _year(tokens: Sequence[Token], i: int) -> tuple[Mention, int, int] | None:
    """A number that reads like a year, or a decade."""
    token = tokens[i]
    if not _is_year(token) or (i and tokens[i - 1].text in {"$", "€", "£", "#"}):
        return None
    value = token.values[0]
    readings = (Day(year=int(value)), Number(value))
    return Mention(kind="date", start=token.start, end=token.end, readings=readings), i, i + 1


def _is_year(token: Token) -> bool:
    return len(token.values) == 1 and 1900 <= token.values[0] <= 2100 and token.values[0].denominator == 1 and "," not in token.text


def _is_day(token: Token) -> bool:
    return (
        len(token.values) == 1
        and 1 <= token.values[0] <= 31
        and token.values[0].denominator == 1
        and not (token.weak and not token.ordinal)
    )


def _skip(tokens: Sequence[Token], i: int, words: frozenset[str] | set[str], most: int = 1) -> int:
    """Past at most so many of these words."""
    start = i
    while i < len(tokens) and i - start < most and tokens[i].lower in words:
        i += 1
    return i
