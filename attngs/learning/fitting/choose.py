"""Choose between candidates, and measure what the choice is worth: nested cross-validation by groups.

Fold j is held out. Its candidate is the one that does best on the other folds i, where each i is scored by a training on neither i nor j.
That candidate is then trained on all folds but j and scored on j, once. A training without i and j serves both directions, so ten fits do
for five folds. The candidate that is shipped is chosen once more on all folds and trained on everything; its held-out scores calibrate it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from attngs.learning.evaluation import BUDGETS, LabelledUnits
from attngs.learning.fitting.candidates import Candidate
from attngs.learning.fitting.linear import Linear, learn
from attngs.learning.fitting.rows import Row, Table, distinct, read_tables
from attngs.marking.features.text import TextFeatures
from attngs.protocols import Floats
from attngs.reading.progress import track
from attngs.text.sentences import UnitSize

CRITERION = (0.05, 0.10)
"""Budgets whose mean recall decides."""

MARGIN = 0.002
"""Recall by which a candidate must beat the default at least.

It must also beat it by one standard error of the gain, or the best of many candidates would win by luck."""

METHODS = ("default", "setting", "probe")

UNIT_MARGIN = 0.01
"""Another unit is read too if it beats the first one by this much recall."""

UNIT_L2 = 0.01
"""Strength of L2 in the quick fit that compares units."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Choice:
    """The winner, and what it and its rivals are worth on rows that neither trained nor chose them."""

    candidate: Candidate
    linear: Linear
    """Trained on all rows."""
    held_out: tuple[Floats, ...]
    """The winner's scores for each row `(S,)`, from a training without the row's fold."""
    recall: Mapping[str, Floats]
    """Recall at each of `BUDGETS`, `(rows, budgets)`, by method; `fitted` chooses among the methods."""
    values: Mapping[str, float]
    """The criterion of each candidate over all folds, by name and unit.

    The choice was made by these numbers, so they flatter the best candidate a little."""
    names: Mapping[str, str]
    """The best candidate of each method over all folds."""


