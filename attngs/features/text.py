"""Features that take no model: words that question and sentence share, at every scale, and where and how long a sentence is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from attngs.overlap import Overlap
from attngs.scales import SCALES, Floats, Layout, standardised
from attngs.scorers.batch import attempt_each
from attngs.types import ScoreRequest, Sentence
from attngs.words import WordIndex, words

LENGTH = "length.log"
"""The log of a sentence's number of words, which turns a mean over tokens into a sum."""

STEM = 5
"""Letters of a word that count where endings do not: crude, and the same for all languages with an alphabet."""

_LABEL = re.compile(r"\A\s*[\[(<*]{0,2}[^\s:：][^:：\n]{0,59}[:：](\s|$)")
_DIGIT = re.compile(r"\d")
_QUESTION = re.compile(r"[?？]\s*\Z")
_FORMS = (_LABEL, _QUESTION, _DIGIT)


class TextFeatures:
    """Shared words (z-scores of BM25 over the context, and the share of the question that is covered), place, length, form."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = (
            *(f"words.{scale}" for scale in SCALES),
            *(f"stems.{scale}" for scale in SCALES),
            *("words.cover", "words.rarest", "stems.cover.document"),
            *("length", LENGTH, "place.document", "place.first", "place.last", "place.recency", "place.document_recency"),
            *("form.label", "form.question", "form.digits", "size.context", "size.document"),
        )

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request."""
        return attempt_each(self._read, requests)

    def _read(self, request: ScoreRequest) -> Floats:
        sentences, layout = request.sentences, Layout.of(request.sentences)
        bags = [words(sentence.text) for sentence in sentences]
        shared = Overlap(words(request.query), WordIndex.of(bags), layout)
        stems = Overlap(_stems(words(request.query)), WordIndex.of([_stems(bag) for bag in bags]), layout)
        columns = [
            *(standardised(shared.bm25(neighbours)) for neighbours in SCALES.values()),
            *(standardised(stems.bm25(neighbours)) for neighbours in SCALES.values()),
            *(shared.cover(0), shared.rarest(), stems.cover(None)),
            *_structure(sentences, layout, np.array([len(bag) for bag in bags], dtype=np.float64)),
        ]
        return np.stack(columns, axis=1)


def _stems(bag: Sequence[str]) -> list[str]:
    return [word[:STEM] for word in bag]


def _structure(sentences: Sequence[Sentence], layout: Layout, lengths: Floats) -> list[Floats]:
    """Place, length and form; each `(S,)`."""
    size, count = layout.last - layout.first, max(len(layout), 1)
    inside = (layout.place - layout.first) / np.maximum(size - 1, 1)
    _, documents = np.unique(layout.first, return_inverse=True)
    return [
        standardised(np.log1p(lengths)),
        np.log1p(lengths),
        inside,
        (layout.place == layout.first).astype(np.float64),
        (layout.place == layout.last - 1).astype(np.float64),
        layout.place / max(count - 1, 1),
        documents / max(int(documents.max(initial=0)), 1),
        *(np.array([form.search(sentence.text) is not None for sentence in sentences], dtype=np.float64) for form in _FORMS),
        np.full(len(layout), math.log(count)),
        np.log(np.maximum(size, 1)),
    ]
