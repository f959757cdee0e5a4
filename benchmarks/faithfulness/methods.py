"""What is measured: attngs with and without an encoder, and what is simpler. A method says how suspicious a reply is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from attngs.checking.verify import verify
from attngs.reading.embedded import load_embedded
from attngs.reading.sentence_states import SentenceStates
from attngs.text.words import words
from benchmarks.faithfulness.data import Case
from benchmarks.faithfulness.similarity import SentenceSimilarity

FALSE_ALARMS = 0.1
"""Thresholds of the baselines are set on the development half so that at most this share of its faithful rewrites is flagged."""

_FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to tell."""

    name: str
    note: str
    suspicion: Callable[[Case], float]
    """The higher, the likelier an error."""
    threshold: float | None = None
    """A reply is flagged from here on; set on the development half when `None`."""


def methods() -> list[Method]:
    """All of them; the encoder is loaded once."""
    similarity = SentenceSimilarity(SentenceStates(load_embedded()))

    def by_words(case: Case) -> float:
        return float(sum(len(verdict.unsupported) for verdict in verify(case.reply, case.sentences)))

    def by_words_and_similarity(case: Case) -> float:
        return float(sum(len(verdict.unsupported) for verdict in verify(case.reply, case.sentences, similarity=similarity)))

    def by_cosine(case: Case) -> float:
        return 1 - float(np.max(similarity([case.reply], case.sentences)))

    return [
        Method(name="attngs", note="`verify`, words alone", suspicion=by_words, threshold=1),
        Method(name="attngs + encoder", note="`verify` with MiniLM's cosines", suspicion=by_words_and_similarity, threshold=1),
        Method(name="figures", note="a figure of the reply stands nowhere in the context", suspicion=_unknown_figures, threshold=1),
        Method(name="word overlap", note="share of the reply's words that stand nowhere in the context", suspicion=_unknown_words),
        Method(name="cosine", note="MiniLM's cosine of the reply with its nearest sentence", suspicion=by_cosine),
    ]


def _unknown_figures(case: Case) -> float:
    known = {figure for sentence in case.sentences for figure in _FIGURE.findall(sentence.text)}
    return float(sum(figure not in known for figure in _FIGURE.findall(case.reply)))


def _unknown_words(case: Case) -> float:
    known = {word for sentence in case.sentences for word in words(sentence.text)}
    said = words(case.reply)
    return sum(word not in known for word in said) / max(1, len(said))


def threshold(method: Method, faithful: Sequence[float]) -> float:
    """The method's own, or the lowest one that flags at most the allowed share of these faithful rewrites."""
    if method.threshold is not None:
        return method.threshold
    allowed = int(FALSE_ALARMS * len(faithful))
    return float(np.nextafter(sorted(faithful, reverse=True)[allowed], np.inf))
