"""Is a figure in the evidence, in any spelling, with its unit, and of the same thing?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attngs.claims.mentions import Clock, Contact, Day, Mention, Number, Quantity, Reading
from attngs.claims.wording import term
from attngs.evidence import SourceClause


def carried(claim: Mention, sources: Sequence[Mention]) -> bool:
    """Whether any reading of the claim is what the sources say."""
    readings = [reading for source in sources for reading in source.readings]
    return any(_carries(reading, readings) for reading in claim.readings)


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
    return any(isinstance(source, Contact) and len(claim.key) > 6 and source.key.endswith(claim.key) for source in sources)


def _same_quantity(claim: Quantity, source: Reading) -> bool:
    if isinstance(source, Quantity):
        return claim.dimension == source.dimension and claim.amount == source.amount
    if isinstance(source, Clock) and claim.dimension == "time":
        return source.minute % 720 == claim.amount / 60 % 720  # "à 15 h"
    return isinstance(source, Number) and claim.written == source.value  # the unit goes without saying


def _same_number(claim: Number, source: Reading) -> bool:
    if isinstance(source, Quantity):
        return claim.value == source.written or (source.dimension == "share" and claim.value * 100 == source.amount)
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


def near(number: Mention, clauses: Iterable[SourceClause]) -> bool:
    """Whether the figure stands anywhere with another unit: then it is the unit that changed."""
    written = {_plain(reading) for reading in number.readings} - {None}
    return any(_plain(reading) in written for clause in clauses for mention in clause.clause.mentions for reading in mention.readings)


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


def misplaced(claim: Mention, anchors: frozenset[str], sources: Sequence[SourceClause]) -> bool:
    """Whether the figure is in the evidence, but of something else, and what it is said of has another.

    Args:
        claim: A figure of the reply that the evidence carries.
        anchors: Stems of what it is said of.
        sources: The evidence.
    """
    holding = [(source, anchors & {word.stem for word in source.clause.said}) for source in sources]
    with_figure = [shared for source, shared in holding if carried(claim, source.clause.mentions)]
    known = frozenset[str]().union(*(shared for _, shared in holding))
    foreign = known - frozenset[str]().union(*with_figure)
    if not foreign or not with_figure:
        return False
    others = [source for source, shared in holding if shared & foreign]
    return all(_has_another(claim, source) for source in others)


def _has_another(claim: Mention, source: SourceClause) -> bool:
    """Whether a clause has a figure of this kind, and not this one."""
    kinds = {type(reading) for reading in claim.readings}
    same = [mention for mention in source.clause.mentions if not mention.weak and kinds & {type(reading) for reading in mention.readings}]
    return bool(same) and not carried(claim, source.clause.mentions)
