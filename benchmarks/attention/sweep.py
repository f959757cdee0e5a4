"""Features -> evidence recall of every setting, and what is chosen where one set is left out.

A setting is chosen by the mean over the sets that it is not judged on, each set and both budgets counting alike. What is reported of a set
is the recall of the setting that the other sets chose: no number is that of a choice made on its own rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from attngs.learning.evaluation import within_budget
from attngs.marking.scales import standardised
from attngs.protocols import Floats
from benchmarks.attention.features import BM25, COSINE, OURS, Unread
from benchmarks.attention.settings import Pooled, Setting

Choice = TypeVar("Choice")

SHARES = (0.05, 0.10, 0.20)
"""Budgets, as shares of the characters."""

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5)
"""Of the attention's z-scores beside those of another method."""

RIVALS = (OURS, COSINE, BM25)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """One question as it was read by one model."""

    set: str
    cluster: str
    pooled: Pooled
    evidence: Floats
    cost: np.ndarray[tuple[int], np.dtype[np.int64]]
    scores: Mapping[str, Floats]
    """Of the methods that need no decoder."""

    def recall(self, scores: Floats) -> list[float]:
        """The share of the evidence that is kept, at each budget."""
        total = int(self.cost.sum())
        kept = (within_budget(scores.tolist(), self.cost, max(1, round(share * total))) for share in SHARES)
        return [float(self.evidence[units].sum() / self.evidence.sum()) for units in kept]


def load_features(questions: Sequence[Unread], model: Path, texts: Path) -> list[Features]:
    """Those that were read; the others are not there yet, or could not be."""
    found = []
    for question in questions:
        paths = [folder / f"{question.name}.npz" for folder in (model, texts)]
        if not all(path.exists() for path in paths):
            continue
        read, text = (np.load(path) for path in paths)
        found.append(
            Features(
                set=question.name.rpartition("-")[0],
                cluster=question.row.cluster,
                pooled=Pooled(read["attention"].astype(np.float64)),
                evidence=text["evidence"],
                cost=text["cost"],
                scores={name: text[name] for name in RIVALS},
            )
        )
    return found


READINGS = {"last": ("last", 0.0), "query": ("query", 0.0), "query beyond habit": ("query", 1.0)}
"""What each layer is read for by itself: the position, and how much of the habit is taken off."""


def by_layer(features: Sequence[Features]) -> dict[str, list[float]]:
    """The recall of each layer by itself, for each reading: heads, sets and budgets averaged."""
    return {
        reading: [
            round(mean_of_sets(features, [one.recall(one.pooled.layer(layer, position, habit)) for one in features]), 4)
            for layer in range(features[0].pooled.layers)
        ]
        for reading, (position, habit) in READINGS.items()
    }


def recalls(features: Sequence[Features], settings: Iterable[Setting]) -> dict[Setting, Floats]:
    """Of each setting, for each question and budget `(Q, B)`."""
    return {setting: np.array([one.recall(one.pooled.score(setting)) for one in features]) for setting in settings}


def fused(features: Sequence[Features], setting: Setting, base: str) -> dict[float, Floats]:
    """Of another method's z-scores with some weight of attention, for each question and budget `(Q, B)`."""
    pairs = [(standardised(one.scores[base]), standardised(one.pooled.score(setting))) for one in features]
    return {
        weight: np.array([one.recall(scores + weight * attention) for one, (scores, attention) in zip(features, pairs, strict=True)])
        for weight in WEIGHTS
    }


def mean_of_sets(features: Sequence[Features], values: Floats | Sequence[Sequence[float]], without: str | None = None) -> float:
    """The mean over sets of the means over their questions and budgets.

    Args:
        features: The questions.
        values: Of each, at each budget `(Q, B)`.
        without: A set that does not count.
    """
    rows = np.asarray(values).mean(axis=1)
    sets = np.array([one.set for one in features])
    return float(np.mean([rows[sets == name].mean() for name in dict.fromkeys(sets.tolist()) if name != without]))


def left_out(models: Mapping[str, Sequence[Features]], found: Mapping[str, Mapping[Choice, Floats]]) -> dict[str, Choice]:
    """For each set the choice that is best on the others, over all models."""
    names = dict.fromkeys(one.set for features in models.values() for one in features)
    return {name: best(models, found, without=name) for name in names}


def best(models: Mapping[str, Sequence[Features]], found: Mapping[str, Mapping[Choice, Floats]], without: str | None = None) -> Choice:
    """The choice with the best mean over models, of the sets that count."""
    choices = next(iter(found.values()))
    return max(choices, key=lambda choice: np.mean([mean_of_sets(models[name], found[name][choice], without) for name in models]))
