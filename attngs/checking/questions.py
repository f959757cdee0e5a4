"""What does a sentence of a reply claim that its sources do not carry? One question after the other.

`figures.py`, `people.py` and `denial.py` answer for figures, names and signs; whether a statement is made up is answered here.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from attngs.checking.arithmetic import is_computed
from attngs.checking.denial import flipped
from attngs.checking.figures import carried, carried_nearby, counted_stem, miscounts, misplaced
from attngs.checking.fragments import check_fragment
from attngs.checking.language.clauses import Clause, ContentWord
from attngs.checking.language.languages import Language
from attngs.checking.language.mentions import Figures, Mention, Number
from attngs.checking.language.names import Name
from attngs.checking.people import Subject, disowned, misattributed, names_of, subjects_of, unknown_names
from attngs.checking.qualifiers import check_qualifiers
from attngs.checking.relations import check_relations
from attngs.checking.sources import SourceClause, Sources
from attngs.types import Claim

_FIRST_UNCASED = 0x3000  # kana, Han, Hangul
_ALONE = 3  # words of a clause of which none is carried
_RUN = 4  # words in a row that nothing carries
_SHARE = 0.7  # of all that a sentence says
_PART = re.compile(
    r"\s+of\s+(?:(?:the|its|his|her|their|our|my|all)\s+)?(?:\d|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b|twelve\b|twenty)"
)
"""Behind a number that counts some of several: "ten of the twelve sessions"."""
_LIST = re.compile(r"[^:.;]{0,60}:([^:.;]{1,300}?),? and ")
"""Behind a number that counts what is listed: "three subjects: biology, French and art"."""
_PREFIX = 5  # letters that two forms of a word have in common


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One sentence of a reply beside its sources."""

    text: str
    language: Language | None
    clauses: Sequence[Clause]
    linked: Sequence[SourceClause]
    """The clauses of its sources."""
    nearby: Sequence[SourceClause]
    """Those, and the clauses of the sentences before and after."""
    dated: Sequence[Mention]
    """Dates in the ids of the sources' documents."""
    labels: frozenset[str]
    """Words of those ids, and of the labels of the sources' speakers."""
    speakers: frozenset[str]
    """Words of the labels of all who speak in those documents."""
    subjects: tuple[Subject, ...]
    """Whom the sentence before was about: what a pronoun may mean."""


def compare(
    sources: Sources,
    numbers: Sequence[int],
    text: str,
    language: Language | None,
    clauses: Sequence[Clause],
    subjects: tuple[Subject, ...],
) -> Comparison:
    """Put a sentence of a reply beside what it is linked to.

    Args:
        sources: The context.
        numbers: The sentences that it is linked to.
        text: The sentence.
        language: Its language.
        clauses: Its clauses.
        subjects: Whom the sentence before was about.
    """
    around = dict.fromkeys(i for number in numbers for i in sources.neighbours(number) if i not in numbers)
    linked = [clause for number in sorted(numbers) for clause in sources.clauses(number)]
    return Comparison(
        text=text,
        language=language,
        clauses=clauses,
        linked=linked,
        nearby=[*linked, *(clause for number in around for clause in sources.clauses(number))],
        dated=[mention for number in numbers for mention in sources.figures(number)],
        labels=frozenset(word for number in numbers for word in sources.label(number)),
        speakers=frozenset(word for number in numbers for word in sources.speakers(number)),
        subjects=subjects,
    )


def check_figures(comparison: Comparison) -> Iterator[Claim]:
    """Figures that are not there, are counted otherwise, or belong to something else."""
    linked = [mention for source in comparison.linked for mention in source.clause.mentions]
    around = [mention for source in comparison.nearby for mention in source.clause.mentions]
    said = [mention for clause in comparison.clauses for mention in clause.mentions]
    known, nearby, counts = Figures.of([*linked, *comparison.dated]), Figures.of(around), _counts(linked)
    for clause in comparison.clauses:
        for mention in clause.mentions:
            if mention.weak:
                continue
            missing = not carried(mention, known) and not carried_nearby(mention, nearby)
            wrong = missing or _is_otherwise(mention, clause, comparison, counts)
            if wrong and _is_in_words(mention, comparison):
                continue
            if wrong and not is_computed(mention, clause, said, linked):
                kind = "number" if missing and mention.kind == "unit" and miscounts(mention, nearby) else mention.kind
                yield Claim(kind, comparison.text[mention.start : mention.end])


def _is_in_words(mention: Mention, comparison: Comparison) -> bool:
    """Whether "twice" says what the sources call doubled, or a number counts what the reply lists."""
    if comparison.text[mention.start : mention.end].lower() == "twice":
        return any(word.startswith("doubl") for source in comparison.nearby for word in source.clause.words)
    listed = _LIST.match(comparison.text, mention.end)
    return listed is not None and Number(Fraction(listed[1].count(",") + 2)) in mention.meanings


def _is_otherwise(mention: Mention, clause: Clause, comparison: Comparison, counts: dict[str, Figures]) -> bool:
    """Whether a figure that the sources have counts something else there.

    In a comparison both sides may have changed places, so there it is not asked what stands beside the figure.
    """
    part = _PART.match(comparison.text, mention.end)
    return (not part and _is_miscounted(mention, counts)) or ("than" not in clause.words and misplaced(mention, clause, comparison.linked))


