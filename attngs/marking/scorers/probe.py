"""Probability of evidence, by a probe fitted on labels: the only scores that compare between texts."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.errors import ConfigError
from attngs.marking.probe import Probe
from attngs.marking.scorers.batch import BatchedScorer, Composite, Scores
from attngs.protocols import FeatureReader, Floats
from attngs.types import ScoreRequest


class ProbeScorer(Composite, BatchedScorer):
    """Calibrated probabilities.

    Args:
        features: Reads the probe's features, in any order; more than those do no harm.
        probe: As `attngs fit` saved it.

    Raises:
        ConfigError: The reader lacks a feature.
    """

    def __init__(self, features: FeatureReader, probe: Probe) -> None:
        super().__init__(features)
        place = {name: number for number, name in enumerate(features.names)}
        if missing := [name for name in probe.features if name not in place]:
            raise ConfigError(f"the probe weighs {missing[:3]}, which `{type(features).__name__}` does not read.")
        self.probe = probe
        self._features = features
        self._columns = [place[name] for name in probe.features]

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The probabilities of each request, or its error."""
        return [self._probabilities(outcome) for outcome in self._features.read(requests)]

    def probabilities(self, request: ScoreRequest, scores: Sequence[float]) -> list[float]:
        """The scores: they are probabilities already."""
        return [min(max(score, 0.0), 1.0) for score in scores]

    def _probabilities(self, outcome: Floats | Exception) -> Scores | Exception:
        if isinstance(outcome, Exception):
            return outcome
        return [float(probability) for probability in self.probe.probabilities(outcome[:, self._columns])]
