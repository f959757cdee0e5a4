"""Is every name in the evidence, and is what is said of it said of it there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attngs.claims.clauses import Clause
from attngs.claims.names import Name, same_name
from attngs.evidence import SourceClause

_SHARE = 0.34  # of the weight of what is said that only clauses about somebody else hold
LIGHT = frozenset("be have do go get make take come put use need want know think feel see say tell thing time day year week".split())
"""Words that say little of whom they stand beside."""


def unknown_names(clause: Clause, stems: frozenset[str], words: frozenset[str], named: frozenset[str]) -> list[Name]:
    """Names that the evidence does not have in any form.

    Args:
        clause: A clause of the reply.
        stems: Stems of the evidence: a capital may be no name at all.
        words: Its words and the labels' in lower case.
        named: Keys of its names.
    """
    return [
        name
        for name in clause.names
        if name.sure and name.key not in words and name.key not in stems and not any(same_name(name.key, other) for other in named)
    ]


def misattributed(clause: Clause, subjects: Sequence[str], sources: Iterable[SourceClause]) -> str:
    """A name of which the sources do not say what the clause says of it, though they say it of another; empty if there is none.

    Args:
        clause: A clause of the reply.
        subjects: Names in it, or where it has none those that its pronoun stands for.
        sources: The clauses that it may come from.
    """
    said = {word.stem for word in clause.said} - LIGHT
    holding = [(source, said & {word.stem for word in source.clause.said}) for source in sources]
    holding = [(source, shared) for source, shared in holding if shared]
    known = frozenset[str]().union(*(shared for _, shared in holding))
    for subject in subjects:
        own = frozenset[str]().union(*(shared for source, shared in holding if _is_about(subject, source.about)))
        foreign = known - own
        if not foreign or len(foreign) < _SHARE * len(known):
            continue
        others = [source for source, shared in holding if shared & foreign]
        if all(_surely_another(source, subjects) for source in others):
            return subject
    return ""


def _is_about(subject: str, about: frozenset[str]) -> bool:
    return any(same_name(subject, name) for name in about)


def _surely_another(source: SourceClause, subjects: Sequence[str]) -> bool:
    """Whether a clause is about somebody whom the reply's clause does not name."""
    return bool(source.surely) and not any(_is_about(subject, source.surely) for subject in subjects)
