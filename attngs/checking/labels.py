"""Who says each sentence of a document, as its labels tell: "Anna: I have two cats."."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attngs.checking.language.names import COMMON, USER
from attngs.text.speakers import LABEL, speaker_of
from attngs.types import Sentence

_RECORDS = 3  # different names before colons that make a text a list of people
_SENTENCES = 6  # for each label at most; where labels are rarer they tell no speakers


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The speakers of one document. Sentences are given by number."""

    speakers: Mapping[int, str]
    """Who says each sentence, in lower case; without those before the first label. Empty where the document has no speakers."""
    records: frozenset[int]
    """Sentences that are a record of the person in their label: "Joel: no gluten"."""
    everybody: frozenset[str]
    """All who say something."""
    words: frozenset[str]
    """Words of their labels."""

    def speaker(self, number: int) -> str:
        """Who says a sentence; empty where no label tells."""
        return self.speakers.get(number, "")

    def hearers(self, number: int) -> frozenset[str]:
        """Names of all speakers but the one of a sentence."""
        return frozenset(word for name in self.everybody - {self.speaker(number)} for word in speaker_names(name))


def read_labels(members: Mapping[int, Sentence]) -> Labels:
    """The speakers of a document. A label holds until the next.

    Args:
        members: The sentences of the document by number, in reading order.
    """
    found = {number: _label_of(sentence) for number, sentence in members.items()}
    records = {number: name for number, sentence in members.items() if (name := _record_of(sentence))}
    if len(set(records.values())) >= _RECORDS:
        found |= records
    else:
        records = {}
    turns = [speaker for speaker in found.values() if speaker]
    speakers, current = dict[int, str](), ""
    if len(turns) > 1 and _SENTENCES * len(turns) >= len(members):
        for number, label in found.items():
            current = label or current
            if current:
                speakers[number] = current
    everybody = frozenset(speakers.values())
    words = frozenset(word for name in everybody for word in name.split())
    return Labels(speakers=speakers, records=frozenset(records), everybody=everybody, words=words)


def speaker_names(label: str) -> Sequence[str]:
    """The names in a speaker's label."""
    return [USER if word == "user" else word for word in label.split()]


def without_label(text: str) -> str:
    """A sentence without the speaker's label that it opens with."""
    label = LABEL.match(text)
    return text[label.end() :] if label and speaker_of(label) else text


def _label_of(sentence: Sentence) -> str:
    """The speaker that a sentence at the start of a line names."""
    before = sentence.document.text[max(0, sentence.start - 4) : sentence.start]
    return speaker_of(LABEL.match(sentence.text)) if not before or "\n" in before else ""


def _record_of(sentence: Sentence) -> str:
    """The capitalised word before a colon that a sentence opens with, as in a list of people.

    "Joel: no gluten." is a record of Joel.
    """
    match = LABEL.match(sentence.text)
    name = (match["name"] or "") if match else ""
    return name.lower() if name.isalpha() and name[0].isupper() and name.lower() not in COMMON else ""
