"""The arms: ways to make a profile short. All choose from the same units by the same selector, and pay in the reader's tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from attngs.compressor import ContextCompressor
from attngs.learning.baselines import Baseline, baseline
from attngs.marking.marker import Marker
from attngs.marking.scorers.attention import AttentionConfig
from attngs.marking.scorers.simple import LeadScorer, RandomScorer, RecencyScorer
from attngs.marking.scorers.states import CosineScorer
from attngs.protocols import Scorer, TokenCounter
from attngs.writing.asking import Writer
from benchmarks.attn_gs.data import Case
from benchmarks.evidence.methods import BM25, COSINE, OURS, Bench

if TYPE_CHECKING:
    from attngs.writing.chat.local_chat import LocalChat

BUDGETS = (32, 64, 128, 256, 512)
"""Tokens of what is left of the profile."""
NONE, FULL = "no profile", "full profile"
EXTRACT, REWRITE = "extract", "rewrite"
PAPER, QUERY, TUNED, FITTED = "attention, paper's setting", "attention, our setting", "attention, tuned", "attention, fitted"
_WITHOUT_MARKS: Mapping[str, Baseline] = {
    "direct summary": "summary",
    "reason, then summarise": "reasoned",
    "random marks": "random-marks",
    "mark all": "mark-all",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """What is left of a profile."""

    text: str
    tokens: int
    seconds: float
    """CPU time, the reading of the profile included where nothing was read of it before."""
    way: str
    """`extract` where the writer's words were not handed on."""


class Markers:
    """The models that arms share, each loaded once, on first use.

    Args:
        marker: Name, folder or GGUF file of the decoder whose attention marks.
        tuned: The same decoder after it was tuned on the task.
        probe: A probe that was fitted on it.
        chat: The writer of rewrites.
        counter: The reader's tokens.
    """

    def __init__(
        self, marker: str | None, tuned: Callable[[], Marker] | None, probe: Path | None, chat: LocalChat | None, counter: TokenCounter
    ) -> None:
        self.marker, self.tuned, self.probe, self.chat, self.counter = marker, tuned, probe, chat, counter
        self.bench = Bench()

    def simple(self, scorer: Scorer) -> Marker:
        """A marker that gives the scores of a simple method."""
        return Marker(scorer, counter=self.counter)

    @cached_property
    def paper(self) -> Marker:
        return self._attention(AttentionConfig.paper())

    @cached_property
    def query(self) -> Marker:
        return self._attention(AttentionConfig())

    def _attention(self, config: AttentionConfig) -> Marker:
        return Marker.from_pretrained(str(self.marker), config=config, encoder=None, dtype=torch.bfloat16)

    @cached_property
    def fitted(self) -> Marker:
        return Marker.from_pretrained(str(self.marker), probe=self.probe)

    @cached_property
    def after_tuning(self) -> Marker:
        assert self.tuned is not None
        return self.tuned()


_MAKERS: dict[str, Callable[[Markers], Marker]] = {
    "recency": lambda m: m.simple(RecencyScorer()),
    "lead": lambda m: m.simple(LeadScorer()),
    "random": lambda m: m.simple(RandomScorer()),
    BM25: lambda m: m.simple(m.bench.lexical),
    COSINE: lambda m: m.simple(CosineScorer(m.bench.states)),
    OURS: lambda m: m.bench.default,
    PAPER: lambda m: m.paper,
    QUERY: lambda m: m.query,
    TUNED: lambda m: m.after_tuning,
    FITTED: lambda m: m.fitted,
}
EXTRACTING = tuple(_MAKERS)
"""Arms that keep lines or sentences verbatim."""
WRITING = (*(f"{name}, {REWRITE}" for name in EXTRACTING), *_WITHOUT_MARKS)
"""Arms that ask the writer, which takes far longer."""
NAMES = (*EXTRACTING, *WRITING)


class Arm:
    """One way to make a profile short.

    Args:
        name: One of `NAMES`.
        markers: The models.
    """

    def __init__(self, name: str, markers: Markers) -> None:
        self.name = name
        source, _, way = name.rpartition(", ")
        chat: Writer | None = markers.chat if name in WRITING else None
        if name in _WITHOUT_MARKS:
            self._compressor = baseline(_WITHOUT_MARKS[name], markers.bench.default, chat, counter=markers.counter)
        else:
            marker = _MAKERS[source if way == REWRITE else name](markers)
            self._compressor = ContextCompressor(marker, chat, counter=markers.counter)

    def shorten(self, case: Case, budget: int) -> Short:
        """The case's profile in at most `budget` tokens."""
        begin = time.process_time()
        result = self._compressor.compress(case.profile, case.query, target_tokens=budget, namespace=case.id)
        seconds = time.process_time() - begin
        if result.compressed_tokens > budget:
            raise ValueError(f"{self.name} left {result.compressed_tokens} tokens of {case.id}, and the budget is {budget}.")
        way = REWRITE if result.method == REWRITE else EXTRACT
        return Short(text=result.text, tokens=result.compressed_tokens, seconds=seconds, way=way)

    def forget(self, case: Case) -> None:
        """Drop what was read of a case."""
        self._compressor.marker.forget(case.id)


def missing(name: str, markers: Markers) -> str | None:
    """The reason why an arm cannot run."""
    if FITTED in name and markers.probe is None:
        return "no --probe"
    if TUNED in name and markers.tuned is None:
        return "the reader is not the marker (--reader, --marker)"
    if name in WRITING and markers.chat is None:
        return "no --writer"
    return "no --marker" if name.startswith("attention") and markers.marker is None else None
