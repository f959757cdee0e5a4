"""Several scorers, one score: the weighted sum of their z-scores over the context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.errors import ConfigError
from attngs.protocols import Scorer, Warmable
from attngs.scorers.batch import BatchedScorer, Scores, score_batch
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
