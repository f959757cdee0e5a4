"""The probability that a sentence is evidence, from a probe that was fitted on labels: the only scores that compare between texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.errors import ConfigError
from attngs.marking.probe import Probe
from attngs.marking.scorers.batch import BatchedScorer, Scores
from attngs.protocols import FeatureReader, Warmable
from attngs.types import ScoreRequest, Sentence, Warmth


class ProbeScorer(BatchedScorer):
    """Calibrated probabilities.

    Args:
        features: Reads what the probe weighs, in any order, with or without more.
        probe: As `attngs fit` saved it.

    Raises:
        ConfigError: The reader lacks a feature.
    """

    def __init__(self, features: FeatureReader, probe: Probe) -> None:
        place = {name: number for number, name in enumerate(features.names)}
        if missing := [name for name in probe.features if name not in place]:
            raise ConfigError(f"the probe weighs {missing[:3]}, which `{type(features).__name__}` does not read.")
        self.probe = probe
        self._features = features
        self._columns = [place[name] for name in probe.features]

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The probabilities of each request, or the error that it met."""
        return [self._probabilities(outcome) for outcome in self._features.read(requests)]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before it is asked about, where the features allow it."""
        return self._features.warm(sentences, namespace) if isinstance(self._features, Warmable) else Warmth(tokens=0, kept=0, bytes=0)

    def _probabilities(self, outcome: NDArray[np.float64] | Exception) -> Scores | Exception:
        if isinstance(outcome, Exception):
            return outcome
        return [float(probability) for probability in self.probe.probabilities(outcome[:, self._columns])]
