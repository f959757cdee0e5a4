"""What each head of a model pays to each unit, read once, so that a sweep is arithmetic.

`FOLDER/MODEL/SET-NUMBER.npz` holds `attention` `(P, L, H, S)`: the log of the lift that a unit gets per token, for the positions of `READ`.
`FOLDER/text/SET-NUMBER.npz` holds what needs no decoder: evidence and cost of each unit, and the scores to compare with. Nothing that is
there is read again, so a run that was stopped goes on. Models are read in bfloat16, which halves the time where the processor has it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from attngs.errors import AttngsError
from attngs.learning.metrics import merged, shared
from attngs.marking.algorithm import token_density
from attngs.marking.cutting import Cutter
from attngs.marking.features.attention import FLOOR
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.differential import NEUTRAL_QUERY
from attngs.marking.scorers.encoder import EmbeddedScorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.states import CosineScorer
from attngs.protocols import Floats
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import load_embedded
from attngs.reading.loading import ModelSettings, load_model
from attngs.reading.segments import ReadFrom
from attngs.reading.sentence_states import SentenceStates
from attngs.text.sentences import Splitter
from attngs.types import ScoreRequest, Sentence
from benchmarks.evidence.data import Row

READ: tuple[tuple[ReadFrom, bool], ...] = (("last", False), ("query", False), ("last", True), ("query", True))
"""Position, and whether the question is the neutral one: the first axis of `attention`."""

OURS, COSINE, BM25 = "attngs", "MiniLM cosine", "BM25"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unread:
    """The units of a question before any model has read them."""

    name: str
    row: Row
    sentences: tuple[Sentence, ...]

    @property
    def digest(self) -> str:
        """Of all that is read: features of another cut are not these."""
        texts = [self.row.query, *(f"{sentence.position} {sentence.text}" for sentence in self.sentences)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def units_of(sets: Mapping[str, Sequence[Row]]) -> list[Unread]:
    """The questions in turns, one of each set, so that a run that is stopped has read of all sets alike."""
    cutter = Cutter(Splitter(), ContextCache(0))
    named = [[(f"{name}-{number:03d}", row) for number, row in enumerate(rows)] for name, rows in sets.items()]
    turns = [pair for turn in zip_longest(*named) for pair in turn if pair is not None]
    return [Unread(name=name, row=row, sentences=cutter.cut(row.documents, "")) for name, row in turns]


def read_texts(questions: Sequence[Unread], folder: Path) -> None:
    """Evidence, costs, and the scores of the methods that need no decoder."""
    states = SentenceStates(load_embedded(), cache=ContextCache(2**29))
    scorers = {OURS: EmbeddedScorer(states), COSINE: CosineScorer(states), BM25: LexicalScorer()}
    for question, path in _missing(questions, folder / "text"):
        wanted = merged(question.row.evidence)
        places = [(sentence.position, sentence.start, sentence.end) for sentence in question.sentences]
        _save(
            path,
            question,
            evidence=np.array([sum(shared(place, piece) for piece in wanted) for place in places], np.float64),
            cost=np.array([len(sentence.text.strip()) for sentence in question.sentences], np.int64),
            **{name: np.array(scorer.score(question.row.query, question.sentences)) for name, scorer in scorers.items()},
        )


def read_attention(questions: Sequence[Unread], model: str, folder: Path, console: Console) -> None:
    """All heads of all layers of one model."""
    waiting = list(_missing(questions, folder / Path(model).name))
    if not waiting:
        return
    loaded = load_model(model, ModelSettings(dtype=torch.bfloat16), decoder_layers=None)
    cache = ContextCache(2**31)
    # every layer once: fractions that round to it
    layers = len(AttentionScorer(loaded, cache=ContextCache(0)).reader.depths)
    scorer = AttentionScorer(loaded, AttentionConfig(layers=tuple(n / (layers - 1) for n in range(layers))), cache=cache)
    for number, (question, path) in enumerate(waiting, start=1):
        began = time.perf_counter()
        try:
            attention = np.stack([_logs(scorer, question, read_from, neutral) for read_from, neutral in READ])
        except AttngsError as error:
            console.print(f"{question.name} is left out: {error}")
            continue
        _save(path, question, attention=attention.astype(np.float16))
        scorer.forget()
        console.print(f"{Path(model).name} {number}/{len(waiting)} {question.name} {time.perf_counter() - began:.1f} s")


def _logs(scorer: AttentionScorer, question: Unread, read_from: ReadFrom, neutral: bool) -> Floats:
    request = ScoreRequest(query=NEUTRAL_QUERY if neutral else question.row.query, sentences=question.sentences)
    (outcome,) = scorer.read([request], read_from)
    if isinstance(outcome, Exception):
        raise outcome
    return np.asarray(np.log(np.maximum(token_density(*outcome), FLOOR)))  # (L, H, S)


def _missing(questions: Sequence[Unread], folder: Path) -> Iterator[tuple[Unread, Path]]:
    folder.mkdir(parents=True, exist_ok=True)
    for question in questions:
        path = folder / f"{question.name}.npz"
        if not path.exists() or str(np.load(path)["digest"]) != question.digest:
            yield question, path


def _save(path: Path, question: Unread, **arrays: Any) -> None:
    part = path.with_suffix(".part.npz")
    np.savez(part, digest=np.array(question.digest), **arrays)
    part.rename(path)
