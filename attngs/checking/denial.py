"""Does the sentence deny what the evidence affirms, or affirm what it denies?"""

from __future__ import annotations

from collections.abc import Container, Sequence

from attngs.checking.language.clauses import Clause, Said
from attngs.checking.sources import SourceClause

_NEAR = 0.6  # of the best clause's shared words, so that a clause counts as what the reply's clause is about


def flipped(clause: Clause, sources: Sequence[SourceClause]) -> str:
    """A word that a source clause like the clause has with the opposite sign, and none with the same; empty if there is none."""
    shared = [(source.clause, _shared(clause, source.clause)) for source in sources]
    most = max((weight for _, weight in shared), default=0)
    near = [source for source, weight in shared if weight and (weight >= _NEAR * most or _repeated(clause, source))]
    known = {word.stem for source in near for word in source.said}
    for source in near:
        clash = _clash(clause, source, known)
        if clash and not any(_agrees(clash, other) for other in near) and not (clash.polarity < 0 and _explained(clause, source, near)):
            return clash.text
    return ""


def _agrees(mine: Said, source: Clause) -> bool:
    return any(word.stem == mine.stem and word.polarity * mine.polarity >= 0 for word in source.said)


def _explained(clause: Clause, clashing: Clause, near: Sequence[Clause]) -> bool:
    """Whether what the clause denies comes from another source clause that is as much like it and denies something."""
    weight = _shared(clause, clashing)
    return any(source.denies and source is not clashing and _shared(clause, source) >= weight for source in near)


def _shared(clause: Clause, source: Clause) -> float:
    stems = {word.stem for word in source.said}
    names = {name.key for name in source.names}
    return (
        len({word.stem for word in clause.said} & stems)
        + len({name.key for name in clause.names} & names)
        + sum(not source.figures.exact.isdisjoint(mention.readings) for mention in clause.mentions)
    )


def _repeated(clause: Clause, source: Clause) -> bool:
    """Whether all that a denial says stands in the reply's clause."""
    return source.denies and bool(source.said) and {word.stem for word in source.said} <= {word.stem for word in clause.said}


def _clash(clause: Clause, source: Clause, known: Container[str]) -> Said | None:
    """A word of the clause that the source has with the other sign, where both are sure."""
    signs: dict[str, list[Said]] = {}
    for word in source.said:
        signs.setdefault(word.stem, []).append(word)
    for mine in clause.said:
        theirs = signs.get(mine.stem, [])
        if not theirs or any(mine.polarity * other.polarity >= 0 for other in theirs):
            continue
        focus = any(other.focus for other in theirs)
        if mine.focus and (focus or _told(clause, source, known)):
            return mine
        if focus and (any(other.head for other in theirs) or _affirmed(clause, source)):
            return mine
    return None


def _told(clause: Clause, source: Clause, known: Container[str]) -> bool:
    """Whether the evidence has what is denied, its last word or most of it: "does not eat meat" does not deny "I eat eggs"."""
    denied = [word.stem in known for word in clause.said if word.polarity < 0]
    whole = {word.stem for word in source.said} <= {word.stem for word in clause.said}
    return bool(denied) and (denied[-1] or 2 * sum(denied) > len(denied) or whole)


def _affirmed(clause: Clause, source: Clause) -> bool:
    """Whether the clause affirms all that a denial of the source is about."""
    said = {word.stem for word in clause.said if word.polarity > 0}
    return {word.stem for word in source.said if word.focus} <= said
