"""Scores and labels -> how much evidence a budget keeps. No model, no file.

A unit costs its tokens; a budget is a share of all tokens of the context. The budget is filled as `GreedySelector` fills it: best score
first, what does not fit is skipped, ties go to the earlier unit. Recall is the share of evidence *characters* inside what was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attngs.errors import InputError
from attngs.labelled import LabelledExample
from attngs.metrics import merged, shared
from attngs.protocols import Scorer, TokenCounter
from attngs.scorers.lead import LeadScorer
from attngs.scorers.lexical import LexicalScorer
from attngs.scorers.random import RandomScorer
from attngs.scorers.recency import RecencyScorer
from attngs.types import Sentence

Floats = NDArray[np.float64]

BUDGETS = (0.02, 0.05, 0.10, 0.20)
"""Shares of the tokens at which markers are compared."""

LOOK_AHEAD = 16
"""Units that are still tried once one did not fit."""

BASELINES: dict[str, Callable[[], Scorer]] = {"BM25": LexicalScorer, "recency": RecencyScorer, "lead": LeadScorer, "random": RandomScorer}
"""What a marker must beat to be worth anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An example cut into units, with what each costs and what it is worth."""

    example: LabelledExample
    sentences: tuple[Sentence, ...]
    costs: NDArray[np.int64]
    """Tokens of each unit `(S,)`."""
    hits: Floats
    """Evidence characters in each unit `(S,)`."""

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Which units are evidence `(S,)`: those with at least half of themselves inside it, or with at least half of it inside them.

        Where it is so spread that no unit is, those with the most evidence and all with at least half as much.
        """
        sizes = np.array([max(len(sentence.text.strip()), 1) for sentence in self.sentences])
        clear = (self.hits >= 0.5 * sizes) | (self.hits >= 0.5 * self.hits.sum())
        return np.asarray((clear if (clear & (self.hits > 0)).any() else self.hits >= 0.5 * self.hits.max()) & (self.hits > 0))

    def recall(self, scores: Sequence[float], share: float) -> float:
        """The share of evidence characters in the units that `share` of the tokens has room for."""
        kept = fill(scores, self.costs, max(1, round(share * int(self.costs.sum()))))
        return float(self.hits[kept].sum() / self.hits.sum())

    def average_precision(self, scores: Sequence[float] | Floats) -> float:
        """How near to the top the units with evidence are, whatever a budget has room for: the mean precision at each of them, 0 to 1."""
        found = self.labels[np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")]
        places = np.flatnonzero(found) + 1
        return float((np.arange(1, len(places) + 1) / places).mean())


def judge(example: LabelledExample, sentences: Sequence[Sentence], counter: TokenCounter) -> Judged:
    """Costs and worth of the units of one example.

    Raises:
        InputError: There is no evidence in any unit.
    """
    costs = np.array(counter.count([sentence.text.strip() for sentence in sentences]), dtype=np.int64)
    wanted = merged(example.evidence)
    hits = np.array([sum(shared((s.position, s.start, s.end), place) for place in wanted) for s in sentences], dtype=np.float64)
    if not hits.sum():
        raise InputError(f"no evidence is known for the question {example.query[:60]!r}; recall needs some.")
    return Judged(example=example, sentences=tuple(sentences), costs=costs, hits=hits)


def fill(scores: Sequence[float], costs: NDArray[np.int64], budget: int) -> list[int]:
    """The units that fit, best first."""
    kept, misfits = list[int](), 0
    for i in np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable").tolist():  # ties go to the earlier one
        if costs[i] <= budget:
            kept.append(i)
            budget -= int(costs[i])
        elif (misfits := misfits + 1) > LOOK_AHEAD:
            break
    return kept


def baseline_recall(name: str, judged: Judged, share: float) -> float:
    """The recall of a baseline."""
    scores = BASELINES[name]().score(judged.example.query, judged.sentences)
    return judged.recall(scores, share)
