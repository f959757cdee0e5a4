"""Questions -> the attention of every layer and head on every sentence, and what each sentence is worth."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from attngs.learning.evaluation import LabelledUnits, label_units
from attngs.marking.algorithm import score_sentences
from attngs.marking.cutting import Cutter
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.protocols import Floats
from attngs.reading.attention import AttentionReader
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel
from attngs.reading.progress import track
from attngs.reading.tokens import TokenizerCounter
from attngs.text.sentences import Splitter
from attngs.types import ScoreRequest
from benchmarks.decoder.task import Question, Split, stream

TOGETHER = 32
"""Questions that are read in one call."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What the model looked at while it was about to answer one question."""

    question: Question
    units: LabelledUnits
    mass: Floats
    """Lifted attention `(L, H, S)` of the last prompt position."""
    tokens: Floats
    """Tokens of each sentence `(S,)`."""

    def layer_scores(self, layer: int) -> Floats:
        """The paper's score `(S,)` of one layer: mean over heads, mean per token."""
        return score_sentences(self.mass[layer : layer + 1], self.tokens)


def draw_questions(split: Split, *, users: int, seed: int, lines: tuple[int, int], questions: int = 4) -> list[Question]:
    """Some questions on each of some users."""
    drawn = itertools.islice(stream(split, seed=seed, lines=lines, questions=questions), users)
    return [question for _, asked in drawn for question in asked]


def every_layer(loaded: LoadedModel) -> tuple[float, ...]:
    """All readable layers, as fractions of the depth."""
    last = len(AttentionReader(loaded.model).depths) - 1
    return tuple(layer / last for layer in range(last + 1)) if last else (0.0,)


def read_questions(loaded: LoadedModel, questions: Sequence[Question], what: str) -> list[Reading]:
    """Let the model read every question with its memory; a memory is read once for the questions that follow each other on it.

    Raises:
        AttngsError: The model cannot be read, or failed on a question.
    """
    cache = ContextCache()
    scorer = AttentionScorer(loaded, AttentionConfig(layers=every_layer(loaded), read_from="last"), cache=cache)
    cutter, counter = Cutter(Splitter(), cache), TokenizerCounter(loaded.tokenizer, loaded.name)
    readings = list[Reading]()
    for start in track(range(0, len(questions), TOGETHER), what):
        asked = questions[start : start + TOGETHER]
        requests = [
            ScoreRequest(query=example.query, sentences=cutter.cut(example.documents, ""), namespace="")
            for example in (question.example for question in asked)
        ]
        for question, request, read in zip(asked, requests, scorer.read(requests), strict=True):
            if isinstance(read, Exception):
                raise read
            units = label_units(question.example, request.sentences, counter)
            readings.append(Reading(question=question, units=units, mass=read[0], tokens=read[1]))
    return readings
