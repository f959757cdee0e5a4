"""The score of an encoder: late attention, similarity and words, each at several scales, added up.

A sentence rarely matters alone: a turn is about what the turns around it are about, and a memory matters as a whole. So late attention,
similarity and words are asked of the sentence, of its neighbourhood and of its document, from states that were read once. All terms are
z-scores over the context. Words count half: they find names and rare terms, and mislead where a question and what it needs share none.
Where neighbours say little about each other (`coherence.py`), the wider scales count less, and the sentence's own similarity takes their
place. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attngs.coherence import coherence
from attngs.overlap import Overlap
from attngs.scales import SCALES, Floats, Layout, standardised
from attngs.scorers.cosine import summed
from attngs.scorers.late_attention import attention_mass
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
        scales = Comparison.of(asked, context, layout)
        attention, similarity = scales.attention("sentence"), scales.similarity("sentence")
        neighbours = coherence(attention + similarity, layout, request.sentences)
        own = (1 + ALONE * (1 - neighbours)) * similarity + attention
        wide = [*map(scales.attention, WIDE_ATTENTION), *map(scales.similarity, WIDE_SIMILARITY)]
        return self._shared_words(request, layout, neighbours), own + neighbours * np.sum(wide, axis=0)

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


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A question's states against those of each sentence, at any scale."""

    layout: Layout
    tokens: Floats
    """Of each sentence `(S,)`."""
    mass: Floats
    """The share of the question's late attention that each sentence gets `(S,)`."""
    states: Floats
    """Sums of each sentence's states `(S, D)`."""
    question: Floats
    """Mean state of the question, of length 1 `(D,)`."""

    @classmethod
    def of(cls, asked: Tensor, context: Sequence[Tensor], layout: Layout) -> Comparison:
        """From states of the question `(R, D)` and of each sentence `(T, D)`; at least one has rows."""
        return cls(
            layout=layout,
            tokens=np.array([len(state) for state in context], dtype=np.float64),
            mass=attention_mass(asked, context).double().numpy(),
            states=summed(context, asked).numpy(),
            question=torch.nn.functional.normalize(asked.float().sum(dim=0), dim=0).numpy(),
        )

    def attention(self, scale: str) -> Floats:
        """z(log lift of late attention over uniform attention) `(S,)`."""
        neighbours = SCALES[scale]
        density = self.layout.total(self.mass, neighbours) / np.maximum(self.layout.total(self.tokens, neighbours), 1)
        return standardised(np.log(np.maximum(density * self.tokens.sum(), 1e-6)))

    def similarity(self, scale: str) -> Floats:
        """z(cosine of mean states) `(S,)`."""
        wide = self.layout.total(self.states, SCALES[scale])
        return standardised(wide @ self.question / np.maximum(np.linalg.norm(wide, axis=1), 1e-9))
