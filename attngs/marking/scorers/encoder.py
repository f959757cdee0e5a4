"""The score of an encoder: late attention, similarity and words, each at several scales, added up.

A sentence rarely matters alone: a turn is about what the turns around it are about, and a memory matters as a whole. So late attention,
similarity and words are measured on the sentence, on its neighbourhood and on its document, all from states that were read once. Every term
is a z-score over the context. Words count half: they find names and rare terms, and mislead where a question and its evidence share none.
Where neighbours say little about each other (`coherence.py`), the wider scales count less. The sentence's own similarity takes their place,
and so does likeness to the sentences that score best. In a short
document, the others follow the best sentence (`siblings.py`). Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from attngs.marking.coherence import coherence
from attngs.marking.relevance import probabilities
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.lexical import Overlap, word_index
from attngs.marking.scorers.similarities import KnownContext, Similarities
from attngs.marking.scorers.states import StatesScorer
from attngs.marking.scorers.survey import Integers, Survey
from attngs.marking.siblings import lift_by_siblings
from attngs.protocols import Floats
from attngs.text.words import mostly_latin, words
from attngs.types import ScoreRequest, Sentence, Warmth

WIDE_ATTENTION = ("near", "passage", "document")
WIDE_SIMILARITY = ("passage",)
WIDE_WORDS = ("passage",)

WORD_WEIGHT = 0.5
ALONE = 3.0
"""Weight that the sentence's own similarity gains where the wider scales count for nothing."""

HOP = 0.4
"""Weight of being like the best, in standard deviations of the score."""
SHARP = 0.3
"""Temperature of the softmax that says who the best are, in standard deviations of the score."""

TIES = 0.05
"""Weight of the states for a question whose letters are mostly not Latin: they only break ties."""


class EncoderScorer(StatesScorer):
    """Sum of z-scores of late attention, cosine and BM25 over the scales above; then a second hop."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        shared = Overlap(
            words(request.query), word_index(self.states.cache, request.sentences, request.namespace), Layout.of(request.sentences)
        )
        if not len(asked) or not any(map(len, context)):
            return [float(score) for score in shared_words(shared, 1.0)]
        known = KnownContext.of(request, context, self.states)
        return [float(score) for score in self._score(request.query, Similarities(asked, context, known), shared)]

    def guess(self, survey: Survey) -> Floats:
        if not survey.reads_states:
            return shared_words(survey.shared, 1.0)
        return self._score(survey.query, survey.guessed(), survey.shared)

    def settle(self, survey: Survey, request: ScoreRequest, numbers: Integers) -> Floats:
        context = self.states.just_read([sentence.text for sentence in request.sentences], request.namespace)
        if not survey.reads_states or not any(map(len, context)):
            return shared_words(survey.shared, 1.0)
        return self._score(survey.query, survey.looked_at(numbers, context), survey.shared)

    def _score(self, query: str, found: Similarities, shared: Overlap) -> Floats:
        """The score of each sentence `(S,)` from what its states and its words share with the question."""
        attention, similarity = standardised(found.late("sentence")), standardised(found.cosine("sentence"))
        alone = attention + similarity
        neighbours, alike = coherence(alone, found.layout, conversation=found.conversation)
        wide = [*map(found.late, WIDE_ATTENTION), *map(found.cosine, WIDE_SIMILARITY)]
        states = (1 + ALONE * (1 - neighbours)) * similarity + attention + neighbours * np.sum([*map(standardised, wide)], axis=0)
        scores = self.together(query, shared_words(shared, neighbours), states, found, alike)
        return lift_by_siblings(scores, alone, found.layout, found.siblings)

    def together(self, query: str, shared: Floats, states: Floats, found: Similarities, alike: float) -> Floats:
        """The score `(S,)` from what the words say and what the states say, both `(S,)`."""
        return second_hop(WORD_WEIGHT * shared + states, found, HOP * alike)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context and index its words before the first question."""
        word_index(self.states.cache, sentences, namespace)
        return super().warm(sentences, namespace)


class EmbeddedScorer(EncoderScorer):
    """`EncoderScorer` for an encoder of English: for questions in other scripts, words count most."""

    def together(self, query: str, shared: Floats, states: Floats, found: Similarities, alike: float) -> Floats:
        return super().together(query, shared, states, found, alike) if mostly_latin(query) else shared + TIES * states

    def probabilities(self, request: ScoreRequest, scores: Sequence[float]) -> list[float]:
        """Calibrated for this model alone (`attngs.marking.relevance`)."""
        return [float(probability) for probability in probabilities(request, scores, self.states)]


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


def shared_words(overlap: Overlap, neighbours: float) -> Floats:
    """z(BM25) over the scales, plus z of the share of the question's words that the sentence has `(S,)`."""
    own = standardised(overlap.bm25(0)) + standardised(overlap.cover(0))
    wide = np.sum([standardised(overlap.bm25(SCALES[scale])) for scale in WIDE_WORDS], axis=0)
    return np.asarray(own + neighbours * wide)
