"""A document can be asked for by its label: "what does handbook.pdf say about leave?".

A label is the document's id, its title or source, and its dates. Scorers read the text alone, so a label that a question names counts here.
Dates are compared as dates, whatever their form: a question that leaves the year or the day open means all of them. Words count where at
most half of the documents have them in their labels, and numbers only behind the word that stands before them there, as in `invoice-4471`.

Units of a document that is asked for gain standard deviations of the context's scores, so its order stays and a much better unit elsewhere
stays ahead. Scores stay in their range, so probabilities stay probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from attngs.checking.language.languages import function_words
from attngs.checking.language.mentions import Day
from attngs.checking.times import FILE_TIME_KEYS, TIME_KEYS, read_moment
from attngs.marking.dates import read_days
from attngs.marking.scales import raised
from attngs.protocols import Floats
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.words import words
from attngs.types import Document, ScoreRequest

GAIN = 3.0
"""What a unit of a document that is asked for gains, in standard deviations of the context's scores."""

NAMES = ("title", "subject", "source", "file_name", "filename", "file_path", "url")
"""What of the metadata belongs to the label, beside the id and the dates (`TIME_KEYS`, `FILE_TIME_KEYS`)."""

LONGEST, LONGEST_QUERY = 200, 2_000
"""Characters of one part of a label, and of a question, that are read."""

ENTRY_BYTES = 200
"""What one word or day of the index takes, about."""

_NUMBERED = re.compile(r"document-\d+")
_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{1,4}$", re.IGNORECASE)
_JOINTS = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_SECONDS = re.compile(r"\d{10}(?:\d{3})?(?:\.\d+)?")

Word = str | tuple[str, str]
"""A word, or the word before a number with the number."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a document is called, as far as a question can name it."""

    words: frozenset[Word]
    days: frozenset[Day]

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return ENTRY_BYTES * (1 + len(self.words) + len(self.days))

    @classmethod
    def of(cls, label: str) -> Label:
        """Read a label, one part a line; dates in it are read in every order and language that they allow."""
        read = [read_days(line) for line in label.split("\n")]
        words = frozenset(word for _, rest in read for word in telling_words(rest))
        return cls(words, frozenset(day for days, _ in read for day in days))


@dataclass(frozen=True, slots=True, eq=False)
class LabelIndex:
    """The words and dates of a context's labels."""

    words: Mapping[Word, tuple[int, ...]]
    """For each word the documents whose labels have it, if they are at most half of all."""
    sizes: Sequence[int]
    """How many of these words the label of each document has."""
    days: Mapping[Day, tuple[int, ...]]
    """For each date the documents that have it."""

    @classmethod
    def of(cls, labels: Sequence[Label]) -> LabelIndex:
        """Index the labels."""
        by_word, by_day = dict[Word, list[int]](), dict[Day, list[int]]()
        for number, label in enumerate(labels):
            for word in label.words:
                by_word.setdefault(word, []).append(number)
            for day in label.days:
                by_day.setdefault(day, []).append(number)
        telling = {word: tuple(numbers) for word, numbers in by_word.items() if 2 * len(numbers) <= len(labels)}
        sizes = np.bincount([number for numbers in telling.values() for number in numbers], minlength=len(labels))
        return cls(telling, sizes.tolist(), {day: tuple(numbers) for day, numbers in by_day.items()})

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return ENTRY_BYTES * (1 + len(self.words) + len(self.days)) + 8 * len(self.sizes)

    def asked_for(self, query: str) -> Floats:
        """How much a question asks for each document `(N,)`: 1 for its date or all of its words."""
        share = np.zeros(len(self.sizes))
        days, rest = read_days(query[:LONGEST_QUERY])
        for word in telling_words(rest):
            for number in self.words.get(word, ()):
                share[number] += 1 / self.sizes[number]
        for day, numbers in self.days.items():
            if any(_same(wanted, day) for wanted in days):
                share[list(numbers)] = 1
        return np.minimum(share, 1.0)


def lift_by_labels(request: ScoreRequest, scores: tuple[float, ...], cache: ContextCache) -> tuple[float, ...]:
    """Scores `(S,)` that count the labels in, where the question asks for some document.

    Args:
        request: The question and its units.
        scores: Of the units.
        cache: Keeps the index of the labels.
    """
    if request.whole:
        named = np.array(request.whole.named)
        return raised(np.array(scores), GAIN * named, request.whole) if named.any() else scores
    documents = {sentence.position: sentence.document for sentence in request.sentences}
    labels = [label_of(position, document) for position, document in documents.items()]
    if len(labels) < 2 or not any(labels):
        return scores
    key = Key(request.namespace, digest(b"labels", *labels))
    (index,) = cache.remember(
        [key], lambda missing: [LabelIndex.of(_read(labels, request.namespace, cache))], size=lambda index: index.nbytes
    )
    asked = index.asked_for(request.query)
    if asked.min() == asked.max():
        return scores
    share = dict(zip(documents, asked.tolist(), strict=True))
    return raised(np.array(scores), GAIN * np.array([share[sentence.position] for sentence in request.sentences]))


def _read(labels: Sequence[str], namespace: str, cache: ContextCache) -> list[Label]:
    """The labels, each of which is read once, in whatever context it stands."""
    keys = [Key(namespace, digest(b"label", label)) for label in labels]
    return cache.remember(keys, lambda missing: [Label.of(labels[i]) for i in missing], size=lambda label: label.nbytes)


def label_of(position: int, document: Document) -> str:
    """The label of a document, one part a line; empty where nothing but its position names it."""
    parts = [] if _NUMBERED.fullmatch(document.id) and document.id == f"document-{position + 1}" else [_SUFFIX.sub("", document.id)]
    parts += [_SUFFIX.sub("", value) for name in NAMES if isinstance(value := document.metadata.get(name), str)]
    parts += [_written(value) for name in (*TIME_KEYS, *FILE_TIME_KEYS) if (value := document.metadata.get(name)) is not None]
    return "\n".join(part[-LONGEST:] for part in parts if part)


def _written(value: object) -> str:
    """A date of the metadata as a text; empty for what is none."""
    if isinstance(value, str) and not _SECONDS.fullmatch(value.strip()):
        return value
    moment = read_moment(value)
    return moment.at.strftime("%Y-%m-%d") if moment else ""


def _same(wanted: Day, day: Day) -> bool:
    """Whether a question asks for a date.

    "in March" asks for all days of March, "on 18 March" for those of any year.
    """
    parts = ((wanted.month, day.month), (wanted.day, day.day))
    if any(asked is not None and asked != there for asked, there in parts):
        return False
    return wanted.year == day.year or wanted.year is None or (day.year is None and wanted.month is not None)


def telling_words(text: str) -> set[Word]:
    """The words of a label or a question that can name a document."""
    found = words(_JOINTS.sub(" ", text))
    telling: set[Word] = {word for word in found if len(word) > 1 and not word.isdigit() and word not in function_words()}
    return telling | {(before, word) for before, word in pairwise(found) if word.isdigit() and before in telling}
