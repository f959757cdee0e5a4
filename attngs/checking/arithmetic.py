"""Does a figure of the reply follow from figures of the sources?

"Paint 120 euros, brushes 80" carries "200 euros in total". Sums, differences, products and shares are tried where the reply says that it
has reckoned, or shows with what: "73 adults and 11 children" of 84 guests. Years may always be reckoned, and times and days be moved by
a duration that the sources name: "a week before 31 July" carries 24 July.
"""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations

from attngs.checking.language.clauses import Clause
from attngs.checking.language.mentions import Clock, Day, Meaning, Mention, Number, Quantity

_RECKONING = frozenset(
    "total totals totalling altogether combined together sum sums overall all leaves leaving left remaining remain remains difference "
    "more less fewer extra saves saved saving comes adds up lived aged age twice double after still not alive survived missing "
    "outstanding unsold unsent yet old older younger later earlier faster slower longer shorter".split()
)
_SHARING = frozenset("each apiece half split shared per".split())
_MOST = 12  # figures that are tried with each other
_ADDENDS = 4
_LARGE = 20  # from here on it is no coincidence that figures add up
_PARTS = range(2, 13)  # into how many equal parts things are divided
_COMMON_YEAR = 2023  # for days without a year
_DAY = 24 * 60  # minutes
_YEAR = 365


def is_computed(claim: Mention, clause: Clause, said: Sequence[Mention], known: Sequence[Mention]) -> bool:
    """Whether a figure of the reply follows from figures of its sources.

    Args:
        claim: A figure of the reply that is not in the sources.
        clause: The clause that it is in.
        said: All figures of its sentence.
        known: The figures of the sources.
    """
    return (
        _is_reckoned(claim, clause, known) or _is_shown(claim, said, known) or _is_moved(claim, known) or _is_between(claim, clause, known)
    )


def _is_reckoned(claim: Mention, clause: Clause, known: Sequence[Mention]) -> bool:
    """Whether it is a result, and the reply says that it has reckoned or shared."""
    shares = not clause.words.isdisjoint(_SHARING)
    if not (shares or not clause.words.isdisjoint(_RECKONING) or any(isinstance(one, Day) and one.year for one in claim.meanings)):
        return False
    operands = list(dict.fromkeys(value for mention in known if not mention.weak for value in _values(mention.meanings)))[:_MOST]
    return not set(_values(claim.meanings)).isdisjoint(_results(operands) | (_shares(operands) if shares else set()))


def _is_shown(claim: Mention, said: Sequence[Mention], known: Sequence[Mention]) -> bool:
    """Whether it and another figure of its sentence add up, or multiply, to a figure of the sources."""
    if any(isinstance(meaning, Day) for meaning in claim.meanings):
        return False
    others = {value for mention in said if mention is not claim for value in _values(mention.meanings) if value}
    totals = {value for mention in known for value in _values(mention.meanings) if value >= _LARGE}
    pairs = [(one, other) for one in _values(claim.meanings) if one for other in others]
    added = any(one + other in totals for one, other in pairs)
    return added or any(one * other in totals or one / other in totals for one, other in pairs if other in _PARTS)


def _is_moved(claim: Mention, known: Sequence[Mention]) -> bool:
    """Whether a time or a day is one of the sources, earlier or later by a duration of theirs."""
    meanings = [meaning for mention in known for meaning in mention.meanings]
    spans = [meaning for meaning in meanings if isinstance(meaning, Quantity)][:_MOST]
    moved = {moment for meaning in meanings[:_MOST] for span in spans for moment in _moved(meaning, span)}
    return any(isinstance(meaning, Clock | Day) and _undated(meaning) in moved for meaning in claim.meanings)


def _moved(meaning: Meaning, span: Quantity) -> Iterator[Meaning]:
    """A time or a day, moved back and on."""
    for step in (-span.amount, span.amount):
        if isinstance(meaning, Clock) and span.dimension == "time":
            yield Clock(int(meaning.minute + step / 60) % _DAY)
        elif isinstance(meaning, Day) and meaning.month and span.dimension == "months" and step.denominator == 1:
            month = (meaning.month + int(step) - 1) % 12 + 1
            yield from (Day(month=month), Day(month=month, day=meaning.day))
        elif isinstance(meaning, Day) and meaning.month and meaning.day and span.dimension == "time":
            yield from _days_from(meaning.month, meaning.day, step / (60 * _DAY))


def _days_from(month: int, day: int, days: Fraction) -> Iterator[Day]:
    """The day so many days after another; none for a day that no common year has."""
    if days.denominator == 1 and abs(days) <= _YEAR and day <= monthrange(_COMMON_YEAR, month)[1]:
        moved = date(_COMMON_YEAR, month, day) + timedelta(days=int(days))
        yield Day(month=moved.month, day=moved.day)


def _undated(meaning: Clock | Day) -> Meaning:
    """A day without year and weekday."""
    return Day(month=meaning.month, day=meaning.day) if isinstance(meaning, Day) else meaning


def _is_between(claim: Mention, clause: Clause, known: Sequence[Mention]) -> bool:
    """Whether a duration is what lies between two times of the sources, of the day or of a race."""
    spans = {meaning.amount / 60 for meaning in claim.meanings if isinstance(meaning, Quantity) and meaning.dimension == "time"}
    times = [meaning.minute for mention in known for meaning in mention.meanings if isinstance(meaning, Clock)][:_MOST]
    return not clause.words.isdisjoint(_RECKONING) and not spans.isdisjoint({abs(one - other) for one, other in combinations(times, 2)})


def _values(meanings: Iterable[Meaning]) -> Iterable[Fraction]:
    """Numbers, quantities in the unit as written, and years."""
    for meaning in meanings:
        if isinstance(meaning, Number):
            yield meaning.value
        elif isinstance(meaning, Quantity):
            yield meaning.written
        elif isinstance(meaning, Day) and meaning.year:
            yield Fraction(meaning.year)


def _results(operands: list[Fraction]) -> set[Fraction]:
    found = {sum(group, Fraction()) for size in range(2, _ADDENDS + 1) for group in combinations(operands, size)}
    found |= {abs(one - other) for one, other in combinations(operands, 2)}
    found |= {math.prod(pair, start=Fraction(1)) for pair in combinations(operands, 2)}
    return found


def _shares(operands: list[Fraction]) -> set[Fraction]:
    """Equal parts: halves, and as many as a source names."""
    return {one / parts for one in operands for parts in (Fraction(2), *operands) if parts in _PARTS}
