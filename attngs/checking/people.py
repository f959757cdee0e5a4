"""Is every name in the sources, and do they say of it what the reply says of it?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from attngs.checking.figures import LIGHT, carried
from attngs.checking.language.clauses import Clause
from attngs.checking.language.languages import Language
from attngs.checking.language.names import USER, Name, same_name
from attngs.checking.language.wording import term
from attngs.checking.sources import SourceClause

_APPOSED = re.compile(r"[\s,.]*(?:(?:the|her|his|my|their|a|an|dr|mr|mrs|ms)\b[\s.]*)?", re.IGNORECASE)
_NEXT = 12  # characters between an owner and what is owned
_SHARE = 0.34  # of the weight of what is said that only clauses about somebody else hold
_REPORTING = frozenset(
    "said says told tells according suggested suggests asked asks mentioned explained thinks recommended advised advises".split()
)


class Subject(NamedTuple):
    """Somebody whom a clause of the reply names."""

    keys: tuple[str, ...]
    """All that it calls them: "Uncle Frank" is two."""
    first: bool
    """Whether the clause is said of them, not only with them in it."""


def names_of(clause: Clause, stems: frozenset[str], named: frozenset[str], language: Language | None) -> list[Name]:
    """The names of a clause of the reply.

    Args:
        clause: Of the reply.
        stems: Stems of the sources: a capital that opens a sentence is no name if the sources have the word.
        named: Keys of their names: such a capital is one if the sources have it.
        language: Of the clause.
    """
    return [
        name for name in clause.names if name.key in named or (name.sure and not (name.opens and term(name.key, language).stem in stems))
    ]


def unknown_names(
    names: Iterable[Name], stems: frozenset[str], words: frozenset[str], named: frozenset[str], language: Language | None
) -> list[Name]:
    """Names that the sources do not have in any form.

    A word of kin is unknown only where they have another.

    Args:
        names: Those of a clause of the reply.
        stems: Stems of the sources.
        words: Their words and the labels' in lower case.
        named: Keys of their names.
        language: Of the clause.
    """
    kin = any(key.startswith("@") and key != USER for key in named)
    return [
        name
        for name in names
        if name.key != USER
        and name.key not in words
        and term(name.key, language).stem not in stems
        and not any(same_name(name.key, other) for other in named)
        and (kin or not name.key.startswith("@"))
    ]


def subjects_of(text: str, clause: Clause, names: Sequence[Name], speakers: frozenset[str]) -> tuple[Subject, ...]:
    """Whom a clause names as those that it is about.

    An owner is not one of them where something of theirs is named too, nor is what stands behind "in" or "instead of".

    Args:
        text: The sentence that the clause is part of.
        clause: A clause of the reply.
        names: Its names.
        speakers: Words of the labels of all who speak in the sources: "the customer".
    """
    free = [name for name in names if not name.placed]
    own = [name for name in free if not name.owner] or free
    groups = list[list[Name]]()
    for name in own:
        if groups and _APPOSED.fullmatch(text, groups[-1][-1].end, name.start):
            groups[-1].append(name)
        else:
            groups.append([name])
    found = [Subject(tuple(name.key for name in group), first=group[0].first) for group in groups]
    return (*found, *(Subject((word,), first=True) for word in sorted(speakers & clause.words) if word not in {name.key for name in names}))


def misattributed(clause: Clause, subjects: Sequence[Subject], sources: Sequence[SourceClause]) -> str:
    """A name of which the sources do not say what the clause says; empty if there is none.

    They say it of somebody else.

    Args:
        clause: A clause of the reply.
        subjects: Whom it is about.
        sources: The clauses that it may come from.
    """
    reported = not clause.words.isdisjoint(_REPORTING)
    holding = [(source, shared) for source in sources if (shared := _anchors(clause, source.clause))]
    known = frozenset[object]().union(*(shared for _, shared in holding))
    everybody = frozenset[str]().union(*(source.about for source in sources))
    mentioned = [key for subject in subjects for key in subject.keys]
    for subject in subjects:
        if subject.keys == (USER,) and USER not in everybody:
            continue
        own = known.intersection(chain(*(shared for source, shared in holding if _may_be_of(subject, source, reported=reported))))
        others = (shared for source, shared in holding if _surely_another(source, mentioned, reported=reported, first=subject.first))
        foreign = frozenset(chain(*others)) - own - set(subject.keys)
        enough = foreign and _weight(foreign) >= _SHARE * _weight(known - set(subject.keys))
        if enough and not any(_points_at(subject, source) for source in sources):
            return subject.keys[0]
    return ""


def _anchors(clause: Clause, source: Clause) -> frozenset[object]:
    """What two clauses have in common: words, figures, and names but for the subject's."""
    figures = {mention.start for mention in clause.mentions if not mention.weak and carried(mention, source.figures)}
    named = {
        name.key
        for name in clause.names
        if not name.first and not name.owner and any(same_name(name.key, other.key) for other in source.names)
    }
    return ((clause.stems & source.stems) - LIGHT) | figures | named


def _weight(anchors: frozenset[object]) -> int:
    """Figures tell more than words."""
    return sum(2 if isinstance(anchor, int) else 1 for anchor in anchors)


def disowned(clause: Clause, names: Sequence[Name], sources: Sequence[SourceClause]) -> str:
    """An owner in the reply whose kin is somebody else's in the sources; empty if there is none.

    "Jo's dad" is unsupported where Ann says "my dad".
    """
    for owner, kin in pairwise(names):
        if not (owner.owner and kin.key.startswith("@") and 0 < kin.start - owner.end < _NEXT):
            continue
        related = [source for source in sources if any(name.key == kin.key for name in source.clause.names)]
        others = [source for source in related if source.speaker and source.clause.first_person and not source.clause.third_person]
        if others and len(others) == len(related) and not any(_is_about(owner.key, source.speaker | source.about) for source in others):
            return owner.key.removeprefix("@")
    return ""


def _is_about(subject: str, about: frozenset[str]) -> bool:
    return any(same_name(subject, name) for name in about)


def _may_be_of(subject: Subject, source: SourceClause, *, reported: bool) -> bool:
    """Whether a source clause may be about a subject, or reports what the subject says."""
    about = (source.about if subject.first else source.around) | (source.speaker if reported else frozenset())
    return any(_is_about(key, about) for key in subject.keys)


def _points_at(subject: Subject, source: SourceClause) -> bool:
    """Whether a source clause says "it" or "that" of a subject: what was said before may be meant."""
    return source.clause.points and any(_is_about(key, source.surely) for key in subject.keys)


def _surely_another(source: SourceClause, mentioned: Sequence[str], *, reported: bool, first: bool) -> bool:
    """Whether a source clause is about somebody whom the reply's clause does not name.

    The user is told apart only from a subject.
    """
    surely = source.surely or (source.speaker if reported else frozenset())
    others = surely if first else surely - {USER}
    return bool(others) and not any(_is_about(name, surely) for name in mentioned)
