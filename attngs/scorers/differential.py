"""Attention beyond habit: what the question adds to the attention that a neutral request pays anyway.

Sinks, positions and catchy words draw attention whatever is asked. Reading the same context with a question that asks for nothing in
particular measures that habit; the difference is what the question itself draws (cf. SAGE, arXiv 2604.15583).
"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.protocols import Scorer
from attngs.types import Sentence

NEUTRAL_QUERY = "What does this text say?"


class DifferentialScorer:
    """`score(query) - weight * score(neutral question)` of any scorer whose scores of one text share a scale.

    Scores can be negative: less attention than habit.
    """

    def __init__(self, scorer: Scorer, *, neutral_query: str = NEUTRAL_QUERY, weight: float = 1.0) -> None:
        self._scorer = scorer
        self._neutral_query = neutral_query
        self._weight = weight

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        asked = self._scorer.score(query, sentences)
        habit = self._scorer.score(self._neutral_query, sentences)
        return [a - self._weight * h for a, h in zip(asked, habit, strict=True)]
