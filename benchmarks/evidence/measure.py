"""Rows and methods -> what each method keeps at each budget. Only whole rows count, also after Ctrl-C.

All methods that score get the same units. A budget is a share of the units' tokens, counted once, and is filled as the selector does
(`attngs.selection.selector.fill`). Labels cost nothing, since the length of a data set's ids is nobody's merit. `oracle` fills the same
budget by the evidence itself, best share of a unit first, and shows what such a filling can reach.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from attngs.errors import UnsupportedModelError
from attngs.learning.evaluation import BUDGETS, within_budget
from attngs.learning.metrics import merged
from attngs.marking.algorithm import check_finite
from attngs.marking.cutting import Cutter
from attngs.protocols import Scorer, TokenCounter, Warmable
from attngs.reading.context_cache import ContextCache
from attngs.text.sentences import Splitter, UnitSize
from attngs.types import Sentence
from benchmarks.evidence.data import Row
from benchmarks.evidence.methods import Everything, Extractor
from benchmarks.evidence.worth import Worth, measure, worth_of

ORACLE = "oracle"

Key = tuple[str, str, float]
"""UnitSize, method and budget."""


@dataclass(slots=True)
class Scores:
    """What was measured of one set, row by row."""

    wanted: int
    units: tuple[UnitSize, ...]
    rows: list[Row] = field(default_factory=list[Row])
    tokens: list[int] = field(default_factory=list[int])
    values: dict[Key, list[dict[str, float]]] = field(default_factory=dict[Key, list[dict[str, float]]])
    ask_seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Of one question over a context that was read before, for each method that scores, in the first unit."""
    read_seconds: float = 0.0
    """Reading contexts, all methods together."""
    seconds: float = 0.0
    """All of it."""


class RowMeasurer:
    """Measures rows of one set.

    Args:
        methods: By name.
        counter: Counts what a budget is spent on.
        units: How texts are cut.
    """

    def __init__(self, methods: Mapping[str, Scorer | Extractor], counter: TokenCounter, units: Sequence[UnitSize]) -> None:
        self._methods = methods
        self._counter = counter
        self._cutters = {unit: Cutter(Splitter(unit), ContextCache(2**26)) for unit in units}

    def measure(self, row: Row, scores: Scores) -> None:
        """Add one row to the scores."""
        began = time.perf_counter()
        found: dict[Key, dict[str, float]] = {}
        reading, asking, total = 0.0, dict[str, float](), 0
        for unit, cutter in self._cutters.items():
            sentences = cutter.cut(row.documents, "")
            costs = np.array(self._counter.count([sentence.text.strip() for sentence in sentences]), dtype=np.int64)
            worth = worth_of(row, [(sentence.position, sentence.start, sentence.end) for sentence in sentences])
            total = total or int(costs.sum())
            for name, method in self._methods.items():
                if not isinstance(method, Extractor):
                    reading += _warm(method, sentences)
                    values, taken = _timed(method, row.query, sentences)
                    asking.setdefault(name, taken)
                    found |= _filled(row, worth, values, costs, (unit, name))
            if row.evidence:
                found |= _filled(row, worth, (worth.evidence / np.maximum(worth.characters, 1)).tolist(), costs, (unit, ORACLE))
        for name, method in self._methods.items():
            if isinstance(method, Extractor):
                for share in BUDGETS:
                    kept = self._extracted(method, row, total, share)
                    found |= {(unit, name, share): kept for unit in self._cutters}
        for key, value in found.items():
            scores.values.setdefault(key, []).append(value)
        for name, seconds in asking.items():
            scores.ask_seconds.setdefault(name, []).append(seconds)
        scores.rows.append(row)
        scores.tokens.append(total)
        scores.read_seconds += reading
        scores.seconds += time.perf_counter() - began

    def _extracted(self, method: Extractor, row: Row, total: int, share: float) -> dict[str, float]:
        budget = max(1, round(share * total))
        places = merged(method.extract(row.query, row.documents, budget))
        texts = [row.documents[number].text[start:end].strip() for number, start, end in places]
        taken = sum(self._counter.count(texts)) if texts else 0
        if taken > budget and not isinstance(method, Everything):
            raise ValueError(f"{type(method).__name__} took {taken} tokens of {budget}")
        return measure(row, worth_of(row, places), range(len(places)), taken / total)


def _warm(scorer: Scorer, sentences: Sequence[Sentence]) -> float:
    """Seconds to read a context; what cannot be kept is read with the question."""
    began = time.perf_counter()
    if isinstance(scorer, Warmable):
        with suppress(UnsupportedModelError):
            scorer.warm(sentences, "")
    return time.perf_counter() - began


def _timed(scorer: Scorer, query: str, sentences: Sequence[Sentence]) -> tuple[tuple[float, ...], float]:
    began = time.perf_counter()
    values = scorer.score(query, sentences)
    return check_finite(values, len(sentences)), time.perf_counter() - began


def _filled(
    row: Row, worth: Worth, values: Sequence[float], costs: np.ndarray[tuple[int], np.dtype[np.int64]], key: tuple[str, str]
) -> Iterable[tuple[Key, dict[str, float]]]:
    total = int(costs.sum())
    for share in BUDGETS:
        kept = within_budget(values, costs, max(1, round(share * total)))
        yield (*key, share), measure(row, worth, kept, float(costs[kept].sum()) / total)
