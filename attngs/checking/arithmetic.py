"""Is a figure of the reply the sum, the difference or the product of figures of the sources?

"Paint 120 euros, brushes 80" carries "200 euros in total". Asked only where the reply says that it has reckoned, or shows with what:
"73 adults and 11 children" of 84 guests. Years may always be reckoned: "opened in 2011, the other four years later" carries 2015.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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


def is_computed(claim: Mention, clause: Clause, said: Iterable[Mention], known: Iterable[Mention]) -> bool:
    """Whether a figure of the reply follows from figures of its sources.

    Args:
        claim: A figure of the reply that is not in the sources.
        clause: The clause that it is in.
        said: All figures of its sentence.
        known: The figures of the sources.
    """
    mentions = list(known)
    wanted = set(_values(claim.meanings))
    dated = any(isinstance(meaning, Day) for meaning in claim.meanings)
    if not dated and (
        _is_shown(wanted, [mention for mention in said if mention is not claim], mentions) or _is_time_between(claim, clause, mentions)
    ):
        return True
    if clause.words.isdisjoint(_RECKONING | _SHARING) and not any(isinstance(meaning, Day) and meaning.year for meaning in claim.meanings):
        return False
    operands = list(dict.fromkeys(value for mention in mentions if not mention.weak for value in _values(mention.meanings)))[:_MOST]
    shares = set[Fraction]() if clause.words.isdisjoint(_SHARING) else _shares(operands)
    return not wanted.isdisjoint(_results(operands) | shares)


def _is_shown(wanted: set[Fraction], said: Sequence[Mention], known: Sequence[Mention]) -> bool:
    """Whether a figure and another one of its sentence add up, or multiply, to a figure of the sources."""
    others = {value for mention in said for value in _values(mention.meanings)}
    totals = {value for mention in known for value in _values(mention.meanings) if value >= _LARGE}
    added = any(one + other in totals for one in wanted for other in others if one and other)
    return added or any(one * other in totals for one in wanted for other in others if other in _PARTS)


def _is_time_between(claim: Mention, clause: Clause, known: Sequence[Mention]) -> bool:
    """Whether a duration is what lies between two times of the sources, of day or of a race."""
    spans = {meaning.amount / 60 for meaning in claim.meanings if isinstance(meaning, Quantity) and meaning.dimension == "time"}
    times = {meaning.minute for mention in known for meaning in mention.meanings if isinstance(meaning, Clock)}
    return not spans.isdisjoint({abs(one - other) for one, other in combinations(times, 2)}) and not clause.words.isdisjoint(_RECKONING)


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
