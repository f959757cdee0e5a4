"""Is every name in the evidence, and is what is said of it said of it there?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attngs.checks.figures import LIGHT, carried
from attngs.claims.clauses import Clause
from attngs.claims.names import USER, Name, same_name
from attngs.claims.wording import term
from attngs.evidence import SourceClause

_SHARE = 0.34  # of the weight of what is said that only clauses about somebody else hold


def names_of(clause: Clause, stems: frozenset[str]) -> list[Name]:
    """The names of a clause of the reply; a capital that opens a sentence is none if the evidence has the word."""
    return [name for name in clause.names if name.sure and not (name.opens and term(name.key, None).stem in stems)]


def unknown_names(names: Iterable[Name], stems: frozenset[str], words: frozenset[str], named: frozenset[str]) -> list[Name]:
    """Names that the evidence does not have in any form. A word of kin is unknown only where the evidence has another.

    Args:
        names: Those of a clause of the reply.
        stems: Stems of the evidence: a capital may be no name at all.
        words: Its words and the labels' in lower case.
        named: Keys of its names.
    """
    kin = any(key.startswith("@") and key != USER for key in named)
    return [
        name
        for name in names
        if name.key != USER
        and name.key not in words
        and term(name.key, None).stem not in stems
        and not any(same_name(name.key, other) for other in named)
        and (kin or not name.key.startswith("@"))
    ]


def misattributed(clause: Clause, subjects: Sequence[str], sources: Sequence[SourceClause]) -> str:
    """A name of which the sources do not say what the clause says of it, though they say it of another; empty if there is none.

    Args:
        clause: A clause of the reply.
        subjects: Names in it, or where it has none those that its pronoun stands for.
        sources: The clauses that it may come from.
    """
    holding = [(source, shared) for source in sources if (shared := _anchors(clause, source.clause))]
    known = frozenset[object]().union(*(shared for _, shared in holding))
    everybody = frozenset[str]().union(*(source.about for source in sources))
    for subject in subjects:
        if subject == USER and USER not in everybody:
            continue
        own = frozenset[object]().union(*(shared for source, shared in holding if _is_about(subject, source.about)))
        foreign = known - own
        if not foreign or len(foreign) < _SHARE * len(known):
            continue
        others = [source for source, shared in holding if shared & foreign]
        if all(_surely_another(source, subject, subjects) for source in others):
            return subject
    return ""


def _anchors(clause: Clause, source: Clause) -> frozenset[object]:
    """What two clauses have in common: words, and figures."""
    words = {word.stem for word in clause.said} & {word.stem for word in source.said} - LIGHT
    figures = {mention.start for mention in clause.mentions if not mention.weak and carried(mention, source.mentions)}
    return frozenset(words | figures)


def _is_about(subject: str, about: frozenset[str]) -> bool:
    return any(same_name(subject, name) for name in about)


def _surely_another(source: SourceClause, subject: str, subjects: Sequence[str]) -> bool:
    """Whether a clause is about somebody whom the reply's clause does not name."""
    others = source.surely - {USER} if subject == USER else source.surely
    return bool(others) and not any(_is_about(name, source.surely) for name in subjects)
