"""BM25: the words that question and sentence share, weighted by how rare they are in the context.

Scripts without spaces between words (Chinese, Japanese, Thai, ...) are compared by characters and pairs of characters. Splitting a context
into words costs more than one question, so its index is kept. The formula is Okapi BM25 with the inverse document frequency of Lucene,
which is never negative.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from attngs.marking.echoes import without_echoes
from attngs.marking.scales import Layout
from attngs.marking.scorers.batch import BatchedScorer, Scores, attempt_each
from attngs.protocols import Floats
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.words import words
from attngs.types import ScoreRequest, Sentence, Warmth

if TYPE_CHECKING:
    from attngs.marking.scorers.survey import Integers, Survey

K1, B = 1.2, 0.75
"""BM25: how soon further occurrences of a word stop counting, and how much a long sentence is held back."""

WORD_BYTES = 200
"""What one word of an index takes beside its numbers: its string, its place in a dict, two arrays."""

Bag = Callable[[str], list[str]]
"""The words of a text, in the form in which they are compared."""


class LexicalScorer(BatchedScorer):
    """BM25 with each sentence as a document.

    Args:
        cache: Keeps the index of a context.
    """

    def __init__(self, *, cache: ContextCache | None = None) -> None:
        self._cache = cache or ContextCache()

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        return attempt_each(self._scores, requests)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Index a context before the first question. No model reads it, so it counts no tokens."""
        return Warmth(tokens=0, kept=0, bytes=word_index(self._cache, sentences, namespace).nbytes)

    def forget(self, namespace: str | None = None) -> None:
        self._cache.clear(namespace)

    def guess(self, survey: Survey) -> Floats:
        return survey.shared.bm25(0)

    def settle(self, survey: Survey, request: ScoreRequest, numbers: Integers) -> Floats:
        return survey.shared.bm25(0)

    def _scores(self, request: ScoreRequest) -> list[float]:
        return [float(score) for score in without_echoes(request, self._bm25)]

    def _bm25(self, request: ScoreRequest) -> Floats:
        index = word_index(self._cache, request.sentences, request.namespace)
        return Overlap(words(request.query), index, Layout.of(request.sentences)).bm25(0)


class WordTable(Protocol):
    """Which words each of many sentences has."""

    @property
    def lengths(self) -> Floats:
        """Words of each sentence `(S,)`."""
        ...

    def counts(self, word: str) -> Floats:
        """How often a word stands in each sentence `(S,)`."""
        ...

    def found(self, word: str) -> int:
        """How many sentences have a word."""
        ...


class Overlap:
    """The question's words in each sentence, and in the window round it.

    Args:
        query: The words of the question.
        index: The words of the context.
        layout: Where its sentences stand.
    """

    def __init__(self, query: Sequence[str], index: WordTable, layout: Layout) -> None:
        self._query = list(dict.fromkeys(query))
        self._index = index
        self._layout = layout
        self._found = dict[int | None, tuple[Floats, Floats]]()

    def bm25(self, neighbours: int | None) -> Floats:
        """BM25 `(S,)` with the window round each sentence as the document."""
        return self._in_window(neighbours)[0]

    def cover(self, neighbours: int | None) -> Floats:
        """The share of the question's words, weighted by rarity, that the window has `(S,)`: 0 to 1."""
        return self._in_window(neighbours)[1]

    def _in_window(self, neighbours: int | None) -> tuple[Floats, Floats]:
        """Both of them; to count words is what they cost."""
        if neighbours not in self._found:
            self._found[neighbours] = self._measured(neighbours)
        return self._found[neighbours]

    def _measured(self, neighbours: int | None) -> tuple[Floats, Floats]:
        lengths = self._layout.total(self._index.lengths, neighbours)
        average = float(lengths.mean()) if lengths.any() else 1.0
        held_back = K1 * (1 - B + B * lengths / average) + 1e-12
        score, cover, most = np.zeros(len(lengths)), np.zeros(len(lengths)), 0.0
        for own in self._counts():
            rarity, counts = _rarity(own), self._layout.total(own, neighbours)
            most += rarity
            cover += rarity * (counts > 0)
            score += (K1 + 1) * _rarity(counts) * counts / (counts + held_back)
        return score, cover / most if most else cover

    def rarest(self) -> Floats:
        """The rarity of the rarest shared word `(S,)`: 0 to 1, 1 for a word that only one sentence has."""
        highest = np.zeros(len(self._index.lengths))
        for counts in self._counts():
            highest = np.maximum(highest, (counts > 0) * _rarity(counts))
        return highest / math.log1p((len(highest) - 0.5) / 1.5) if len(highest) > 1 else highest * 0

    def _counts(self) -> Iterator[Floats]:
        """How often each of the question's distinct words stands in each sentence `(S,)`.

        One word at a time: a table of all would not stay in a processor's cache while it is worked on.
        """
        return map(self._index.counts, self._query)


def _rarity(counts: Floats) -> float:
    """The inverse document frequency of a word, from how often each sentence has it `(S,)`."""
    found = np.count_nonzero(counts)
    return math.log1p((len(counts) - found + 0.5) / (found + 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class WordIndex:
    """The words of a context's sentences."""

    lengths: Floats
    """Words of each sentence `(S,)`."""
    postings: Mapping[str, tuple[NDArray[np.int32], NDArray[np.float32]]]
    """For each word the sentences that have it, and how often."""

    @classmethod
    def of(cls, bags: Sequence[Sequence[str]]) -> WordIndex:
        """Index the words of each sentence."""
        places: dict[str, tuple[list[int], list[int]]] = {}
        for number, bag in enumerate(bags):
            for word, count in Counter(bag).items():
                rows, counts = places.setdefault(word, ([], []))
                rows.append(number)
                counts.append(count)
        return cls(
            np.array([len(bag) for bag in bags], dtype=np.float64),
            {word: (np.array(rows, np.int32), np.array(counts, np.float32)) for word, (rows, counts) in places.items()},
        )

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return self.lengths.nbytes + sum(WORD_BYTES + rows.nbytes + counts.nbytes for rows, counts in self.postings.values())

    def counts(self, word: str) -> Floats:
        """How often a word stands in each sentence `(S,)`."""
        found = np.zeros(len(self.lengths))
        if word in self.postings:
            rows, counts = self.postings[word]
            found[rows] = counts
        return found

    def found(self, word: str) -> int:
        """How many sentences have a word."""
        return len(self.postings[word][0]) if word in self.postings else 0


def word_index(cache: ContextCache, sentences: Sequence[Sentence], namespace: str, bag: Bag = words, kind: bytes = b"words") -> WordIndex:
    """The index of the sentences' words, from the cache where it is kept.

    Args:
        cache: Where the index is kept.
        sentences: The context.
        namespace: Whose context it is.
        bag: Makes words of a text.
        kind: Tells this `bag` from others.
    """
    texts = [sentence.text for sentence in sentences]
    key = Key(namespace, digest(kind, *texts))
    (index,) = cache.remember([key], lambda missing: [WordIndex.of([bag(text) for text in texts])], size=lambda kept: kept.nbytes)
    return index
