"""Several scorers, one score: the weighted sum of their z-scores over the context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attngs.errors import ConfigError
from attngs.protocols import Scorer
from attngs.types import Sentence


class FusedScorer:
    """Sum of `weight * z(score)`; a scorer that says the same of all sentences adds nothing.

    z-scores keep how far ahead a sentence is, which rank fusion throws away.
    """

    def __init__(self, *parts: tuple[Scorer, float]) -> None:
        if not parts:
            raise ConfigError("`FusedScorer` needs at least one `(scorer, weight)`.")
        self._parts = parts

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        total = np.zeros(len(sentences))
        for scorer, weight in self._parts:
            scores = np.asarray(scorer.score(query, sentences), dtype=np.float64)
            spread = scores.std() if len(scores) else 0.0
            noise = 1e-6 * max(1.0, float(np.abs(scores).max(initial=0.0)))  # equal texts differ by rounding, which is no opinion
            if not spread <= noise:  # so that NaN goes on to the check that names it
                total += weight * (scores - scores.mean()) / spread
        return [float(score) for score in total]
