"""A form of the score: measures at scales, each with a weight, and what is done to their sum.

It is written out beside the marker's own code, so that every constant can be varied; a test says that the shipped one scores as the
marker does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from attngs.marking.coherence import Coherence, coherence
from attngs.marking.figures import lift_by_figures
from attngs.marking.labels import lift_by_labels
from attngs.marking.scales import standardised
from attngs.marking.scorers.encoder import TIES, WORD_WEIGHT, second_hop
from attngs.marking.siblings import lift_by_siblings
from attngs.marking.speakers import lift_by_speakers
from attngs.protocols import Floats
from benchmarks.carry.terms import BARE, Terms

Weights = Mapping[tuple[str, str], float]
"""By measure and scale. All scales but that of the sentence itself count as far as neighbours do."""

WORDS = ("bm25", "cover")
OWN = ("sentence", BARE)
SIBLINGS, LABELS, SPEAKERS, FIGURES = "siblings", "labels", "speakers", "figures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A weighted sum of z-scores, and what is done to it."""

    weights: Weights
    alone: float = 0.0
    """Weight that the sentence's own cosine gains where neighbours count for nothing."""
    hop: float = 0.0
    feedback: float = 0.0
    """Weight of being like the sentences that are most like the question, which are added to it."""
    neighbours: Literal["judged", "always", "never"] = "judged"
    lifts: frozenset[str] = field(default=frozenset({SIBLINGS, LABELS, SPEAKERS, FIGURES}))

    def __call__(self, terms: Terms) -> Floats:
        """The score `(S,)`."""
        around = self._coherence(terms)

        def total(words: bool) -> Floats:
            parts = [
                weight * (1.0 if scale in OWN else around.neighbours) * terms(measure, scale)
                for (measure, scale), weight in self.weights.items()
                if weight and (measure in WORDS) == words
            ]
            return np.asarray(np.sum(parts, axis=0)) if parts else np.zeros(len(terms.layout))

        shared, states = total(True), total(False)
        if self.alone:
            states = states + self.alone * (1 - around.neighbours) * terms("cosine", "sentence")
        if self.feedback:
            states = states + self.feedback * standardised(terms.found.feedback)
        if not terms.latin:
            return self._lifted(terms, shared / WORD_WEIGHT + TIES * states)
        return self._lifted(terms, second_hop(shared + states, terms.found, self.hop * around.alike))

    def _coherence(self, terms: Terms) -> Coherence:
        if self.neighbours == "judged":
            return coherence(terms.alone, terms.layout, conversation=terms.known.conversation)
        return Coherence(1.0, 0.0) if self.neighbours == "always" else Coherence(0.0, 1.0)

    def _lifted(self, terms: Terms, scores: Floats) -> Floats:
        if SIBLINGS in self.lifts:
            scores = lift_by_siblings(scores, terms.alone, terms.layout, terms.known.siblings)
        found = tuple(scores.tolist())
        if LABELS in self.lifts:
            found = lift_by_labels(terms.request, found, terms.cache)
        if SPEAKERS in self.lifts:
            found = lift_by_speakers(terms.request, found, terms.cache)
        if FIGURES in self.lifts:
            found = lift_by_figures(terms.request, found)
        return np.array(found)
