"""The score of `Marker.default()`: that of an encoder, with words in the lead where the encoder does not know the script.

Its encoder was trained on English. For a question in another script its states say little, so words lead, and late attention only breaks
their ties. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from attngs.scales import Floats
from attngs.scorers.encoder import EncoderScorer
from attngs.scorers.similarities import Similarities
from attngs.words import mostly_latin

TIES = 0.05
"""Weight of the states for a question whose letters are mostly not Latin."""


class EmbeddedScorer(EncoderScorer):
    """`EncoderScorer`; but where most letters of the question are not Latin, shared words and little else."""

    def together(self, query: str, shared: Floats, states: Floats, found: Similarities, alike: float) -> Floats:
        return super().together(query, shared, states, found, alike) if mostly_latin(query) else shared + TIES * states
