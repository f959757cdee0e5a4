"""All questions, asked of one sentence of a reply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from attngs.checking.content import invented
from attngs.checking.denial import flipped
from attngs.checking.figures import carried, carried_nearby, miscounted, miscounts, misplaced
from attngs.checking.language.clauses import Clause
from attngs.checking.language.languages import Language
from attngs.checking.language.mentions import Figures, Mention
from attngs.checking.people import Subject, disowned, misattributed, names_of, subjects_of, unknown_names
from attngs.checking.sources import Evidence, SourceClause
from attngs.types import Claim

_FIRST_UNCASED = 0x3000  # kana, Han, Hangul


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One sentence of a reply with what it is checked against."""

    text: str
    language: Language | None
    clauses: Sequence[Clause]
    linked: Sequence[SourceClause]
    """Clauses of the linked sentences."""
    nearby: Sequence[SourceClause]
    """Those, and the clauses of their neighbours."""
    dated: Sequence[Mention]
    """Dates in the ids of their documents."""
    labels: frozenset[str]
    """Words of those ids, and of the speakers' labels."""
    speakers: frozenset[str]
    """Words of the labels of all who speak in those documents."""
    subjects: tuple[Subject, ...]
    """Whom the sentence before was about: what a pronoun may mean."""


def gather(
    evidence: Evidence,
    sources: Sequence[int],
    text: str,
    language: Language | None,
    clauses: Sequence[Clause],
    subjects: tuple[Subject, ...],
) -> Asked:
    """Read what a sentence is linked to."""
    around = dict.fromkeys(i for number in sources for i in (*evidence.before(number), *evidence.after(number)) if i not in sources)
    linked = [clause for number in sources for clause in evidence.clauses(number)]
    return Asked(
        text=text,
        language=language,
        clauses=clauses,
        linked=linked,
        nearby=[*linked, *(clause for number in around for clause in evidence.clauses(number))],
        dated=[mention for number in sources for mention in evidence.dated(number)],
        labels=frozenset(word for number in sources for word in evidence.label(number)),
        speakers=frozenset(word for number in sources for word in evidence.speakers(number)),
        subjects=subjects,
    )


def check_figures(asked: Asked) -> Iterator[Claim]:
    """Figures that are not there, are counted otherwise, or belong to something else."""
    linked = [mention for source in asked.linked for mention in source.clause.mentions]
    around = [mention for source in asked.nearby for mention in source.clause.mentions]
    known, nearby = Figures.of([*linked, *asked.dated]), Figures.of(around)
    for clause in asked.clauses:
        for mention in clause.mentions:
            if mention.weak:
                continue
            if not carried(mention, known) and not carried_nearby(mention, nearby):
                kind = "number" if mention.kind == "unit" and miscounts(mention, nearby) else mention.kind
                yield Claim(kind, asked.text[mention.start : mention.end])
            elif miscounted(mention, linked) or misplaced(mention, clause, asked.linked):
                yield Claim(mention.kind, asked.text[mention.start : mention.end])


def check_words(asked: Asked) -> Iterator[Claim]:
    """Names that are not there, statements about another, flipped signs, statements that nothing carries."""
    stems = frozenset(word.stem for source in asked.nearby for word in source.clause.said)
    words = frozenset(word for source in asked.nearby for word in source.clause.words) | asked.labels
    named = frozenset(name for source in asked.nearby for name in source.about)
    sure = frozenset(name.key for source in asked.nearby for name in source.clause.names if name.sure) | asked.speakers
    before = asked.subjects
    for clause in asked.clauses:
        names = names_of(clause, stems, sure, asked.language)
        unknown = unknown_names(names, stems, words, named, asked.language)
        yield from (Claim("name", asked.text[name.start : name.end]) for name in unknown)
        subjects = subjects_of(asked.text, clause, names, asked.speakers) or (before if clause.third_person or clause.elided else ())
        if not unknown and (somebody := misattributed(clause, subjects, asked.linked)):
            yield Claim("attribution", somebody.removeprefix("@"))
        if not unknown and (owner := disowned(clause, names, asked.nearby)):
            yield Claim("attribution", owner)
        before = subjects or before
        if word := flipped(clause, asked.linked):
            yield Claim("negation", word)
    if lost := invented(asked.clauses, stems | words):
        yield Claim("content", asked.text[lost[0].start : lost[-1].end])


def check_honorifics(asked: Asked) -> Iterator[Claim]:
    """Names before an honorific, which need no language to be known."""
    named = frozenset(name.key for source in asked.nearby for name in source.clause.names)
    for clause in asked.clauses:
        for name in clause.names:
            if ord(name.key[0]) > _FIRST_UNCASED and name.key not in named:
                yield Claim("name", asked.text[name.start : name.end])
