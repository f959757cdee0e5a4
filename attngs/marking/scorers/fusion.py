"""Several scorers, one score: a weighted sum of what each says, on a scale that they share.

`FusedScorer` sums z-scores, which keep how far ahead a sentence is. `RankFusionScorer` sums reciprocal ranks, which do not: it suits scores
that have nothing but their order in common. Either says how alike sentences are if one of its parts does.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from attngs.errors import ConfigError
from attngs.marking.scales import standardised
from attngs.marking.scorers.batch import BatchedScorer, Composite, Scores, score_batch
from attngs.protocols import Floats, Likeness, Scorer
from attngs.types import ScoreRequest

K = 60
"""How little the first ranks stand out in a rank fusion, as in the paper."""


class _Fusion(Composite, BatchedScorer):
    def __init__(self, *parts: tuple[Scorer, float]) -> None:
        if not parts:
            raise ConfigError(f"`{type(self).__name__}` needs at least one `(scorer, weight)`.")
        super().__init__(*(scorer for scorer, _ in parts))
        self._weighted = parts
        for scorer, _ in parts:
            if isinstance(scorer, Likeness):
                self.likeness = scorer.likeness  # set here, since a fusion without such a part must not have the method
                break

    @abstractmethod
    def scaled(self, scores: Floats) -> Floats:
        """The scores of one part `(S,)` on the common scale `(S,)`."""

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the first error of a part."""
        parts = [score_batch(scorer, requests) for scorer, _ in self._weighted]
        return [self._sum(outcomes) for outcomes in zip(*parts, strict=True)]

    def _sum(self, outcomes: Sequence[Scores | Exception]) -> Scores | Exception:
        shares = list[Floats]()
        for outcome, (_, weight) in zip(outcomes, self._weighted, strict=True):
            if isinstance(outcome, Exception):
                return outcome
            shares.append(weight * self.scaled(np.asarray(outcome, dtype=np.float64)))
        return [float(score) for score in np.sum(shares, axis=0)]


class FusedScorer(_Fusion):
    """Sum of `weight * z(score)`; a scorer that says the same of all sentences adds nothing.

    Raises:
        ConfigError: There is no part.
    """

    def scaled(self, scores: Floats) -> Floats:
        return standardised(scores)


class RankFusionScorer(_Fusion):
    """Sum of `weight / (K + rank)`; equal scores share their mean rank and so tell nothing apart.

    Args:
        parts: The scorers, each with its weight.

    Raises:
        ConfigError: There is no part.
    """

    def scaled(self, scores: Floats) -> Floats:
        return np.asarray(1 / (K + mean_ranks(scores)))


def mean_ranks(scores: Sequence[float] | Floats) -> Floats:
    """The rank of each score `(S,)`, 1 = best; equal ones get the mean of their places, NaN stays NaN."""
    values = -np.asarray(scores, dtype=np.float64)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True, equal_nan=False)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return np.where(np.isnan(values), np.nan, ranks)
