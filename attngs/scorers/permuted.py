"""Baseline: the right scores in the wrong places, so that as much is marked as by the scorer itself, but not what it would mark."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.marking import ranking
from attngs.protocols import Scorer
from attngs.scorers.random import RandomScorer
from attngs.types import Sentence


class PermutedScorer:
    """The scores of another scorer, dealt out by chance; the same request is always dealt alike."""

    def __init__(self, scorer: Scorer, seed: int = 0) -> None:
        self._scorer = scorer
        self._chance = RandomScorer(seed)

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        scores = self._scorer.score(query, sentences)
        return [scores[i] for i in ranking(self._chance.score(query, sentences))]
