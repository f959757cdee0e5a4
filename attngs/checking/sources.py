"""The sentences of the context as sources: each read into clauses, with whom a clause is about.

Labels, pronouns and the sentences before tell who is meant. What is asked for is read once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from attngs.checking.labels import Labels, read_labels, speaker_names, without_label
from attngs.checking.language.clauses import Clause, read_clauses
from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import Language, tell_language
from attngs.checking.language.mentions import Mention
from attngs.checking.language.names import USER
from attngs.text.speakers import LABEL
from attngs.types import Sentence

_BACK = 3  # sentences before one in which a pronoun's name is looked for
_SAMPLE = 4_000  # characters that tell a document's language
_ANSWER = re.compile(
    r"\s*(?:(?P<yes>yes|yeah|yep|sure|of course|exactly|ja|oui|sí|si|sì|sim)|no|nope|not yet|not really|nein|non|não)\b"
    r"(?=\s*[.!;–—-]|\s*$|\s*,\s+(?:i|we|he|she|they|it|and|but|there|please|half)\b)",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W_]+")
_NOBODY = frozenset[str]()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClause:
    """A clause of the context."""

    clause: Clause
    about: frozenset[str]
    """Names of those that it may be about."""
    surely: frozenset[str]
    """Those of them that it names or clearly means; empty where it says nothing of a person."""
    around: frozenset[str]
    """All names of its sentence, and those that any clause of the sentence may be about."""
    speaker: frozenset[str]
    """Who says it; empty where no label tells."""


class _Origin(NamedTuple):
    """What all sentences of one document have in common."""

    language: Language | None
    labels: Labels
    figures: Sequence[Mention]
    """Dates and other figures in its id."""
    words: frozenset[str]
    """Words of its id."""


class _Persons(NamedTuple):
    """Whom a clause can mean besides those that it names."""

    speaker: frozenset[str]
    """By "I"."""
    hearers: frozenset[str]
    """By "you"."""
    recent: frozenset[str]
    """By "she": the names that were mentioned last."""
    before: frozenset[str]
    """Whom the clause before was surely about."""
    before_about: frozenset[str]
    """Whom it may have been about."""


class _ClauseNames(NamedTuple):
    """Whom a clause names."""

    names: frozenset[str]
    sure: frozenset[str]
    """Those that are names for sure."""
    placed: frozenset[str]
    """Those that stand where a place does."""
    subject: frozenset[str]
    """Those of the sure ones that open the clause."""
    pronoun: bool
    """Whether "he" or "she" stands for somebody. "Her" alone, beside a name, tells nothing."""


class Sources:
    """Reads the sentences of a context.

    Args:
        sentences: The sentences, in reading order. Methods take them by number.
    """

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self._sentences = sentences
        self._members: dict[int, dict[int, Sentence]] = {}
        self._origins: dict[int, _Origin] = {}
        self._read: dict[int, list[Clause]] = {}
        self._clauses: dict[int, tuple[SourceClause, ...]] = {}
        for number, sentence in enumerate(sentences):
            self._members.setdefault(sentence.position, {})[number] = sentence

    def language(self, number: int) -> Language | None:
        """The language of a sentence's document; `None` where it tells none."""
        return self._origin(number).language

    def figures(self, number: int) -> Sequence[Mention]:
        """Dates and other figures in the id of a sentence's document."""
        return self._origin(number).figures

    def speakers(self, number: int) -> frozenset[str]:
        """Words of the labels of all who speak in a sentence's document."""
        return self._origin(number).labels.words

    def label(self, number: int) -> frozenset[str]:
        """Words of the id of a sentence's document and of its speaker's label."""
        origin = self._origin(number)
        return origin.words.union(origin.labels.speaker(number).split())

    def neighbours(self, number: int) -> list[int]:
        """The sentences right before and right after one in its document."""
        return [*self._before(number, 1), *self._after(number)]

    def clauses(self, number: int) -> tuple[SourceClause, ...]:
        """The clauses of a sentence with whom they are about."""
        if number not in self._clauses:
            self._clauses[number] = tuple(self._resolved(number))
        return self._clauses[number]

    def _origin(self, number: int) -> _Origin:
        position = self._sentences[number].position
        if position not in self._origins:
            document = self._sentences[number].document
            language = tell_language(document.text[:_SAMPLE])
            self._origins[position] = _Origin(
                language=language,
                labels=read_labels(self._members[position]),
                figures=find_figures(document.id, language)[0],
                words=frozenset(_LETTERS.findall(document.id.lower())),
            )
        return self._origins[position]

    def _before(self, number: int, count: int) -> list[int]:
        """Sentences before one in its document, the nearest first."""
        position = self._sentences[number].position
        return [i for i in range(number - 1, max(-1, number - 1 - count), -1) if self._sentences[i].position == position]

    def _after(self, number: int) -> list[int]:
        """The sentence after one in its document, if there is one."""
        following = number + 1
        same = following < len(self._sentences) and self._sentences[following].position == self._sentences[number].position
        return [following] if same else []

    def _resolved(self, number: int) -> list[SourceClause]:
        labels = self._origin(number).labels
        label = labels.speaker(number)
        speaker = frozenset(speaker_names(label)) or frozenset({USER})
        persons = _Persons(speaker, labels.hearers(number), self._recent(number), _NOBODY, _NOBODY)
        found = list[tuple[Clause, frozenset[str], frozenset[str]]]()
        for clause in self._answered(number):
            named = _named(clause, persons.recent)
            of_speaker = bool(label) and (not clause.content or number in labels.records)
            about, surely = _about(clause, named, persons), _surely(clause, named, persons, of_speaker=of_speaker)
            found.append((clause, about, surely))
            persons = persons._replace(recent=_now_recent(clause, named, persons.recent), before=surely, before_about=about)
        around = frozenset[str]().union(*(about for _, about, _ in found))
        said_by = speaker if label else _NOBODY
        return [SourceClause(clause=clause, about=about, surely=surely, around=around, speaker=said_by) for clause, about, surely in found]

    def _recent(self, number: int) -> frozenset[str]:
        """The names of the last sentences before one, up to the second that has any."""
        found, sentences = frozenset[str](), 0
        for earlier in self._before(number, _BACK):
            named = frozenset(name.key for clause in self._plain(earlier) for name in clause.names if name.sure)
            found |= named
            sentences += bool(named)
            if sentences == 2:
                break
        return found

    def _answered(self, number: int) -> list[Clause]:
        """The clauses of a sentence; a question that is answered by "yes" or "no" is a statement."""
        clauses = self._plain(number)
        if not clauses or not clauses[-1].question:
            return clauses
        following = next((self._sentences[i].text for i in self._after(number)), "")
        label = LABEL.match(following)
        answer = _ANSWER.match(following, label.end() if label else 0)
        return [_answered(clause, yes=bool(answer["yes"])) for clause in clauses] if answer else clauses

    def _plain(self, number: int) -> list[Clause]:
        """The clauses of a sentence, its label left out."""
        if number not in self._read:
            origin, text = self._origin(number), self._sentences[number].text
            self._read[number] = read_clauses(without_label(text) if origin.labels.speaker(number) else text, origin.language)
        return self._read[number]


