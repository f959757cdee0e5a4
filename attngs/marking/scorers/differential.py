"""Attention beyond habit: what the question adds to the attention that a neutral request pays anyway.

Sinks, positions and catchy words draw attention whatever the question is. Reading the same context with a question about nothing in
particular measures that habit; the difference is what the question itself draws (cf. SAGE, arXiv 2604.15583).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from attngs.marking.scorers.batch import BatchedScorer, Composite, Scores, score_batch
from attngs.protocols import Scorer
from attngs.types import ScoreRequest

NEUTRAL_QUERY = "What does this text say?"


class DifferentialScorer(Composite, BatchedScorer):
    """`score(query) - score(neutral question)`, where the scores of one text share a scale.

    A score below 0 means less attention than habit.
    """

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer)
        self._scorer = scorer

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or its first error; a context is read once for both questions."""
        neutral = [replace(request, query=NEUTRAL_QUERY) for request in requests]
        outcomes = score_batch(self._scorer, [*requests, *neutral])
        return [self._difference(*pair) for pair in zip(outcomes[: len(requests)], outcomes[len(requests) :], strict=True)]

    def _difference(self, scores: Scores | Exception, habit: Scores | Exception) -> Scores | Exception:
        if isinstance(scores, Exception):
            return scores
        if isinstance(habit, Exception):
            return habit
        return [score - h for score, h in zip(scores, habit, strict=True)]
