"""Baseline: the beginning of every document matters most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attngs.types import Sentence


class LeadScorer:
    """1, 1/2, 1/3, ... along each document, so that a budget takes the first sentence of all documents before any second one."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        seen = Counter[int]()
        scores = list[float]()
        for sentence in sentences:
            seen[sentence.position] += 1
            scores.append(1 / seen[sentence.position])
        return scores
