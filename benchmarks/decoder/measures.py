"""Scores of many questions -> recall at budgets, paired differences, the best layer. No model here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from attngs.learning.evaluation import BUDGETS
from attngs.learning.metrics import Estimate, estimate
from attngs.marking.algorithm import ranking
from attngs.protocols import Floats
from benchmarks.decoder.readings import Reading

FIRST = "first"
"""How often the sentence with the highest score is the evidence."""

COLUMNS = (FIRST, *(f"{share:.0%}" for share in BUDGETS))

CHOSEN_BY = FIRST
"""The measure by which the layer is chosen on validation users."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """One method on all test questions."""

    values: Mapping[str, Floats]
    """`(N,)` for each of `COLUMNS`."""
    users: Sequence[str]

    def estimates(self) -> dict[str, Estimate]:
        """Means with intervals; questions about one user are drawn together."""
        return {column: estimate(list(values), self.users) for column, values in self.values.items()}

    def minus(self, other: Measured) -> dict[str, Estimate]:
        """Paired differences, question by question."""
        return {column: estimate(list(self.values[column] - other.values[column]), self.users) for column in COLUMNS}

    def where(self, wanted: Sequence[bool]) -> Measured:
        """The questions that are wanted."""
        index = [i for i, one in enumerate(wanted) if one]
        return Measured(values={name: values[index] for name, values in self.values.items()}, users=[self.users[i] for i in index])


def measure(readings: Sequence[Reading], score: Callable[[Reading], Sequence[float] | Floats]) -> Measured:
    """What a method finds in each question."""
    rows = list[list[float]]()
    for reading in readings:
        scores = [float(value) for value in score(reading)]
        best = ranking(scores)[0]
        rows.append([float(reading.units.labels[best]), *(reading.units.recall(scores, share) for share in BUDGETS)])
    table = np.array(rows)  # (N, columns)
    values = {column: table[:, i] for i, column in enumerate(COLUMNS)}
    return Measured(values=values, users=[reading.question.example.group for reading in readings])


def measure_layers(readings: Sequence[Reading]) -> list[Measured]:
    """The paper's rule at every layer."""
    return [measure(readings, lambda reading, layer=layer: reading.layer_scores(layer)) for layer in range(len(readings[0].mass))]  # type: ignore[misc]


def best_layer(validation: Sequence[Reading]) -> int:
    """The layer that finds most on validation users; the lower one of equals."""
    means = [measured.values[CHOSEN_BY].mean() for measured in measure_layers(validation)]
    return int(np.argmax(means))


def default_layer(layers: int) -> int:
    """The paper's: 0.375 of the depth."""
    return round(0.375 * (layers - 1))
