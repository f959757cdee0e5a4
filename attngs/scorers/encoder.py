"""The score of an encoder: late attention, similarity and words, each at several scales, added up.

A sentence rarely matters alone: a turn is about what the turns around it are about, and a memory matters as a whole. So late attention,
similarity and words are asked of the sentence, of its neighbourhood and of its document, from states that were read once. All terms are
z-scores over the context. Words count half: they find names and rare terms, and mislead where a question and what it needs share none.
Where neighbours say little about each other (`coherence.py`), the wider scales count less, and the sentence's own similarity takes their
place. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from attngs.coherence import coherence
from attngs.overlap import Overlap
from attngs.scales import SCALES, Floats, Layout, standardised
from attngs.scorers.similarities import Similarities
from attngs.scorers.states import StatesScorer
from attngs.scorers.word_indexes import word_index
from attngs.types import ScoreRequest, Sentence, Warmth
from attngs.words import words

WIDE_ATTENTION = ("near", "passage", "document")
WIDE_SIMILARITY = ("passage",)
WIDE_WORDS = ("passage",)
WORD_WEIGHT = 0.5
ALONE = 3.0
"""What the sentence's own similarity gains where the wider scales count for nothing."""


class EncoderScorer(StatesScorer):
    """Sum of z-scores of late attention, cosine and BM25 over the scales above."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        words, states = self.terms(request, asked, context)
        return [float(score) for score in WORD_WEIGHT * words + states]

    def terms(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> tuple[Floats, Floats]:
        """What shared words say, and what the states say, of each sentence `(S,)`."""
        layout = Layout.of(request.sentences)
        if not len(asked) or not any(map(len, context)):
            return self._shared_words(request, layout, 1.0), np.zeros(len(layout))
        found = Similarities(asked, context, layout)
        attention, similarity = standardised(found.late("sentence")), standardised(found.cosine("sentence"))
        neighbours = coherence(attention + similarity, layout, request.sentences)
        own = (1 + ALONE * (1 - neighbours)) * similarity + attention
        wide = [*map(found.late, WIDE_ATTENTION), *map(found.cosine, WIDE_SIMILARITY)]
        return self._shared_words(request, layout, neighbours), own + neighbours * np.sum([*map(standardised, wide)], axis=0)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context, and index its words, before it is asked about."""
        word_index(self.states.cache, sentences, namespace)
        return super().warm(sentences, namespace)

    def _shared_words(self, request: ScoreRequest, layout: Layout, neighbours: float) -> Floats:
        """z(BM25) over the scales, and of the share of the question's words that the sentence has `(S,)`."""
        overlap = Overlap(words(request.query), word_index(self.states.cache, request.sentences, request.namespace), layout)
        own = standardised(overlap.bm25(0)) + standardised(overlap.cover(0))
        wide = np.sum([standardised(overlap.bm25(SCALES[scale])) for scale in WIDE_WORDS], axis=0)
        return np.asarray(own + neighbours * wide)
