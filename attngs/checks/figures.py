"""Is a figure in the evidence, in any spelling, with its unit, and of the same thing?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attngs.claims.clauses import Clause
from attngs.claims.mentions import Clock, Contact, Day, Mention, Number, Quantity, Rate, Reading
from attngs.claims.wording import term
from attngs.evidence import SourceClause

LIGHT = frozenset("be have do go get make take come put use need want know think feel see say tell thing time day year week".split())
"""Words that say little of what they stand beside."""


def carried(claim: Mention, sources: Sequence[Mention]) -> bool:
    """Whether any reading of the claim is what the sources say."""
    readings = [reading for source in sources for reading in source.readings]
    return any(_carries(reading, readings) for reading in claim.readings)


def carried_nearby(claim: Mention, sources: Sequence[Mention]) -> bool:
    """`carried` by a neighbour, where a bare number must be a bare number: "three pumps" does not come from "three weeks"."""
    if claim.kind != "number":
        return carried(claim, sources)
    return carried(claim, [source for source in sources if source.kind == "number"])


def _carries(claim: Reading, sources: Sequence[Reading]) -> bool:
    if claim in sources:
        return True
    if isinstance(claim, Day):
        return _carries_day(claim, [source for source in sources if isinstance(source, Day)])
    if isinstance(claim, Quantity):
        return any(_same_quantity(claim, source) for source in sources)
    if isinstance(claim, Clock):
        return any(_same_clock(claim, source) for source in sources)
    if isinstance(claim, Number):
        return any(_same_number(claim, source) for source in sources)
    if isinstance(claim, Rate):
        return False
    return any(isinstance(source, Contact) and len(claim.key) > 6 and source.key.endswith(claim.key) for source in sources)


def _same_quantity(claim: Quantity, source: Reading) -> bool:
    if isinstance(source, Quantity):
        return claim.dimension == source.dimension and claim.amount == source.amount
    if isinstance(source, Clock) and claim.dimension == "time":
        return source.minute % 720 == claim.amount / 60 % 720  # "à 15 h"
    if not isinstance(source, Number):
        return False
    return claim.written == source.value or (claim.dimension == "share" and claim.amount == 100 * source.value)  # its unit may go unsaid


def _same_number(claim: Number, source: Reading) -> bool:
    if isinstance(source, Quantity):
        return claim.value == source.written or (source.dimension == "share" and claim.value * 100 == source.amount)
    if isinstance(source, Clock):  # "at eleven"
        return source.minute % 60 == 0 and claim.value in {source.minute // 60, source.minute // 60 % 12 or 12}
    return isinstance(source, Number) and claim.value == source.value


def _same_clock(claim: Clock, source: Reading) -> bool:
    if isinstance(source, Number):
        return claim.minute % 60 == 0 and source.value in {claim.minute // 60, claim.minute // 60 % 12 or 12}
    return isinstance(source, Quantity) and source.dimension == "time" and source.amount == claim.minute * 60


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


def miscounts(claim: Mention, clauses: Iterable[SourceClause]) -> bool:
    """Whether it is the number of a quantity that is not in the evidence; else the unit is."""
    written = {_plain(reading) for reading in claim.readings} - {None}
    found = {_plain(reading) for clause in clauses for mention in clause.clause.mentions for reading in mention.readings}
    return bool(written) and written.isdisjoint(found)


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
    return bool(counts) and not carried(claim, counts)


def misplaced(claim: Mention, clause: Clause, sources: Sequence[SourceClause]) -> bool:
    """Whether a figure is in the evidence, but of something else, and what it is said of has another.

    Args:
        claim: A figure of the reply that the evidence carries.
        clause: Where it stands.
        sources: The evidence.
    """
    said = {word.stem for word in clause.said} - LIGHT
    holding = [(source, said & {word.stem for word in source.clause.said}) for source in sources]
    with_figure = [shared for source, shared in holding if carried(claim, source.clause.mentions)]
    known = frozenset[str]().union(*(shared for _, shared in holding))
    foreign = known - frozenset[str]().union(*with_figure)
    if not with_figure or not foreign or 2 * len(foreign) < len(known):
        return False
    return all(_has_another(claim, clause, source.clause) for source, shared in holding if shared & foreign)


def _has_another(claim: Mention, clause: Clause, source: Clause) -> bool:
    """Whether a source clause has a figure of this kind that the reply's clause does not have, and not this one."""
    kinds = {type(reading) for reading in claim.readings}
    same = [mention for mention in source.mentions if not mention.weak and kinds & {type(reading) for reading in mention.readings}]
    return bool(same) and not carried(claim, source.mentions) and not any(carried(mention, clause.mentions) for mention in same)
