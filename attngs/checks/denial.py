"""Does the sentence deny what the evidence affirms, or affirm what it denies?"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.claims.clauses import Clause, Said
from attngs.evidence import SourceClause

_NEAR = 0.6  # of the best clause's shared words, so that a clause counts as what the reply's clause is about


def flipped(clause: Clause, sources: Sequence[SourceClause]) -> str:
    """A word that the clause and all source clauses that are most like it have with opposite signs; empty if there is none."""
    shared = [(source.clause, _shared(clause, source.clause)) for source in sources]
    most = max((weight for _, weight in shared), default=0)
    near = [source for source, weight in shared if weight and (weight >= _NEAR * most or _repeated(clause, source))]
    clashes = [_clash(clause, source) for source in near]
    return clashes[0] if clashes and all(clashes) else ""


def _shared(clause: Clause, source: Clause) -> float:
    stems = {word.stem for word in source.said}
    names = {name.key for name in source.names}
    readings = {reading for mention in source.mentions for reading in mention.readings}
    return (
        len({word.stem for word in clause.said} & stems)
        + len({name.key for name in clause.names} & names)
        + sum(not readings.isdisjoint(mention.readings) for mention in clause.mentions)
    )


def _repeated(clause: Clause, source: Clause) -> bool:
    """Whether all that a denial says stands in the reply's clause."""
    return source.denies and bool(source.said) and {word.stem for word in source.said} <= {word.stem for word in clause.said}


def _clash(clause: Clause, source: Clause) -> str:
    """A word of the clause that the source has with the other sign."""
    theirs = {word.stem: word for word in source.said}
    pairs = [(word, theirs[word.stem]) for word in clause.said if word.stem in theirs]
    opposed = [(mine, other) for mine, other in pairs if mine.polarity * other.polarity < 0]
    for mine, other in opposed:
        if not source.denies and mine.focus and _told(clause.said, theirs):
            return mine.text
        if not clause.denies and other.focus:
            return mine.text
        if mine.focus and other.focus:
            return mine.text
    return ""


def _told(said: Sequence[Said], theirs: dict[str, Said]) -> bool:
    """Whether the source has more than half of what a denial is about: "does not eat meat" does not deny "I eat eggs"."""
    focus = [word.stem in theirs for word in said if word.focus]
    return 2 * sum(focus) > len(focus)
