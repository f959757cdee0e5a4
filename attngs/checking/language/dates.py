"""Dates and times of day, in figures and in words.

"3 May", "May 3rd", "2026-05-03", "03/05/2026", "3 pm", "15:00", "half past three".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from attngs.checking.language.languages import Language
from attngs.checking.language.measures import RANGE
from attngs.checking.language.mentions import Clock, Day, Match, Meaning, Mention, Number, Quantity
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
_HYPHENS = re.compile(
    r"(?<=[^\W\d_])[-_](?=\d) | (?<=\d)[-_](?=[^\W\d_]) | (?:(?<=[^\W\d_][-_]\d)|(?<=[^\W\d_][-_]\d\d))[-_](?=\d{4})", re.VERBOSE
)
_NOONS = {
    12: frozenset("noon midday mittag mittags midi mediodía mezzogiorno meio-dia".split()),
    0: frozenset("midnight mitternacht minuit medianoche mezzanotte meia-noite".split()),
}
_OF = frozenset("of de del di the den . , '".split())
_UNSURE_MONTHS = frozenset("may march mar mars sept set sep out jan dec dic mag giu gen juin".split())
_UNSURE_DAYS = frozenset("sun sat mon wed fri thu tue terça".split())
_TO = frozenset("- – — to until till bis à".split())
_CUES = frozenset("in for since until till by last next this of from early mid late end during on every before after every each".split())


def find_numeric_dates(text: str) -> Iterator[Mention]:
    """Dates in figures, read in every order that they allow."""
    for match in _DATE.finditer(text):
        meanings = tuple(dict.fromkeys(_numeric(match)))
        if meanings:
            yield Mention(kind="date", start=match.start(), end=match.end(), meanings=meanings)


def without_hyphens(text: str) -> str:
    """The text with blanks between the parts of a date in words: `March-15-2024`, `report_18_march`."""
    return _HYPHENS.sub(" ", text)


def _numeric(match: re.Match[str]) -> list[Meaning]:
    if match["y"]:
        return _year_first(match)
    if match["ym"]:
        return [Day(year=int(match["ym"]), month=int(match["my"]))]
    if match["cy"] or match["km"]:
        year, month, day = match["cy"], match["cm"] or match["km"], match["cd"] or match["kd"]
        return [*_valid(*(int(part) if part else None for part in (year, month, day)))]
    return _year_last(match) if match["a"] else _without_year(match)


def _year_first(match: re.Match[str]) -> list[Meaning]:
    """`2026-05-03`, and `2026-05-03T15:00`."""
    days = _valid(int(match["y"]), int(match["m"]), int(match["d"]))
    return [*days, Clock(_minutes(match["clock"]))] if match["clock"] and days else [*days]


def _year_last(match: re.Match[str]) -> list[Meaning]:
    """`3.5.2026` is a day in May, `3/5/26` may be one in March."""
    year = int(match["year"]) + (0 if len(match["year"]) == 4 else 2000 if int(match["year"]) < 50 else 1900)
    first, second = int(match["a"]), int(match["b"])
    orders = [(second, first)] if match["s2"] == "." else [(second, first), (first, second)]
    return [day for month, number in orders for day in _valid(year, month, number)]


def _without_year(match: re.Match[str]) -> list[Meaning]:
    """`3.5.` is a day and `3.5` a decimal; `3/5` is one of two days, or a fraction."""
    first, second = int(match["p"]), int(match["q"])
    if match["s3"] == ".":
        return [*_valid(None, second, first)] if match["dot"] else []
    fraction = [Number(Fraction(first, second))] if second else []
    return [*_valid(None, second, first), *_valid(None, first, second), *fraction]


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
        meanings: list[Meaning] = [Clock(value) for value in _readings(hour, minute, _half_of_day(match))]
        if (match["word"] or "").lower() == "h":
            meanings.append(Quantity("time", Fraction(hour * 3600 + minute * 60), Fraction(hour)))
        yield Mention(kind="time", start=match.start(), end=match.end(), meanings=tuple(meanings))


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


def find_spoken_dates(tokens: Sequence[Token], language: Language) -> Iterator[Match]:
    """Dates with a month or a weekday in words, years, and times in words."""
    i = 0
    while i < len(tokens):
        found = _noon(tokens, i) or _spoken_clock(tokens, i) or _range_start(tokens, i, language) or _date_at(tokens, i, language)
        found = found or _year(tokens, i)
        if not found:
            i += 1
            continue
        yield found
        i = found.end
        if last := _range_end(tokens, found):
            yield last
            i = last.end


def _match(kind: str, tokens: Sequence[Token], first: int, end: int, meanings: Sequence[Meaning]) -> Match:
    return Match(Mention(kind=kind, start=tokens[first].start, end=tokens[end - 1].end, meanings=tuple(meanings)), first, end)


def _noon(tokens: Sequence[Token], i: int) -> Match | None:
    for hour, names in _NOONS.items():
        if tokens[i].lower in names:
            return _match("time", tokens, i, i + 1, [Clock(hour * 60)])
    return None


def _spoken_clock(tokens: Sequence[Token], i: int) -> Match | None:
    """`half past three`, `quarter to six`, `ten past nine`, `halb vier`."""
    if tokens[i].lower == "halb" and i + 1 < len(tokens) and tokens[i + 1].is_word and (hour := _hour(tokens[i + 1])):
        return _match("time", tokens, i, i + 2, _clocks((hour - 1) % 12 or 12, 30))
    if i + 2 >= len(tokens) or tokens[i + 1].lower not in {"past", "to", "nach", "vor"} or tokens[i + 2].ordinal:
        return None
    minutes, hour, late = _spoken_minutes(tokens[i]), _hour(tokens[i + 2]), tokens[i + 1].lower in {"to", "vor"}
    if not minutes or not hour or (late and not tokens[i].is_word):  # "5 to 10 people"
        return None
    return _match("time", tokens, i, i + 3, _clocks((hour - 1) % 12 or 12, 60 - minutes) if late else _clocks(hour, minutes))


def _spoken_minutes(token: Token) -> int:
    """The minutes that are counted from a full hour; 0 for any other word."""
    if token.lower in {"quarter", "viertel"}:
        return 15
    minutes = int(token.values[0] * (60 if token.lower == "half" else 1)) if token.values else 0
    return minutes if minutes in {5, 10, 15, 20, 25, 30} else 0


def _hour(token: Token) -> int:
    """The hour that a numeral says; 0 if it says none."""
    hour = int(token.values[0]) if token.values else 0
    return hour if 1 <= hour <= 12 else 0


def _clocks(hour: int, minute: int) -> list[Clock]:
    return [Clock(value) for value in _readings(hour, minute, "")]


def _date_at(tokens: Sequence[Token], i: int, language: Language) -> Match | None:
    """A weekday, a day and a month, a month and a day, with or without a year."""
    end, weekday = i, _weekday(tokens, i, language)
    if weekday is not None:
        end = i + 1
        after = _skip(tokens, end, {",", "the", "den", "le", "el", "der", "."})
        end = after if _day_and_month(tokens, after, language)[2] > after else end
    day, month, stop = _day_and_month(tokens, end, language)
    if stop == end and weekday is None:
        return None
    year, end = _year_after(tokens, stop) if month else (None, stop)
    meanings = _valid(year, month, day) if year and day and weekday is None else [Day(year=year, month=month, day=day, weekday=weekday)]
    return _match("date", tokens, i, end, meanings) if meanings else None


def _year_after(tokens: Sequence[Token], i: int) -> tuple[int | None, int]:
    """The year at a place, after a comma or "of", and the token after it.

    `None` and the place itself where there is none.
    """
    after = _skip(tokens, i, {",", "of", "de", "del", "."})
    if after < len(tokens) and _is_year(tokens[after]):
        return int(tokens[after].values[0]), after + 1
    return None, i


def _range_start(tokens: Sequence[Token], i: int, language: Language) -> Match | None:
    """The first day of `4 to 8 April`, which has the month of the second."""
    if i + 3 >= len(tokens) or not _is_day(tokens[i]) or tokens[i + 1].lower not in RANGE:
        return None
    day, month, _ = _day_and_month(tokens, i + 2, language)
    if not (day and month and _is_day(tokens[i + 2])):
        return None
    return _match("date", tokens, i, i + 1, [Day(month=month, day=int(tokens[i].values[0]))])


def _range_end(tokens: Sequence[Token], first: Match) -> Match | None:
    """The last day of `April 4-8`."""
    end, meaning = first.end, first.mention.meanings[0]
    if end + 1 >= len(tokens) or not isinstance(meaning, Day) or not (meaning.month and meaning.day) or tokens[end].lower not in _TO:
        return None
    last = tokens[end + 1]
    named = end + 2 < len(tokens) and tokens[end + 2].is_word and tokens[end + 2].text[0].isupper()  # "4 April to 2 May"
    if not _is_day(last) or named:
        return None
    return _match("date", tokens, end + 1, end + 2, [Day(month=meaning.month, day=int(last.values[0]))])


def _day_and_month(tokens: Sequence[Token], i: int, language: Language) -> tuple[int | None, int | None, int]:
    """Day and month, and the token after them; the place itself where there are none."""
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
    """The month that a token names; `None` if it names none.

    Args:
        tokens: The tokens of a text.
        i: The token.
        language: Of the text.
        sure: Whether a day stands before it. Otherwise `May` and `March` need a capital, and in English something that tells a date.
    """
    if i >= len(tokens) or tokens[i].lower not in language.months:
        return None
    token = tokens[i]
    capital, unsure = token.text[0].isupper(), token.lower in _UNSURE_MONTHS
    inside = i > 0 and tokens[i - 1].is_word and token.lower == "may"  # in the middle of a sentence the verb has no capital
    english = capital and (not unsure or inside or _is_cued(tokens, i))
    named = english if language.code == "en" else capital or not unsure or language.code == "fr"
    return language.months[token.lower] if sure or named else None


def _is_cued(tokens: Sequence[Token], i: int) -> bool:
    """Whether figures follow, or a word such as "in" or "mid-" stands before."""
    dated = i + 1 < len(tokens) and bool(tokens[i + 1].values) and not tokens[i + 1].is_word
    before = next((token.lower for token in reversed(tokens[max(0, i - 2) : i]) if token.text != "-"), "")
    return dated or before in _CUES


def _weekday(tokens: Sequence[Token], i: int, language: Language) -> int | None:
    token = tokens[i]
    if language.code == "pt" and i + 2 < len(tokens) and tokens[i + 1].text == "-" and tokens[i + 2].lower == "feira":
        return language.weekdays.get(f"{token.lower}-feira")
    if token.lower not in language.weekdays:
        return None
    if token.lower in _UNSURE_DAYS and (not token.text[0].isupper() or (i == 0 and len(tokens) > 1 and not tokens[1].values)):
        return None
    return language.weekdays[token.lower]


def _year(tokens: Sequence[Token], i: int) -> Match | None:
    """A number that reads like a year, or a decade."""
    token = tokens[i]
    if not _is_year(token) or (i and tokens[i - 1].text in {"$", "€", "£", "#"}):
        return None
    value = token.values[0]
    return _match("date", tokens, i, i + 1, [Day(year=int(value)), Number(value)])


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
    """The place after at most so many of these words."""
    start = i
    while i < len(tokens) and i - start < most and tokens[i].lower in words:
        i += 1
    return i