def _counts(mentions: Sequence[Mention]) -> dict[str, Figures]:
    """How many of each thing the sources count, by the stem of its name."""
    found = defaultdict[str, list[Mention]](list)
    for mention in mentions:
        if mention.counted and not mention.weak:
            found[counted_stem(mention.counted)].append(mention)
    return {stem: Figures.of(mentions) for stem, mentions in found.items()}


def _is_miscounted(claim: Mention, counts: dict[str, Figures]) -> bool:
    """Whether the sources count the same thing, and never so many."""
    if not claim.counted or claim.kind != "number":
        return False
    known = counts.get(counted_stem(claim.counted))
    return known is not None and not carried(claim, known)


def check_words(comparison: Comparison) -> Iterator[Claim]:
    """Names that are not there, statements about another, flipped signs, statements that nothing carries."""
    known = _Vocabulary.of(comparison)
    before = comparison.subjects
    for clause in comparison.clauses:
        names = names_of(clause, known.stems, known.sure_names, comparison.language)
        unknown = unknown_names(names, known.stems, known.words, known.names, comparison.language)
        goes_on = clause.third_person or clause.elided
        subjects = subjects_of(comparison.text, clause, names, comparison.speakers) or (before if goes_on else ())
        before = subjects or before
        if unknown:
            yield from (Claim("name", comparison.text[name.start : name.end]) for name in unknown)
        elif "than" not in clause.words:  # a comparison may begin with either side
            yield from _of_another(comparison, clause, names, subjects)
        if word := flipped(clause, comparison.linked):
            yield Claim("negation", word)
    if comparison.language is not None and comparison.language.code == "en":
        linked = [source.clause for source in comparison.linked]
        yield from check_qualifiers(comparison.clauses, linked)
        yield from check_relations(comparison.clauses, linked)
    if lost := _invented(comparison.clauses, known.stems | known.words):
        yield Claim("content", comparison.text[lost[0].start : lost[-1].end])


def check_quoted(comparison: Comparison) -> Iterator[Claim]:
    """What a part of a sentence, quoted word for word, has lost of what qualifies it."""
    if comparison.language is not None:
        yield from check_fragment(comparison.clauses, [source.clause for source in comparison.linked], comparison.language)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vocabulary:
    """What the sources and the sentences round them are told in."""

    stems: frozenset[str]
    words: frozenset[str]
    """In lower case, with those of the labels."""
    names: frozenset[str]
    """Keys of all whom they are about."""
    sure_names: frozenset[str]
    """Keys of what is a name for sure, with the speakers'."""

    @classmethod
    def of(cls, comparison: Comparison) -> _Vocabulary:
        clauses = [source.clause for source in comparison.nearby]
        return cls(
            stems=frozenset[str]().union(*(clause.stems for clause in clauses)),
            words=comparison.labels.union(*(clause.words for clause in clauses)),
            names=frozenset[str]().union(*(source.about for source in comparison.nearby)),
            sure_names=comparison.speakers.union(name.key for clause in clauses for name in clause.names if name.sure),
        )


def _of_another(comparison: Comparison, clause: Clause, names: Sequence[Name], subjects: Sequence[Subject]) -> Iterator[Claim]:
    """What the sources say of somebody else, or of somebody else's kin."""
    if somebody := misattributed(clause, subjects, comparison.linked):
        yield Claim("attribution", somebody.removeprefix("@"))
    if owner := disowned(clause, names, comparison.nearby):
        yield Claim("attribution", owner)


def check_honorifics(comparison: Comparison) -> Iterator[Claim]:
    """Names before an honorific that the sources do not have. They need no language to be known."""
    named = frozenset(name.key for source in comparison.nearby for name in source.clause.names)
    for clause in comparison.clauses:
        for name in clause.names:
            if ord(name.key[0]) > _FIRST_UNCASED and name.key not in named:
                yield Claim("name", comparison.text[name.start : name.end])


def _invented(clauses: Sequence[Clause], stems: frozenset[str]) -> list[ContentWord]:
    """The words that make up a statement of their own; empty if none do.

    A few words that are not carried may be other words for what is known.

    Names and figures have checks of their own; here they tie the words round them to the sources.

    Args:
        clauses: The sentence.
        stems: Stems and words of the sources.
    """
    prefixes = frozenset(stem[:_PREFIX] for stem in stems if len(stem) >= _PREFIX)
    missing = [word for clause in clauses for word in clause.content if not _has_stem(word.stem, stems, prefixes)]
    said = sum(len(clause.content) + len(clause.mentions) + sum(name.sure for name in clause.names) for clause in clauses)
    if len(missing) >= 2 and len(missing) >= _SHARE * said:
        return missing
    lost = frozenset(missing)
    for clause in clauses:
        if len(clause.content) >= _ALONE and not clause.mentions and lost.issuperset(clause.content):
            return list(clause.content)
        if run := _run(clause, lost):
            return run
    return []


def _run(clause: Clause, lost: frozenset[ContentWord]) -> list[ContentWord]:
    """The first words in a row that are lost; empty if no row is long enough.

    A name or a figure between two words ends a row.
    """
    ties = sorted([mention.start for mention in clause.mentions if not mention.weak] + [name.start for name in clause.names if name.sure])
    run = list[ContentWord]()
    for word in clause.content:
        if run and bisect_right(ties, run[-1].start) < bisect_left(ties, word.start):
            run = []
        run = [*run, word] if word in lost else []
        if len(run) >= _RUN:
            return run
    return []


def _has_stem(stem: str, stems: frozenset[str], prefixes: frozenset[str]) -> bool:
    return stem in stems or (len(stem) >= _PREFIX and stem[:_PREFIX] in prefixes)
