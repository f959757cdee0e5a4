"""Is a figure in the evidence, in any spelling, with its unit, and of the same thing?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from attngs.checking.language.clauses import Clause
from attngs.checking.language.mentions import Clock, Contact, Day, Figures, Mention, Number, Quantity, Reading
from attngs.checking.language.wording import term
from attngs.checking.sources import SourceClause

_LONG = 6  # signs of a number of which the end is enough: one without its country
LIGHT = frozenset("be have do go get make take come put use need want know think feel see say tell thing time day year week".split())
"""Words that say little of what they stand beside."""


def carried(claim: Mention, *sources: Figures) -> bool:
    """Whether any reading of the claim is what one of the sources says."""
    return any(_carries(reading, source) for source in sources for reading in claim.readings)


def carried_nearby(claim: Mention, source: Figures) -> bool:
    """`carried` by neighbours, where a bare number must be a bare number: "three pumps" does not come from "three weeks"."""
    if claim.kind != "number":
        return carried(claim, source)
    return any(reading in source.exact for reading in claim.readings)


def _carries(claim: Reading, source: Figures) -> bool:
    if claim in source.exact:
        return True
    if isinstance(claim, Day):
        return _carries_day(claim, source.days)
    if isinstance(claim, Quantity):
        return _carries_quantity(claim, source)
    if isinstance(claim, Clock):
        hours = {claim.minute // 60, claim.minute // 60 % 12 or 12} if claim.minute % 60 == 0 else set()
        return not hours.isdisjoint(source.numbers) or ("time", Fraction(60 * claim.minute)) in source.amounts  # "at 3", "à 15 h"
    if isinstance(claim, Number):
        return claim.value in source.written or 100 * claim.value in source.shares or claim.value in source.hours  # "at eleven"
    return isinstance(claim, Contact) and len(claim.key) > _LONG and any(other.endswith(claim.key) for other in source.contacts)


def _carries_quantity(claim: Quantity, source: Figures) -> bool:
    """Its unit may go without saying; "15 h" may be a time of day."""
    if (claim.dimension, claim.amount) in source.amounts or claim.written in source.numbers:
        return True
    if claim.dimension == "share" and claim.amount / 100 in source.numbers:
        return True
    return claim.dimension == "time" and claim.amount / 3600 in source.hours


def _carries_day(claim: Day, sources: Sequence[Day]) -> bool:
    """Whether one date of the sources agrees in what both say, and the rest of the claim stands in others."""
    for source in sources:
        pairs = list(zip(claim, source, strict=True))
        if any(mine is not None and theirs is not None and mine != theirs for mine, theirs in pairs):
            continue
        shared = [mine for mine, theirs in pairs if mine is not None and theirs is not None]
        missing = [place for place, (mine, theirs) in enumerate(pairs) if mine is not None and theirs is None]
        if shared and all(any(other[place] == claim[place] for other in sources) or (place == 3 and claim.day) for place in missing):
            return True
    return False


def miscounts(claim: Mention, sources: Figures) -> bool:
    """Whether it is the number of a quantity that is not in the evidence; else the unit is."""
    written = {_plain(reading) for reading in claim.readings} - {None}
    return bool(written) and written.isdisjoint(source for source in (*sources.written, *sources.numbers))


def _plain(reading: Reading) -> object:
    if isinstance(reading, Quantity):
        return reading.written
    return reading.value if isinstance(reading, Number) else None


def miscounted(claim: Mention, sources: Iterable[Mention]) -> bool:
    """Whether the sources count the same thing, and never so many."""
    if not claim.counted or claim.kind != "number":
        return False
    counted = term(claim.counted, None).stem
    counts = [source for source in sources if source.counted and not source.weak and term(source.counted, None).stem == counted]
    return bool(counts) and not carried(claim, Figures.of(counts))


def misplaced(claim: Mention, clause: Clause, sources: Sequence[SourceClause]) -> bool:
    """Whether a figure is in the evidence, but of something else, and what it is said of has another.

    Args:
        claim: A figure of the reply that the evidence carries.
        clause: Where it stands.
        sources: The evidence.
    """
    said = {word.stem for word in clause.said} - LIGHT
    holding = [(source, said & {word.stem for word in source.clause.said}) for source in sources if not source.clause.question]
    with_figure = [shared for source, shared in holding if carried(claim, source.clause.figures)]
    known = frozenset[str]().union(*(shared for _, shared in holding))
    foreign = known - frozenset[str]().union(*with_figure)
    if not with_figure or not foreign or 2 * len(foreign) < len(known):
        return False
    return all(_has_another(claim, clause, source.clause) for source, shared in holding if shared & foreign)


def _has_another(claim: Mention, clause: Clause, source: Clause) -> bool:
    """Whether a source clause has a figure of this kind that the reply's clause does not have, and not this one."""
    kinds = {type(reading) for reading in claim.readings}
    same = [mention for mention in source.mentions if not mention.weak and kinds & {type(reading) for reading in mention.readings}]
    return bool(same) and not carried(claim, source.figures) and not any(carried(mention, clause.figures) for mention in same)
