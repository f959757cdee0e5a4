"""Baseline: the latest text matters most, as when a history is cut from the front."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.types import Sentence


class RecencyScorer:
    """Rises from the first sentence to the last; documents are taken in the order they were given, oldest first."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [(number + 1) / len(sentences) for number in range(len(sentences))]
