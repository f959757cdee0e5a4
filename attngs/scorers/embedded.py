"""The score of `Marker.default()`: that of an encoder, with words in the lead where the encoder does not know the script.

Its encoder was trained on English. For a question in another script its states say little, so words lead, and late attention only breaks
their ties. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from attngs.scorers.encoder import WORD_WEIGHT, EncoderScorer
from attngs.types import ScoreRequest
from attngs.words import mostly_latin

TIES = 0.05
"""Weight of the states for a question whose letters are mostly not Latin."""


class EmbeddedScorer(EncoderScorer):
    """`EncoderScorer`; but where most letters of the question are not Latin, shared words and little else."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        words, states = self.terms(request, asked, context)
        weights = (WORD_WEIGHT, 1.0) if mostly_latin(request.query) else (1.0, TIES)
        return [float(score) for score in weights[0] * words + weights[1] * states]
