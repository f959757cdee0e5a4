"""Is a figure in the sources, in any spelling, with its unit, and of the same thing?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from attngs.checking.language.clauses import Clause
from attngs.checking.language.mentions import Clock, Contact, Day, Figures, Meaning, Mention, Number, Quantity
from attngs.checking.language.wording import term
from attngs.checking.sources import SourceClause

_WEEKDAY = Day._fields.index("weekday")
_LONG = 6  # signs of a contact of which the end is enough: a phone number without its country
LIGHT = frozenset("be have do go get make take come put use need want know think feel see say tell thing time day year week".split())
"""Words that say little of what they stand beside."""


def carried(claim: Mention, known: Figures) -> bool:
    """Whether any meaning of the claim is what the sources say."""
    return any(_carries(meaning, known) for meaning in claim.meanings)


def carried_nearby(claim: Mention, known: Figures) -> bool:
    """Whether the neighbours of the sources carry a claim.

    There a bare number must be a bare number: "three pumps" does not come from "three weeks".
    """
    if claim.kind != "number":
        return carried(claim, known)
    return any(meaning in known.exact for meaning in claim.meanings)


def miscounts(claim: Mention, known: Figures) -> bool:
    """Whether the number of a quantity is not in the sources; otherwise its unit is not."""
    written = {_plain(meaning) for meaning in claim.meanings} - {None}
    return bool(written) and written.isdisjoint(known.written) and written.isdisjoint(known.numbers)


def counted_stem(word: str) -> str:
    """The stem of what a number counts."""
    return term(word, None).stem


def misplaced(claim: Mention, clause: Clause, sources: Sequence[SourceClause]) -> bool:
    """Whether the sources say a figure of something else.

    What the reply says it of has another figure there.

    Args:
        claim: A figure of the reply that is in the sources.
        clause: The clause of the reply that it is in.
        sources: The clauses of the sources.
    """
    said = clause.stems - LIGHT
    holding = [(source.clause, said & source.clause.stems) for source in sources if not source.clause.question]
    with_figure = [shared for source, shared in holding if carried(claim, source.figures)]
    known = frozenset[str]().union(*(shared for _, shared in holding))
    foreign = known.difference(*with_figure)
    if not with_figure or not foreign or 2 * len(foreign) < len(known) or clause.denies:  # "nothing is chosen for June", which is open
        return False
    named = {name.key for name in clause.names}
    if any(named & {name.key for name in source.clause.names} and carried(claim, source.clause.figures) for source in sources):
        return False
    return all(_has_another(claim, clause, source) for source, shared in holding if shared & foreign)


def _has_another(claim: Mention, clause: Clause, source: Clause) -> bool:
    """Whether a source clause has another figure of this kind, and not this one.

    A figure that the reply's clause has too does not count.
    """
    kinds = set(map(_kind, claim.meanings))
    same = [mention for mention in source.mentions if not mention.weak and kinds & set(map(_kind, mention.meanings))]
    return bool(same) and not carried(claim, source.figures) and not any(carried(mention, clause.figures) for mention in same)


def _kind(meaning: Meaning) -> object:
    """What figures that may take each other's place have in common: kilos do not stand for weeks."""
    if not isinstance(meaning, Quantity):
        return type(meaning)
    return "time" if meaning.dimension == "months" else meaning.dimension


def _carries(claim: Meaning, known: Figures) -> bool:
    if claim in known.exact:
        return True
    if isinstance(claim, Day):
        return _carries_day(claim, known.days)
    if isinstance(claim, Quantity):
        return _carries_quantity(claim, known)
    if isinstance(claim, Clock):
        return _carries_clock(claim, known)
    if isinstance(claim, Number):
        return claim.value in known.written or 100 * claim.value in known.shares or claim.value in known.hours  # "at eleven"
    return isinstance(claim, Contact) and len(claim.key) > _LONG and any(other.endswith(claim.key) for other in known.contacts)


def _carries_day(claim: Day, days: Sequence[Day]) -> bool:
    """Whether one date of the sources agrees in what both say.

    The rest of the claim must stand in other dates.
    """
    stated = [place for place, part in enumerate(claim) if part is not None]
    elsewhere = {place for place in stated if any(day[place] == claim[place] for day in days)}
    if claim.day:
        elsewhere.add(_WEEKDAY)  # a date says which weekday it is
    for day in days:
        shared = {place for place in stated if day[place] is not None}
        agrees = all(day[place] == claim[place] for place in shared)
        if shared and agrees and elsewhere.issuperset(set(stated) - shared):
            return True
    return False


def _carries_quantity(claim: Quantity, known: Figures) -> bool:
    """Its unit may go without saying; "15 h" may be a time of day."""
    if (claim.dimension, claim.amount) in known.amounts or claim.written in known.numbers:
        return True
    if claim.dimension == "share" and claim.amount / 100 in known.numbers:
        return True
    return claim.dimension == "time" and claim.amount / 3600 in known.hours


def _carries_clock(claim: Clock, known: Figures) -> bool:
    """A full hour may be a bare number or a duration: "at 3", "à 15 h"."""
    hours = {claim.minute // 60, claim.minute // 60 % 12 or 12} if claim.minute % 60 == 0 else set[int]()
    return not hours.isdisjoint(known.numbers) or ("time", Fraction(60 * claim.minute)) in known.amounts


def _plain(meaning: Meaning) -> Fraction | None:
    """The number of a meaning, as written."""
    if isinstance(meaning, Quantity):
        return meaning.written
    return meaning.value if isinstance(meaning, Number) else None
