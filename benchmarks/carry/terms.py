"""One question about one context -> the measures that a form of the score is made of, by the marker's own code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from attngs import Marker
from attngs.marking.cutting import Cutter
from attngs.marking.echoes import find_echoes
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.encoder import EmbeddedScorer
from attngs.marking.scorers.lexical import Overlap, word_index
from attngs.marking.scorers.similarities import KnownContext, Similarities
from attngs.protocols import Floats
from attngs.reading.context_cache import ContextCache
from attngs.reading.forks import computed_once
from attngs.reading.sentence_states import SentenceStates
from attngs.text.sentences import Splitter
from attngs.text.words import mostly_latin, words
from attngs.types import ScoreRequest
from benchmarks.evidence.data import Row
from benchmarks.evidence.worth import worth_of

BARE = "bare"
"""The scale of a sentence without its heads."""
SHARPNESS = {"late": 1.0, "late, T 0.05": 2.0, "late, T 0.2": 0.5}
"""Late attention at its temperature, and at half and twice of it: the question's states times this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, cut and counted."""

    request: ScoreRequest
    costs: NDArray[np.int64]
    """Tokens of each unit `(S,)`."""
    evidence: Floats
    """Evidence characters in each unit `(S,)`."""


class Terms:
    """The z-scores of every measure at every scale `(S,)`, each computed when a form first asks for it.

    Args:
        asked: The question.
        states: The encoder.
    """

    def __init__(self, asked: Asked, states: SentenceStates) -> None:
        self.asked, self.request = asked, asked.request
        self.latin = mostly_latin(self.request.query)
        self._states, self.cache = states, states.cache
        self._question, *self._context = states.of_request(self.request)
        self.known = KnownContext.of(self.request, self._context, states)
        self.layout = self.known.layout
        self.found = Similarities(self._question, self._context, self.known)
        self._kept = dict[tuple[str, str], Floats]()

    def __call__(self, measure: str, scale: str) -> Floats:
        """z-scores of `late`, `cosine`, `bm25` or `cover` at one of `SCALES` or at `BARE`."""
        if (measure, scale) not in self._kept:
            self._kept[measure, scale] = standardised(self._measured(measure, scale))
        return self._kept[measure, scale]

    @property
    def alone(self) -> Floats:
        """What the states say of each sentence by itself `(S,)`."""
        return self("late", "sentence") + self("cosine", "sentence")

    def _measured(self, measure: str, scale: str) -> Floats:
        if measure in ("bm25", "cover"):
            return self._words(measure, scale)
        if scale == BARE:
            return self._compared(self._bare, measure, "sentence")
        return self._compared(self.found, measure, scale)

    def _compared(self, found: Similarities, measure: str, scale: str) -> Floats:
        if measure == "cosine":
            return found.cosine(scale)
        if SHARPNESS[measure] == 1:
            return found.late(scale)
        return Similarities(SHARPNESS[measure] * self._question.float(), self._context, self.known).late(scale)

    def _words(self, measure: str, scale: str) -> Floats:
        index = word_index(self._states.cache, self.request.sentences, self.request.namespace)
        overlap = Overlap(words(self.request.query), index, self._without_heads if scale == BARE else self.layout)
        neighbours = 0 if scale == BARE else SCALES[scale]
        return overlap.bm25(neighbours) if measure == "bm25" else overlap.cover(neighbours)

    @computed_once
    def _without_heads(self) -> Layout:
        return Layout(self.layout.first, self.layout.last)

    @computed_once
    def _bare(self) -> Similarities:
        known = KnownContext(self._context, self.request.sentences)
        known.layout = self._without_heads
        return Similarities(self._question, self._context, known)


class Reader:
    """Cuts the rows and counts their tokens; keeps the states of the context that it read last.

    Args:
        marker: The default marker.
    """

    def __init__(self, marker: Marker) -> None:
        assert isinstance(marker.scorer, EmbeddedScorer)
        assert marker.counter is not None
        self._states, self._counter = marker.scorer.states, marker.counter
        self._cutter = Cutter(Splitter(), ContextCache())

    def read(self, row: Row) -> Terms:
        """The terms of one question; units that only repeat it are left out, as the marker does."""
        units = self._cutter.cut(row.documents, "")
        echoes = find_echoes(row.query, units)
        kept = [unit for number, unit in enumerate(units) if number not in echoes]
        asked = Asked(
            request=ScoreRequest(query=row.query, sentences=kept, namespace=""),
            costs=np.array(self._counter.count([unit.text.strip() for unit in kept]), dtype=np.int64),
            evidence=worth_of(row, [(unit.position, unit.start, unit.end) for unit in kept]).evidence,
        )
        with torch.inference_mode():
            return Terms(asked, self._states)
