"""The context as evidence: each sentence read into clauses, with whom they may be about, resolved by labels, pronouns and neighbours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from attngs.claims.clauses import Clause, read_clauses
from attngs.claims.figures import find_figures
from attngs.claims.languages import Language, tell_language
from attngs.claims.mentions import Mention
from attngs.labels import LABEL, speaker_of
from attngs.types import Sentence

USER = "@user"
"""Whoever says "I" in a text without speaker labels."""
_BACK = 3  # sentences before one in which a pronoun's name is looked for
_SAMPLE = 4_000  # characters that tell a document's language
_LETTERS = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClause:
    """A clause of the context."""

    clause: Clause
    sentence: int
    about: frozenset[str]
    """Names that it may be about."""
    surely: frozenset[str]
    """Those of them that it says or clearly means; empty where it says nothing of a person."""


@dataclass(slots=True)
class Evidence:
    """Reads what it is asked for, once.

    Args:
        sentences: The sentences of the context, in reading order.
    """

    sentences: Sequence[Sentence]
    _clauses: dict[int, tuple[SourceClause, ...]] = field(init=False, default_factory=dict)
    _read: dict[int, list[Clause]] = field(init=False, default_factory=dict)
    _speakers: dict[int, dict[int, str]] = field(init=False, default_factory=dict)
    _languages: dict[int, Language | None] = field(init=False, default_factory=dict)
    _members: dict[int, list[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for number, sentence in enumerate(self.sentences):
            self._members.setdefault(sentence.position, []).append(number)

    def language(self, number: int) -> Language | None:
        """The language of a sentence's document."""
        sentence = self.sentences[number]
        if sentence.position not in self._languages:
            self._languages[sentence.position] = tell_language(sentence.document.text[:_SAMPLE])
        return self._languages[sentence.position]

    def speaker(self, number: int) -> str:
        """Who speaks in a sentence; empty where no label says it."""
        return self._labels(self.sentences[number].position).get(number, "")

    def before(self, number: int, count: int = 1) -> list[int]:
        """Sentences before one in its document, the nearest first."""
        position = self.sentences[number].position
        return [i for i in range(number - 1, max(-1, number - 1 - count), -1) if self.sentences[i].position == position]

    def after(self, number: int) -> list[int]:
        """The sentence after one in its document, if there is one."""
        following = number + 1
        same = following < len(self.sentences) and self.sentences[following].position == self.sentences[number].position
        return [following] if same else []

    def label(self, number: int) -> frozenset[str]:
        """Words of the document's id and of the speaker's label."""
        return frozenset(_LETTERS.findall(self.sentences[number].document.id.lower())) | frozenset(self.speaker(number).split())

    def dated(self, number: int) -> list[Mention]:
        """Dates and other figures in the id of a sentence's document."""
        return find_figures(self.sentences[number].document.id, self.language(number))[0]

    def clauses(self, number: int) -> tuple[SourceClause, ...]:
        """The clauses of a sentence with whom they are about."""
        if number not in self._clauses:
            self._clauses[number] = tuple(self._resolve(number))
        return self._clauses[number]

    def _resolve(self, number: int) -> list[SourceClause]:
        speaker = frozenset(self.speaker(number).split()) or frozenset({USER})
        labelled = bool(self.speaker(number))
        others = self._others(number) if labelled else frozenset[str]()
        recent = self._recent(number)
        resolved = list[SourceClause]()
        for clause in self.plain(number):
            named = frozenset(name.key for name in clause.names)
            subject = frozenset(name.key for name in clause.names if name.first and name.sure)
            about, surely = named, subject
            if clause.first_person or (labelled and not named):
                about |= speaker
            if clause.first_person and not subject:
                surely |= speaker
            if clause.second_person:
                about |= others
                surely = surely or others
            if clause.third_person or not named:
                about |= recent
            if clause.third_person and not surely:
                surely |= recent
            resolved.append(SourceClause(clause=clause, sentence=number, about=about, surely=surely))
            recent = named | (recent if clause.third_person or not clause.opens else frozenset()) if named else recent
        return resolved

    def plain(self, number: int) -> list[Clause]:
        """The clauses of a sentence, its label left out."""
        if number not in self._read:
            text = self.sentences[number].text
            label = LABEL.match(text) if self._labels(self.sentences[number].position).get(number) else None
            self._read[number] = read_clauses(text[label.end() :] if label and speaker_of(label) else text, self.language(number))
        return self._read[number]

    def _recent(self, number: int) -> frozenset[str]:
        """The names of the last sentences before one, until some are found twice."""
        found, sentences = frozenset[str](), 0
        for earlier in self.before(number, _BACK):
            named = frozenset(name.key for clause in self.plain(earlier) for name in clause.names if name.sure)
            found |= named
            sentences += bool(named)
            if sentences == 2:
                break
        return found

    def _others(self, number: int) -> frozenset[str]:
        labels = set(self._labels(self.sentences[number].position).values()) - {self.speaker(number), ""}
        return frozenset(word for label in labels for word in label.split())

    def _labels(self, position: int) -> dict[int, str]:
        """The speaker of each sentence of a document that has labels: a label holds until the next."""
        if position not in self._speakers:
            members = self._members.get(position, [])
            found = {number: speaker_of(LABEL.match(self.sentences[number].text.lstrip("- *•"))) for number in members}
            turns = [speaker for speaker in found.values() if speaker]
            real = len(turns) > 1 and 6 * len(turns) >= len(members)
            current, labels = "", dict[int, str]()
            for number in members if real else ():
                current = found[number] or current
                labels[number] = current
            self._speakers[position] = labels
        return self._speakers[position]