def _answered(clause: Clause, *, yes: bool) -> Clause:
    """A clause of a question, with the sign that its answer gives it."""
    content = clause.content
    if clause.question:
        content = tuple(word._replace(polarity=1 if yes else -1, focus=not yes) for word in content)
    return replace(clause, content=content, denies=clause.denies or not yes)


def _named(clause: Clause, recent: frozenset[str]) -> _ClauseNames:
    """Whom a clause names. A capital that opens a sentence is a name if it was one before."""
    sure = frozenset(name.key for name in clause.names if name.sure or name.key in recent)
    first = frozenset(name.key for name in clause.names if name.first)
    return _ClauseNames(
        names=frozenset(name.key for name in clause.names),
        sure=sure,
        placed=frozenset(name.key for name in clause.names if name.placed),
        subject=_NOBODY if clause.elided else first & sure,
        pronoun=clause.third_person and not (clause.possessive_only and bool(sure)),
    )


def _about(clause: Clause, named: _ClauseNames, persons: _Persons) -> frozenset[str]:
    """All whom a clause may be about."""
    pointed_at = (
        (clause.elided, persons.before_about),
        (clause.first_person or not (named.subject or named.pronoun), persons.speaker),
        (clause.second_person, persons.hearers),
        (named.pronoun or not named.names, persons.recent),
    )
    return named.names.union(*(names for holds, names in pointed_at if holds))


def _surely(clause: Clause, named: _ClauseNames, persons: _Persons, *, of_speaker: bool) -> frozenset[str]:
    """Whom a clause is about for sure; of a question nobody. The first sign that holds decides.

    Args:
        clause: The clause.
        named: Whom it names.
        persons: Whom it can mean else.
        of_speaker: Whether it is said of whoever the label names, as in a list of people.
    """
    if clause.question:
        return _NOBODY
    goes_on = clause.elided or not (clause.opens or named.sure or named.pronoun or clause.first_person)
    signs = (
        (bool(named.subject), named.subject),
        (goes_on, persons.before),
        (clause.first_person, persons.speaker),
        (named.pronoun, persons.recent),
        (clause.second_person, persons.hearers),
        (of_speaker, persons.speaker),
    )
    return next((names for holds, names in signs if holds), named.sure - named.placed)


def _now_recent(clause: Clause, named: _ClauseNames, recent: frozenset[str]) -> frozenset[str]:
    """Whom a pronoun after a clause can mean.

    A sentence that opens with names of its own pushes the earlier ones out.
    """
    if not named.names:
        return recent
    return named.names | recent if named.pronoun or not clause.opens else named.names
