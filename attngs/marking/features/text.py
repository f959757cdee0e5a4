"""Features without a model: shared words at every scale; place, length and form of a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Sequence

import numpy as np

from attngs.marking.echoes import without_echoes
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.batch import attempt_each
from attngs.marking.scorers.lexical import Overlap, WordIndex, word_index
from attngs.protocols import Floats
from attngs.reading.context_cache import ContextCache
from attngs.reading.forks import computed_once
from attngs.text.words import words
from attngs.types import ScoreRequest, Sentence, Warmth

LENGTH = "length.log"
"""The log of a sentence's number of words, which turns a mean over tokens into a sum."""

STEM = 5
"""First letters of a word that count as its stem: crude, but the same for all languages with an alphabet."""

WORD_CACHE_BYTES = 2**26
"""Bound of the words of contexts, for a reader that was given no cache."""

_LABEL = re.compile(r"\A\s*[\[(<*]{0,2}[^\s:：][^:：\n]{0,59}[:：](\s|$)")
_DIGIT = re.compile(r"\d")
_QUESTION = re.compile(r"[?？]\s*\Z")


class TextFeatures:
    """Shared words (z-scores of BM25, and the covered share of the question), place, length and form.

    Args:
        cache: Keeps the words of a context for the next question; its own when not given.
        names: The wanted features; all when not given. Names of other readers are ignored.
    """

    def __init__(self, cache: ContextCache | None = None, names: Collection[str] | None = None) -> None:
        self._cache = cache or ContextCache(WORD_CACHE_BYTES)
        self.names: tuple[str, ...] = tuple(name for name in MEASURES if names is None or name in names)

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request."""
        return attempt_each(lambda request: without_echoes(request, self._read), requests)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Index the words of a context before the first question; no model reads them."""
        facts = _Facts(ScoreRequest(query="", sentences=sentences, namespace=namespace), self._cache)
        for name in self.names:
            MEASURES[name](facts)
        return Warmth(tokens=0, kept=0, bytes=0)

    def forget(self, namespace: str | None = None) -> None:
        self._cache.clear(namespace)

    def _read(self, request: ScoreRequest) -> Floats:
        facts = _Facts(request, self._cache)
        found = np.empty((len(request.sentences), len(self.names)))
        for column, name in enumerate(self.names):
            found[:, column] = MEASURES[name](facts)
        return found


class _Facts:
    """What several features need to know of one request, each found on first use."""

    def __init__(self, request: ScoreRequest, cache: ContextCache) -> None:
        self._request, self._cache = request, cache
        self.layout = Layout.of(request.sentences)

    @computed_once
    def shared(self) -> Overlap:
        return Overlap(words(self._request.query), self._index, self.layout)

    @computed_once
    def stems(self) -> Overlap:
        index = word_index(self._cache, self._request.sentences, self._request.namespace, _stems, b"stems")
        return Overlap(_stems(self._request.query), index, self.layout)

    @computed_once
    def log_length(self) -> Floats:
        return np.log1p(self._index.lengths)

    @computed_once
    def size(self) -> Floats:
        """Sentences of each one's document."""
        return (self.layout.last - self.layout.first).astype(np.float64)

    @computed_once
    def document(self) -> Floats:
        """Number of each one's document."""
        return np.unique(self.layout.first, return_inverse=True)[1].astype(np.float64)

    def form(self, pattern: re.Pattern[str]) -> Floats:
        return np.array([pattern.search(sentence.text) is not None for sentence in self._request.sentences], dtype=np.float64)

    @computed_once
    def _index(self) -> WordIndex:
        return word_index(self._cache, self._request.sentences, self._request.namespace)


def _stems(text: str) -> list[str]:
    return [word[:STEM] for word in words(text)]


Measure = Callable[[_Facts], Floats]


def _words(scale: str) -> Measure:
    return lambda facts: standardised(facts.shared.bm25(SCALES[scale]))


def _stemmed(scale: str) -> Measure:
    return lambda facts: standardised(facts.stems.bm25(SCALES[scale]))


MEASURES: dict[str, Measure] = {
    **{f"words.{scale}": _words(scale) for scale in SCALES},
    **{f"stems.{scale}": _stemmed(scale) for scale in SCALES},
    "words.cover": lambda facts: facts.shared.cover(0),
    "words.rarest": lambda facts: facts.shared.rarest(),
    "stems.cover.document": lambda facts: facts.stems.cover(None),
    "length": lambda facts: standardised(facts.log_length),
    LENGTH: lambda facts: facts.log_length,
    "place.document": lambda facts: (facts.layout.place - facts.layout.first) / np.maximum(facts.size - 1, 1),
    "place.first": lambda facts: (facts.layout.place == facts.layout.first).astype(np.float64),
    "place.last": lambda facts: (facts.layout.place == facts.layout.last - 1).astype(np.float64),
    "place.recency": lambda facts: facts.layout.place / max(len(facts.layout) - 1, 1),
    "place.document_recency": lambda facts: facts.document / max(float(facts.document.max(initial=0)), 1),
    "form.label": lambda facts: facts.form(_LABEL),
    "form.question": lambda facts: facts.form(_QUESTION),
    "form.digits": lambda facts: facts.form(_DIGIT),
    "size.context": lambda facts: np.full(len(facts.layout), math.log(max(len(facts.layout), 1))),
    "size.document": lambda facts: np.log(np.maximum(facts.size, 1)),
}
"""How each feature is measured."""
