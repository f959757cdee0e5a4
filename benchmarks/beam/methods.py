"""The methods: a chat and a question -> what is kept at each budget. All but LLMSlim score the same units and fill the same budget.

A method that scores goes through `ContextCompressor` as ours does: same units, same labels (each kept message's id), same selector, and the
budget counts everything. It scores once a question. LLMSlim chooses text by itself, without labels.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from attngs.compressor import ContextCompressor
from attngs.errors import UnsupportedModelError
from attngs.learning.metrics import Place
from attngs.marking.marker import Marker
from attngs.protocols import TokenCounter
from attngs.selection.periods import Periods
from attngs.selection.selector import GreedySelector
from benchmarks.beam.data import Chat, Question
from benchmarks.evidence.methods import BM25, COSINE, METHODS, OURS, Bench, Extractor

BUDGETS = (512, 1_024, 2_048, 4_096)
"""Tokens of the default marker's counter."""

RRF = "RRF of both"
PERIODS = "attngs by periods"
"""Ours, with the budget shared over time."""
NAMES = ("recency", BM25, COSINE, RRF, "llmslim", OURS, PERIODS)
CHOICE = tuple(method for name in NAMES for method in METHODS if method.name == name)


class Kept(NamedTuple):
    """What one method keeps of a chat at one budget."""

    budget: int
    places: Sequence[Place]
    tokens: int
    seconds: float
    """From the question to the text, the chat being read already; scoring counts in full at each budget."""


class Method(Protocol):
    """One way to shorten a chat."""

    def read(self, chat: Chat) -> None:
        """Do what can be done before the first question."""
        ...

    def keep(self, chat: Chat, question: Question) -> Iterator[Kept]:
        """What is kept at each budget."""
        ...


class Scored:
    """A marker, and the selector that fills the budget."""

    def __init__(self, marker: Marker, selector: GreedySelector | None = None) -> None:
        self._marker, self._compressor = marker, ContextCompressor(marker, selector=selector)

    def read(self, chat: Chat) -> None:
        with suppress(UnsupportedModelError):  # some have nothing to read
            self._marker.warm(chat.documents)

    def keep(self, chat: Chat, question: Question) -> Iterator[Kept]:
        began = time.perf_counter()
        marking = self._marker.mark(chat.documents, question.query)
        marked = time.perf_counter() - began
        for budget in BUDGETS:
            began = time.perf_counter()
            result = self._compressor.compress(chat.documents, question.query, target_tokens=budget, marking=marking)
            places = [(source.position, source.start, source.end) for source in result.kept]
            yield Kept(budget, places, result.compressed_tokens, marked + time.perf_counter() - began)


class Extracted:
    """A method that chooses text by itself."""

    def __init__(self, extractor: Extractor, counter: TokenCounter) -> None:
        self._extractor, self._counter = extractor, counter

    def read(self, chat: Chat) -> None:
        """It reads everything with each question."""

    def keep(self, chat: Chat, question: Question) -> Iterator[Kept]:
        for budget in BUDGETS:
            began = time.perf_counter()
            places = self._extractor.extract(question.query, chat.documents, budget)
            seconds = time.perf_counter() - began
            texts = [chat.documents[number].text[start:end] for number, start, end in places]
            yield Kept(budget, places, sum(self._counter.count(texts)) if texts else 0, seconds)


def choose(bench: Bench, wanted: Sequence[str]) -> tuple[dict[str, Method], dict[str, str]]:
    """The methods that can run, and those that cannot, with the reason."""
    named = [method for method in CHOICE if method.name in wanted]
    left_out = {method.name: reason for method in named if (reason := method.why_not(bench)) is not None}
    chosen: dict[str, Method] = {}
    for method in named:
        if method.name == OURS:
            chosen[OURS] = Scored(bench.default)
        elif method.name not in left_out:
            made = method.make(bench)
            chosen[method.name] = (
                Extracted(made, bench.counter) if isinstance(made, Extractor) else Scored(Marker(made, counter=bench.counter))
            )
    if PERIODS in wanted:
        chosen[PERIODS] = Scored(bench.default, GreedySelector(periods=Periods()))
    return chosen, left_out
