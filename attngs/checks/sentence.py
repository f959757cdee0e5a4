"""All questions, asked of one sentence of a reply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from attngs.checks.claim import Claim
from attngs.checks.content import invented
from attngs.checks.denial import flipped
from attngs.checks.figures import carried, miscounted, misplaced, near
from attngs.checks.people import LIGHT, misattributed, unknown_names
from attngs.claims.clauses import Clause
from attngs.claims.mentions import Mention
from attngs.evidence import Evidence, SourceClause


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One sentence of a reply with what it is checked against."""

    text: str
    clauses: Sequence[Clause]
    linked: Sequence[SourceClause]
    """Clauses of the linked sentences."""
    nearby: Sequence[SourceClause]
    """Those, and the clauses of their neighbours."""
    dated: Sequence[Mention]
    """Dates in the ids of their documents."""
    labels: frozenset[str]
    """Words of those ids, and of the speakers' labels."""
    subjects: tuple[str, ...]
    """Whom the sentence before was about: what a pronoun may mean."""


def gather(evidence: Evidence, sources: Sequence[int], text: str, clauses: Sequence[Clause], subjects: tuple[str, ...]) -> Asked:
    """Read what a sentence is linked to."""
    around = dict.fromkeys(i for number in sources for i in (*evidence.before(number), *evidence.after(number)) if i not in sources)
    linked = [clause for number in sources for clause in evidence.clauses(number)]
    return Asked(
        text=text,
        clauses=clauses,
        linked=linked,
        nearby=[*linked, *(clause for number in around for clause in evidence.clauses(number))],
        dated=[mention for number in sources for mention in evidence.dated(number)],
        labels=frozenset(word for number in sources for word in evidence.label(number)),
        subjects=subjects,
    )


def check_figures(asked: Asked) -> Iterator[Claim]:
    """Figures that are not there, are counted otherwise, or belong to something else."""
    mentions = [mention for source in asked.nearby for mention in source.clause.mentions] + [*asked.dated]
    for clause in asked.clauses:
        anchors = frozenset(word.stem for word in clause.said) - LIGHT
        for mention in clause.mentions:
            if mention.weak:
                continue
            if not carried(mention, mentions):
                kind = "number" if mention.kind == "unit" and not near(mention, asked.nearby) else mention.kind
                yield Claim(kind, asked.text[mention.start : mention.end])
            elif miscounted(mention, mentions) or misplaced(mention, anchors, asked.linked):
                yield Claim(mention.kind, asked.text[mention.start : mention.end])


def check_words(asked: Asked) -> Iterator[Claim]:
    """Names that are not there, statements about another, flipped signs, statements that nothing carries."""
    stems = frozenset(word.stem for source in asked.nearby for word in source.clause.said)
    words = frozenset(word for source in asked.nearby for word in source.clause.words) | asked.labels
    named = frozenset(name for source in asked.nearby for name in source.about)
    subjects = asked.subjects
    for clause in asked.clauses:
        unknown = unknown_names(clause, stems, words, named)
        yield from (Claim("name", asked.text[name.start : name.end]) for name in unknown)
        subjects = tuple(name.key for name in clause.names if name.sure) or (subjects if clause.third_person or not clause.opens else ())
        if not unknown and (somebody := misattributed(clause, subjects, asked.linked)):
            yield Claim("attribution", somebody.removeprefix("@"))
        if word := flipped(clause, asked.linked):
            yield Claim("negation", word)
    if lost := invented(asked.clauses, stems | words):
        yield Claim("content", asked.text[lost[0].start : lost[-1].end])
