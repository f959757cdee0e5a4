"""The context as evidence: each sentence read into clauses, with whom they may be about, resolved by labels, pronouns and neighbours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from attngs.checking.language.clauses import Clause, read_clauses
from attngs.checking.language.figures import find_figures
from attngs.checking.language.languages import Language, tell_language
from attngs.checking.language.mentions import Mention
from attngs.checking.language.names import COMMON, USER
from attngs.text.speakers import LABEL, speaker_of
from attngs.types import Sentence

_BACK = 3  # sentences before one in which a pronoun's name is looked for
_RECORDS = 3  # names before colons that make a text a list of people
_SAMPLE = 4_000  # characters that tell a document's language
_ANSWER = re.compile(
    r"\s*(?:(?P<yes>yes|yeah|yep|sure|of course|exactly|ja|oui|sí|si|sì|sim)|no|nope|not yet|not really|nein|non|não)\b"
    r"(?=\s*[.!;–—-]|\s*$|\s*,\s+(?:i|we|he|she|they|it|and|but|there|please|half)\b)",
    re.IGNORECASE,
)
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
    around: frozenset[str]
    """All names of its sentence, and whom any of its clauses may be about."""
    speaker: frozenset[str]
    """Who says it; empty where no label tells."""


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
    _inline: dict[int, str] = field(init=False, default_factory=dict)
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

    def speakers(self, number: int) -> frozenset[str]:
        """Words of the labels of all who speak in a sentence's document."""
        return frozenset(word for label in self._labels(self.sentences[number].position).values() for word in label.split())

    def clauses(self, number: int) -> tuple[SourceClause, ...]:
        """The clauses of a sentence with whom they are about."""
        if number not in self._clauses:
            self._clauses[number] = tuple(self._resolve(number))
        return self._clauses[number]

    def _resolve(self, number: int) -> list[SourceClause]:
        labelled = bool(self.speaker(number))
        speaker, others = self._speaker_names(number), self._others(number)
        recent, before, before_about = self._recent(number), frozenset[str](), frozenset[str]()
        found = list[tuple[Clause, frozenset[str], frozenset[str]]]()
        for clause in self._answered(number):
            named = frozenset(name.key for name in clause.names)
            sure = frozenset(name.key for name in clause.names if name.sure or name.key in recent)
            subject = frozenset(name.key for name in clause.names if name.first and name.key in sure) if not clause.elided else frozenset()
            pronoun = clause.third_person and not (clause.possessive_only and sure)
            about = named | (before_about if clause.elided else frozenset())
            about |= speaker if clause.first_person or not (subject or pronoun) else frozenset()
            about |= others if clause.second_person else frozenset()
            about |= recent if pronoun or not named else frozenset()
            person = [
                (bool(subject), subject),
                (clause.elided or not (clause.opens or sure or pronoun or clause.first_person), before),
                (clause.first_person, speaker),
                (pronoun, recent),
                (clause.second_person, others),
                (labelled and (not clause.said or number in self._inline), speaker),
            ]
            surely = frozenset[str]() if clause.question else next((names for holds, names in person if holds), sure)
            found.append((clause, about, surely))
            before, before_about = surely, about
            recent = named | (recent if pronoun or not clause.opens else frozenset()) if named else recent
        around = frozenset[str]().union(*(about for _, about, _ in found))
        return [
            SourceClause(
                clause=clause, sentence=number, about=about, surely=surely, around=around, speaker=speaker if labelled else frozenset()
            )
            for clause, about, surely in found
        ]

    def _answered(self, number: int) -> list[Clause]:
        """The clauses of a sentence; a question that is answered by "yes" or "no" is a statement."""
        clauses = self.plain(number)
        if not clauses or not clauses[-1].question:
            return clauses
        following = next((self.sentences[i].text for i in self.after(number)), "")
        label = LABEL.match(following)
        answer = _ANSWER.match(following[label.end() :] if label else following)
        if not answer:
            return clauses
        sign = 1 if answer["yes"] else -1
        said = (
            tuple(word._replace(polarity=sign, focus=sign < 0) for word in clause.said) if clause.question else clause.said
            for clause in clauses
        )
        return [replace(clause, said=words, denies=clause.denies or sign < 0) for clause, words in zip(clauses, said, strict=True)]

    def _speaker_names(self, number: int) -> frozenset[str]:
        words = self.speaker(number).split()
        return frozenset(USER if word == "user" else word for word in words) or frozenset({USER})

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
        """Whom "you" can mean."""
        labels = set(self._labels(self.sentences[number].position).values()) - {self.speaker(number), ""}
        return frozenset(USER if word == "user" else word for label in labels for word in label.split())

    def _inline_label(self, number: int) -> str:
        """The single capitalised word before a colon that a sentence opens with: "Joel: no gluten." in a list of people."""
        match = LABEL.match(self.sentences[number].text)
        name = (match["name"] or "") if match else ""
        return name.lower() if name.isalpha() and name[0].isupper() and name.lower() not in COMMON else ""

    def _label_of(self, number: int) -> str:
        """The speaker that a sentence at the start of a line names."""
        sentence = self.sentences[number]
        if (
            "\n" not in sentence.document.text[max(0, sentence.start - 4) : sentence.start]
            and sentence.document.text[max(0, sentence.start - 4) : sentence.start]
        ):
            return ""
        return speaker_of(LABEL.match(sentence.text))

    def _labels(self, position: int) -> dict[int, str]:
        """The speaker of each sentence of a document that has labels: a label holds until the next."""
        if position not in self._speakers:
            members = self._members.get(position, [])
            found = {number: self._label_of(number) for number in members}
            inline = {number: name for number in members if (name := self._inline_label(number))}
            if len(set(inline.values())) >= _RECORDS:
                found |= inline
                self._inline.update(inline)
            turns = [speaker for speaker in found.values() if speaker]
            real = len(turns) > 1 and 6 * len(turns) >= len(members)
            current, labels = "", dict[int, str]()
            for number in members if real else ():
                current = found[number] or current
                labels[number] = current
            self._speakers[position] = labels
        return self._speakers[position]
