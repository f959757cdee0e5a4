"""The score of `Marker.default()`: that of an encoder, with words in the lead where the encoder does not know the script.

Its encoder was trained on English. For a question in another script its states say little, so words lead, and late attention only breaks
their ties. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from attngs.scales import Layout
from attngs.scorers.encoder import EncoderScorer, at_scales
from attngs.types import ScoreRequest
from attngs.words import mostly_latin

TIES = 0.05
"""Weight of the states for a question whose letters are mostly not Latin."""


class EmbeddedScorer(EncoderScorer):
    """`EncoderScorer`; but where most letters of the question are not Latin, shared words and little else."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        if mostly_latin(request.query):
            return super().compare(request, asked, context)
        layout = Layout.of(request.sentences)
        total = self.shared_words(request, layout)
        if len(asked) and any(map(len, context)):
            total = total + TIES * at_scales(asked, context, layout)
        return [float(score) for score in total]
