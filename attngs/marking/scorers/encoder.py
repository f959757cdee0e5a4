"""The score of an encoder: late attention, similarity and words, at several scales, added up.

A sentence rarely matters alone: a turn is about what the turns around it are about, and a memory matters as a whole. So the same sum is
taken of the sentence, of it with its neighbours, of its passage and of its document, all from states that were read once. Every term is a
z-score over the context. Words count half: they find names and rare terms, and mislead where a question and its evidence share none.
Where neighbours say little about each other (`coherence.py`), the wider scales count less, and likeness to the sentences that score best
takes their place. Numbers: docs/embedded-marker.md; what each constant is worth on sets that it was not chosen on: `benchmarks/carry`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from attngs.marking.coherence import coherence
from attngs.marking.relevance import probabilities
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.lexical import Overlap, word_index
from attngs.marking.scorers.similarities import KnownContext, Similarities
from attngs.marking.scorers.states import StatesScorer
from attngs.protocols import Floats
from attngs.text.words import mostly_latin, words
from attngs.types import ScoreRequest, Sentence, Warmth

WIDE = ("near", "passage", "document")
"""The scales beside the sentence itself."""

WORD_WEIGHT = 0.5

HOP = 0.4
"""Weight of being like the best, in standard deviations of the score."""
SHARP = 0.3
"""Temperature of the softmax that says who the best are, in standard deviations of the score."""

TIES = 0.05
"""Weight of the states for a question whose letters are mostly not Latin: they only break ties."""


class EncoderScorer(StatesScorer):
    """Sum of z-scores of late attention, cosine and BM25 over the scales above; then a second hop."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        if not len(asked) or not any(map(len, context)):
            return [float(score) for score in self._shared_words(request, Layout.of(request.sentences), 1.0)]
        known = KnownContext.of(request, context, self.states)
        found, layout = Similarities(asked, context, known), known.layout

        def alike_in_sense(scale: str) -> Floats:
            return standardised(found.late(scale)) + standardised(found.cosine(scale))

        neighbours, alike = coherence(alike_in_sense("sentence"), layout, conversation=known.conversation)
        states = at_scales(alike_in_sense, neighbours)
        shared = self._shared_words(request, layout, neighbours)
        return [float(score) for score in self.together(request.query, shared, states, found, alike)]

    def together(self, query: str, shared: Floats, states: Floats, found: Similarities, alike: float) -> Floats:
        """The score `(S,)` from what the words say and what the states say, both `(S,)`."""
        return second_hop(WORD_WEIGHT * shared + states, found, HOP * alike)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context and index its words before the first question."""
        word_index(self.states.cache, sentences, namespace)
        return super().warm(sentences, namespace)

    def _shared_words(self, request: ScoreRequest, layout: Layout, neighbours: float) -> Floats:
        """BM25 over the scales `(S,)`."""
        overlap = Overlap(words(request.query), word_index(self.states.cache, request.sentences, request.namespace), layout)
        return at_scales(lambda scale: standardised(overlap.bm25(SCALES[scale])), neighbours)


class EmbeddedScorer(EncoderScorer):
    """`EncoderScorer` for an encoder of English: for questions in other scripts, words count most."""

    def together(self, query: str, shared: Floats, states: Floats, found: Similarities, alike: float) -> Floats:
        return super().together(query, shared, states, found, alike) if mostly_latin(query) else shared + TIES * states

    def probabilities(self, request: ScoreRequest, scores: Sequence[float]) -> list[float]:
        """Calibrated for this model alone (`attngs.marking.relevance`)."""
        return [float(probability) for probability in probabilities(request, scores, self.states)]


def at_scales(measure: Callable[[str], Floats], neighbours: float) -> Floats:
    """A measure of the sentence, and of what is around it as far as neighbours count `(S,)`."""
    own = measure("sentence")
    return np.asarray(own + neighbours * np.sum([measure(scale) for scale in WIDE], axis=0)) if neighbours else own


def second_hop(scores: Floats, found: Similarities, weight: float) -> Floats:
    """The best sentences ask again: a sentence gains by being like them `(S,)`.

    A question that needs two facts often names the first, and only the first says what the second is about. The hop counts as far as one
    sentence stands out (the sum of squared shares): of many that score alike, none can ask.
    """
    if not weight:  # as in every conversation: nothing would change
        return scores
    best = standardised(scores) / SHARP
    likely = np.exp(best - best.max())
    likely /= likely.sum()
    clear = float(likely @ likely)
    return np.asarray(scores + weight * clear * float(scores.std()) * standardised(found.like(likely)))
