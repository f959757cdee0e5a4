"""The words that a question shares with the sentences of a context, at every scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from attngs.scales import Floats, Layout
from attngs.words import WordIndex


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
