"""Attention beyond habit: what the question adds to the attention that a neutral request pays anyway.

Sinks, positions and catchy words draw attention whatever is asked. Reading the same context with a question that asks for nothing in
particular measures that habit; the difference is what the question itself draws (cf. SAGE, arXiv 2604.15583).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attngs.marking.scorers.batch import BatchedScorer, Scores, score_batch
from attngs.protocols import Scorer, Warmable
from attngs.types import ScoreRequest, Sentence, Warmth

NEUTRAL_QUERY = "What does this text say?"


class DifferentialScorer(BatchedScorer):
    """`score(query) - weight * score(neutral question)` of any scorer whose scores of one text share a scale.

    Scores can be negative: less attention than habit.
    """

    def __init__(self, scorer: Scorer, *, neutral_query: str = NEUTRAL_QUERY, weight: float = 1.0) -> None:
        self._scorer = scorer
        self._neutral_query = neutral_query
        self._weight = weight

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the first error that it met; a context is read once for both questions where it can be kept."""
        neutral = [replace(request, query=self._neutral_query) for request in requests]
        outcomes = score_batch(self._scorer, [*requests, *neutral])
        return [self._difference(*pair) for pair in zip(outcomes[: len(requests)], outcomes[len(requests) :], strict=True)]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Warm the scorer underneath, if it can be."""
        return self._scorer.warm(sentences, namespace) if isinstance(self._scorer, Warmable) else Warmth(tokens=0, kept=0, bytes=0)

    def _difference(self, asked: Scores | Exception, habit: Scores | Exception) -> Scores | Exception:
        if isinstance(asked, Exception):
            return asked
        if isinstance(habit, Exception):
            return habit
        return [a - self._weight * h for a, h in zip(asked, habit, strict=True)]