def grouped_folds(groups: Sequence[str], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Deal rows into folds of about equal size, by scikit-learn's `GroupKFold`; groups stay whole.

    Args:
        groups: The group of each row.
        folds: How many; fewer if there are fewer groups.
        seed: Deals groups of equal size in another order.

    Returns:
        The fold of each row.
    """
    from sklearn.model_selection import GroupKFold

    names, numbers = np.unique(groups, return_inverse=True)
    found = np.zeros(len(groups), dtype=np.int64)
    if len(names) > 1:
        shuffled = np.random.default_rng(seed).permutation(len(names))[numbers]
        for fold, (_, held_out) in enumerate(GroupKFold(min(folds, len(names))).split(shuffled, groups=shuffled)):
            found[held_out] = fold
    return found


def promising(cut: Sequence[Mapping[UnitSize, LabelledUnits]], folds: NDArray[np.int64]) -> list[UnitSize]:
    """The first unit, and the best other one if features of the text alone do clearly better with it."""
    units = distinct(cut)
    if len(units) == 1:
        return units
    worth: dict[UnitSize, float] = {}
    for unit, table in read_tables(cut, units, TextFeatures(), what="comparing units").items():
        columns, values = np.arange(len(table.names)), list[float]()
        for fold in range(int(folds.max()) + 1):
            linear = learn(_without(table.rows, folds, fold), columns, l2=UNIT_L2, prior=np.zeros(len(columns)))
            values += [criterion(table.rows[number], linear) for number in np.flatnonzero(folds == fold).tolist()]
        worth[unit] = float(np.mean(values))
    first, *others = units
    best = max(others, key=lambda unit: worth[unit])
    return [first, best] if worth[best] > worth[first] + UNIT_MARGIN else [first]


def choose(tables: Mapping[UnitSize, Table], tried: Sequence[Candidate], folds: NDArray[np.int64]) -> Choice:
    """Measure by nested cross-validation, then choose on everything.

    Args:
        tables: The rows by unit, in one order.
        tried: Candidates of all units; of equals the earlier one wins.
        folds: The fold of each row, at least three folds.
    """
    single = np.zeros((len(tried), len(folds)))  # [c, row]: trained without the row's fold
    double = np.zeros((len(tried), int(folds.max()) + 1, len(folds)))  # [c, j, row]: trained without fold j either
    for c in track(range(len(tried)), "trying candidates"):
        single[c], double[c] = _worth(tried[c], tables[tried[c].unit].rows, folds)
    winner = tried[_best(single, tried, METHODS)]
    rows = tables[winner.unit].rows
    known = [method for method in METHODS if any(candidate.method == method for candidate in tried)]
    held_out = [winner.train(_without(rows, folds, fold)) for fold in range(int(folds.max()) + 1)]
    return Choice(
        candidate=winner,
        linear=winner.train(rows),
        held_out=tuple(held_out[fold](row) for row, fold in zip(rows, folds, strict=True)),
        recall={
            **{method: _held_out_recall(tables, tried, folds, double, (method,)) for method in known},
            "fitted": _held_out_recall(tables, tried, folds, double, METHODS),
        },
        values={_label(candidate): float(mean) for candidate, mean in zip(tried, single.mean(axis=1), strict=True)},
        names={method: _label(tried[_best(single, tried, (method,))]) for method in known},
    )


def criterion(row: Row, linear: Linear) -> float:
    """What decides: mean recall at the budgets of `CRITERION`, and a hundredth of the average precision.

    The latter breaks ties where a context is so small that those budgets have no room for any unit.
    """
    scores = linear(row)
    recall = float(np.mean([row.units.recall(scores.tolist(), share) for share in CRITERION]))
    return recall + 0.01 * row.units.average_precision(scores)


def _worth(candidate: Candidate, rows: Sequence[Row], folds: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The criterion without a row's own fold `(rows,)`, and without each other fold too `(folds, rows)`."""
    count = int(folds.max()) + 1
    if not candidate.learned:
        linear = candidate.train(rows)
        values = np.array([criterion(row, linear) for row in rows])
        return values, np.tile(values, (count, 1))
    single, double = np.full(len(rows), np.nan), np.full((count, len(rows)), np.nan)
    for fold in range(count):
        linear = candidate.train(_without(rows, folds, fold))
        for number in np.flatnonzero(folds == fold).tolist():
            single[number] = criterion(rows[number], linear)
    for first, second in combinations(range(count), 2):
        linear = candidate.train(_without(rows, folds, first, second))
        for scored, left_out in ((first, second), (second, first)):
            for number in np.flatnonzero(folds == scored).tolist():
                double[left_out, number] = criterion(rows[number], linear)
    return single, double


def _held_out_recall(
    tables: Mapping[UnitSize, Table], tried: Sequence[Candidate], folds: NDArray[np.int64], double: Floats, methods: Sequence[str]
) -> Floats:
    """Recall `(rows, budgets)` by the candidates that were chosen and trained without the row's fold."""
    found = np.zeros((len(folds), len(BUDGETS)))
    for fold in range(int(folds.max()) + 1):
        candidate = tried[_best(double[:, fold, folds != fold], tried, methods)]
        rows = tables[candidate.unit].rows
        linear = candidate.train(_without(rows, folds, fold))
        for number in np.flatnonzero(folds == fold).tolist():
            scores = linear(rows[number]).tolist()
            found[number] = [rows[number].units.recall(scores, share) for share in BUDGETS]
    return found


def _best(worth: Floats, tried: Sequence[Candidate], methods: Sequence[str]) -> int:
    """The candidate of these methods with the best mean `(C, rows)`; the default if the lead is unclear."""
    best = int(np.argmax(np.where([candidate.method in methods for candidate in tried], worth.mean(axis=1), -1.0)))
    default = next((c for c, candidate in enumerate(tried) if candidate.method == "default"), None)
    if default is None or "default" not in methods:
        return best
    gain = worth[best] - worth[default]
    return best if gain.mean() > max(MARGIN, gain.std() / len(gain) ** 0.5) else default


def _without(rows: Sequence[Row], folds: NDArray[np.int64], *left_out: int) -> list[Row]:
    return [row for row, fold in zip(rows, folds, strict=True) if fold not in left_out]


def _label(candidate: Candidate) -> str:
    return f"{candidate.name} [{candidate.unit}]"
