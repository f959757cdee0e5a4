"""Is a figure of the reply the sum, the difference or the product of figures of the sources?

"Paint 120 euros, brushes 80" carries "200 euros in total". Asked only where the reply says that it has reckoned, and of years:
"opened in 2011, the other four years later" carries 2015.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations

from attngs.checking.language.clauses import Clause
from attngs.checking.language.mentions import Day, Meaning, Mention, Number, Quantity

_RECKONING = frozenset(
    "total totals totalling altogether combined together sum sums overall all leaves leaving left remaining remain remains difference "
    "more less fewer extra saves saved saving comes adds up lived aged age twice double after still not alive survived missing "
    "outstanding unsold unsent yet old older younger later earlier".split()
)
_MOST = 12  # figures that are tried with each other
_ADDENDS = 4


def is_computed(claim: Mention, clause: Clause, known: Iterable[Mention]) -> bool:
    """Whether a figure of the reply follows from figures of its sources.

    Args:
        claim: A figure of the reply that is not in the sources.
        clause: The clause that it is in.
        known: The figures of the sources.
    """
    if clause.words.isdisjoint(_RECKONING) and not any(isinstance(meaning, Day) and meaning.year for meaning in claim.meanings):
        return False
    operands = list(dict.fromkeys(value for mention in known if not mention.weak for value in _values(mention.meanings)))[:_MOST]
    wanted = set(_values(claim.meanings))
    return not wanted.isdisjoint(_results(operands))


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
