"""Attention beyond habit: how many times as much attention the question draws as a neutral one.

Sinks, positions and catchy words draw attention whatever the question is. Reading the same context with a question about nothing in
particular measures that habit; the ratio is what the question itself draws (cf. SAGE, arXiv 2604.15583). Without it, the attention of small
decoders finds little (`benchmarks/attention`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from attngs.marking.scorers.batch import BatchedScorer, Composite, Scores, score_batch
from attngs.protocols import Floats, Scorer
from attngs.types import ScoreRequest

NEUTRAL_QUERY = "What does this text say?"

FLOOR = 1e-4
"""The least score that counts, as a share of the mean: the log of less says nothing more."""


class DifferentialScorer(Composite, BatchedScorer):
    """`log(score(query) / score(neutral question))`, for scores that are not negative.

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
        return [float(difference) for difference in _logs(scores) - _logs(habit)]


def _logs(scores: Scores) -> Floats:
    """The logs `(S,)`; 0 for all where all are 0, and NaN for all where one is not finite."""
    values = np.asarray(scores, dtype=np.float64)
    least = FLOOR * float(values.mean()) if len(values) else 0.0
    if not least:
        return np.zeros_like(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(np.maximum(values, least) / least))
