"""BM25 over sentences: the words of the question, weighted by how rare they are in the context.

Scripts that do not put spaces between words (Chinese, Japanese, Thai, ...) are compared by characters and pairs of characters. The
arithmetic is that of bm25s (arXiv 2407.03618). Its index of a context costs more than one question by hand and next to nothing from the
second on, so it is kept; the library is imported with the first index, because scipy comes with it (a third of a second).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attngs.marking.scales import Floats, Layout
from attngs.marking.scorers.batch import BatchedScorer, Scores, attempt
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.words import WordIndex, words
from attngs.types import ScoreRequest, Sentence, Warmth

WORD_BYTES = 120
"""One word of an index: its string, its number and their place in a dict, about."""


@dataclass(frozen=True, slots=True)
class _Index:
    """What bm25s made of a context; nothing when it holds no word."""

    scores: Any
    """`bm25s.BM25`, or `None`."""
    numbers: dict[str, int]
    """Of the words."""

    @property
    def nbytes(self) -> int:
        arrays = [value for value in self.scores.scores.values() if isinstance(value, np.ndarray)] if self.numbers else []
        return sum(array.nbytes for array in arrays) + WORD_BYTES * (1 + len(self.numbers))


class LexicalScorer(BatchedScorer):
    """Okapi BM25 with the never-negative inverse document frequency of Lucene; each sentence is a document.

    Args:
        k1: How soon more of the same word stops to matter.
        b: How much a long sentence is held back.
        cache: Where the index of a context is kept.
    """

    def __init__(self, *, k1: float = 1.2, b: float = 0.75, cache: ContextCache | None = None) -> None:
        self._k1, self._b = k1, b
        self._cache = cache or ContextCache()

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the error that it met."""
        return [attempt(self._scores, request) for request in requests]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Index a context before it is asked about. No model reads it, so it counts no tokens."""
        return Warmth(tokens=0, kept=0, bytes=self._index(sentences, namespace).nbytes)

    def _scores(self, request: ScoreRequest) -> list[float]:
        index = self._index(request.sentences, request.namespace)
        wanted = sorted(index.numbers[word] for word in set(words(request.query)) & index.numbers.keys())
        if not wanted:
            return [0.0] * len(request.sentences)
        return [float(score) for score in index.scores.get_scores_from_ids(wanted)]

    def _index(self, sentences: Sequence[Sentence], namespace: str) -> _Index:
        texts = [sentence.text for sentence in sentences]
        key = Key(namespace, digest(b"bm25", str((self._k1, self._b)), *texts))
        (index,) = self._cache.remember([key], lambda missing: [self._build(texts)], size=lambda index: index.nbytes)
        return index

    def _build(self, texts: Sequence[str]) -> _Index:
        bags = [words(text) for text in texts]
        numbers = {word: number for number, word in enumerate(dict.fromkeys(word for bag in bags for word in bag))}
        if not numbers:
            return _Index(None, {})
        import bm25s  # type: ignore[import-untyped]

        # "atire" is the term frequency of Okapi with its factor `k1 + 1`, which "lucene" leaves out; ranks are the same
        scores = bm25s.BM25(k1=self._k1, b=self._b, method="atire", idf_method="lucene", dtype="float64")
        ids = [[numbers[word] for word in bag] for bag in bags]
        scores.index((ids, dict(numbers)), create_empty_token=False, show_progress=False)
        return _Index(scores, numbers)


class Overlap:
    """The question's words in each sentence.

    Args:
        query: The words of the question.
        index: The words of the context.
        layout: Where its sentences stand.
    """

    def __init__(self, query: Sequence[str], index: WordIndex, layout: Layout) -> None:
        self._layout = layout
        self._counts = index.counts(query)  # (S, W)
        self._lengths = index.lengths
        self._rarity = self._idf(self._counts)

    def bm25(self, neighbours: int | None, k1: float = 1.2, b: float = 0.75) -> Floats:
        """Okapi BM25 `(S,)` with the window round each sentence as the document."""
        counts, lengths = self._layout.total(self._counts, neighbours), self._layout.total(self._lengths, neighbours)
        average = float(lengths.mean()) if lengths.any() else 1.0
        saturated = counts * (k1 + 1) / (counts + k1 * (1 - b + b * lengths[:, None] / average) + 1e-12)
        return np.asarray(saturated @ self._idf(counts))

    def cover(self, neighbours: int | None) -> Floats:
        """How much of the question's words, weighted by rarity, is in the window `(S,)`: 0 to 1."""
        total = float(self._rarity.sum())
        return np.asarray((self._layout.total(self._counts, neighbours) > 0) @ self._rarity / total if total else self._lengths * 0)

    def rarest(self) -> Floats:
        """The rarity of the rarest shared word `(S,)`: 0 to 1, 1 for a word that is in one sentence only."""
        highest = ((self._counts > 0) * self._rarity).max(axis=1, initial=0.0)
        return np.asarray(highest / math.log1p((len(self._counts) - 0.5) / 1.5) if len(self._counts) > 1 else highest * 0)

    def _idf(self, counts: Floats) -> Floats:
        """Never negative, as Lucene has it `(W,)`."""
        found = (counts > 0).sum(axis=0)
        return np.asarray(np.log1p((len(counts) - found + 0.5) / (found + 0.5)))


Bag = Callable[[str], list[str]]
"""The words of a text, as they are compared."""


def word_index(cache: ContextCache, sentences: Sequence[Sentence], namespace: str, bag: Bag = words, kind: bytes = b"words") -> WordIndex:
    """The index of the sentences' words.

    Args:
        cache: Where it is kept.
        sentences: The context.
        namespace: Of the cache.
        bag: Makes words of a text.
        kind: What tells this `bag` from another.
    """
    texts = [sentence.text for sentence in sentences]
    key = Key(namespace, digest(kind, *texts))
    (index,) = cache.remember([key], lambda missing: [WordIndex.of([bag(text) for text in texts])], size=lambda kept: kept.nbytes)
    return index
