"""The score of an encoder: late attention, similarity and words, each at several scales, added up.

A sentence rarely matters alone: a turn is about what the turns around it are about, and a memory matters as a whole. So late attention,
similarity and words are asked of the sentence, of its neighbourhood and of its document, from states that were read once. All terms are
z-scores over the context and count alike, but for words, which count half: they find names and rare terms, and mislead where a question
and what it needs share none. Numbers: docs/embedded-marker.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from attngs.context_cache import Key, digest
from attngs.overlap import Overlap
from attngs.scales import SCALES, Floats, Layout, standardised
from attngs.scorers.cosine import summed
from attngs.scorers.late_attention import attention_mass
from attngs.scorers.states import StatesScorer
from attngs.types import ScoreRequest, Sentence, Warmth
from attngs.words import WordIndex, words

ATTENTION_SCALES = ("sentence", "near", "passage", "document")
SIMILARITY_SCALES = ("sentence", "passage")
WORD_SCALES = ("sentence", "passage")
WORD_WEIGHT = 0.5


class EncoderScorer(StatesScorer):
    """Sum of z-scores of late attention, cosine and BM25 over the scales above."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        layout = Layout.of(request.sentences)
        total = WORD_WEIGHT * self.shared_words(request, layout)
        if len(asked) and any(map(len, context)):
            total = total + at_scales(asked, context, layout)
        return [float(score) for score in total]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context, and index its words, before it is asked about."""
        self._index(sentences, namespace)
        return super().warm(sentences, namespace)

    def shared_words(self, request: ScoreRequest, layout: Layout) -> Floats:
        """z(BM25) over the scales, and of the share of the question's words that the sentence has `(S,)`."""
        overlap = Overlap(words(request.query), self._index(request.sentences, request.namespace), layout)
        parts = [*(overlap.bm25(SCALES[scale]) for scale in WORD_SCALES), overlap.cover(0)]
        return np.asarray(np.sum([standardised(part) for part in parts], axis=0))

    def _index(self, sentences: Sequence[Sentence], namespace: str) -> WordIndex:
        texts = [sentence.text for sentence in sentences]
        key = Key(namespace, digest(b"words", *texts))
        (index,) = self.states.cache.remember(
            [key], lambda missing: [WordIndex.of([words(text) for text in texts])], size=lambda index: index.nbytes
        )
        return index


def at_scales(asked: Tensor, context: Sequence[Tensor], layout: Layout) -> Floats:
    """z(log lift of late attention) and z(cosine), summed over their scales `(S,)`.

    Args:
        asked: States of the question `(R, D)`.
        context: States of each sentence `(T, D)`; at least one has rows.
        layout: Where the sentences stand.
    """
    tokens = np.array([len(state) for state in context], dtype=np.float64)  # (S,)
    mass = attention_mass(asked, context).double().numpy()  # (S,)
    states = summed(context, asked).numpy()  # (S, D)
    question = torch.nn.functional.normalize(asked.float().sum(dim=0), dim=0).numpy()
    parts = list[Floats]()
    for scale in ATTENTION_SCALES:
        density = layout.total(mass, SCALES[scale]) / np.maximum(layout.total(tokens, SCALES[scale]), 1)
        parts.append(np.log(np.maximum(density * tokens.sum(), 1e-6)))
    for scale in SIMILARITY_SCALES:
        wide = layout.total(states, SCALES[scale])
        parts.append(wide @ question / np.maximum(np.linalg.norm(wide, axis=1), 1e-9))
    return np.asarray(np.sum([standardised(part) for part in parts], axis=0))
