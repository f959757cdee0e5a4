"""Several scorers, one score: the weighted sum of their z-scores over the context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.errors import ConfigError
from attngs.marking.scorers.batch import BatchedScorer, Scores, score_batch
from attngs.protocols import Scorer, Warmable
from attngs.types import ScoreRequest, Sentence, Warmth


class FusedScorer(BatchedScorer):
    """Sum of `weight * z(score)`; a scorer that says the same of all sentences adds nothing.

    z-scores keep how far ahead a sentence is, which rank fusion throws away.
    """

    def __init__(self, *parts: tuple[Scorer, float]) -> None:
        if not parts:
            raise ConfigError("`FusedScorer` needs at least one `(scorer, weight)`.")
        self._parts = parts

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the first error that a part met."""
        parts = [score_batch(scorer, requests) for scorer, _ in self._parts]
        return [self._sum(outcomes) for outcomes in zip(*parts, strict=True)]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Warm every part that can be; parts that share an encoder share what it has read."""
        warmths = [scorer.warm(sentences, namespace) for scorer, _ in self._parts if isinstance(scorer, Warmable)]
        return max(warmths, default=Warmth(tokens=0, kept=0, bytes=0))

    def _sum(self, outcomes: Sequence[Scores | Exception]) -> list[float] | Exception:
        total: NDArray[np.float64] | float = 0.0
        for outcome, (_, weight) in zip(outcomes, self._parts, strict=True):
            if isinstance(outcome, Exception):
                return outcome
            scores = np.asarray(outcome, dtype=np.float64)
            spread = scores.std() if len(scores) else 0.0
            noise = 1e-6 * max(1.0, float(np.abs(scores).max(initial=0.0)))  # equal texts differ by rounding, which is no opinion
            opinion = not spread <= noise  # so that NaN goes on to the check that names it
            total = total + (weight * (scores - scores.mean()) / spread if opinion else np.zeros_like(scores))
        return [float(score) for score in np.asarray(total)]


class RankFusionScorer(BatchedScorer):
    """Sum of reciprocal ranks; equal scores share the mean of their ranks, so that a scorer without an opinion adds nothing.

    Args:
        parts: The scorers, each with its weight.
        k: How little the first ranks stand out; 60 as in the paper.

    Raises:
        ConfigError: There is no part, or `k` is negative.
    """

    def __init__(self, *parts: tuple[Scorer, float], k: float = 60.0) -> None:
        if not parts:
            raise ConfigError("`RankFusionScorer` needs at least one `(scorer, weight)`.")
        if k < 0:
            raise ConfigError(f"`k` must be at least 0, got {k!r}.")
        self._parts = parts
        self._k = k

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the first error that a part met."""
        parts = [score_batch(scorer, requests) for scorer, _ in self._parts]
        return [self._sum(outcomes) for outcomes in zip(*parts, strict=True)]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Warm every part that can be; parts that share an encoder share what it has read."""
        warmths = [scorer.warm(sentences, namespace) for scorer, _ in self._parts if isinstance(scorer, Warmable)]
        return max(warmths, default=Warmth(tokens=0, kept=0, bytes=0))

    def _sum(self, outcomes: Sequence[Scores | Exception]) -> list[float] | Exception:
        total = np.zeros(0)
        for outcome, (_, weight) in zip(outcomes, self._parts, strict=True):
            if isinstance(outcome, Exception):
                return outcome
            shares = weight / (self._k + mean_ranks(outcome))
            total = total + shares if len(total) else shares
        return [float(score) for score in total]


def mean_ranks(scores: Sequence[float]) -> NDArray[np.float64]:
    """Rank of each score `(S,)`, 1 = best; equal ones get the mean of the places that they take, NaN stays NaN."""
    values = -np.asarray(scores, dtype=np.float64)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True, equal_nan=False)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return np.where(np.isnan(values), np.nan, ranks)
