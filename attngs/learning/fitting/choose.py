"""The choice between candidates, and what the choice is worth: nested cross-validation by groups.

Fold j is held out. The candidate for it is the one that does best on the other folds i, each judged by training on neither i nor j; it is
then trained on all but j and judged on j, once. A training set without i and j serves both directions, so ten fits do for five folds. The
candidate that is shipped is chosen once more on all folds, and trained on everything; its held-out scores calibrate it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from attngs.learning.evaluation import BUDGETS, Judged
from attngs.learning.fitting.candidates import Candidate
from attngs.learning.fitting.linear import Floats, Linear, learn
from attngs.learning.fitting.rows import Row, Table, distinct, read_tables
from attngs.marking.features.text import TextFeatures
from attngs.reading.progress import track
from attngs.text.sentences import Unit

CRITERION = (0.05, 0.10)
"""Budgets whose mean recall decides."""

MARGIN = 0.002
"""Recall by which a candidate must beat the default to replace it, at least; and by one standard error of the gain, or the best of many
candidates would replace it by luck."""

METHODS = ("default", "setting", "probe")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Choice:
    """What won, and what it and its rivals are worth on rows that neither trained nor chose them."""

    candidate: Candidate
    linear: Linear
    held_out: tuple[Floats, ...]
    """The chosen candidate's scores for each row, from a training without the row's fold."""
    recall: Mapping[str, Floats]
    """By method, and `fitted` for the choice among them: recall of each row at each of `BUDGETS`, `(rows, budgets)`."""
    values: Mapping[str, float]
    """The criterion of each candidate over all folds, by unit and name: what the choice was made by, so a little too good for the best."""
    names: Mapping[str, str]
    """The best candidate of each method over all folds."""


def choose(tables: Mapping[Unit, Table], tried: Sequence[Candidate], folds: NDArray[np.int64]) -> Choice:
    """Nested cross-validation, then the choice on everything.

    Args:
        tables: Rows by unit, in one order.
        tried: Candidates of all units; of equals the earlier one wins.
        folds: The fold of each row.
    """
    count = int(folds.max()) + 1
    pairs = list(combinations(range(count), 2))
    worth = np.full((len(tried), count, len(folds)), np.nan)  # [c, j, row]: without fold j, the row judged without its own fold too
    single = np.full((len(tried), len(folds)), np.nan)  # [c, row]: judged without its own fold
    for c in track(range(len(tried)), "trying candidates"):
        candidate, rows = tried[c], tables[tried[c].unit].rows
        if not candidate.learned:
            linear = candidate.train(rows)
            single[c] = [criterion(row, linear(row)) for row in rows]
            worth[c] = single[c]
            continue
        for first, second in pairs if count > 2 else []:
            linear = candidate.train(without(rows, folds, first, second))
            for judged, left_out in ((first, second), (second, first)):
                for number in np.flatnonzero(folds == judged):
                    worth[c, left_out, number] = criterion(rows[number], linear(rows[number]))
        for fold in range(count):
            linear = candidate.train(without(rows, folds, fold))
            for number in np.flatnonzero(folds == fold):
                single[c, number] = criterion(rows[number], linear(rows[number]))
    recall = _nested(tables, tried, folds, worth if count > 2 else np.repeat(single[:, None], count, axis=1))
    means = single.mean(axis=1)
    names = {method: _label(tried[_best(single, tried, (method,))]) for method in METHODS if any(c.method == method for c in tried)}
    winner = tried[_best(single, tried, METHODS)]
    rows = tables[winner.unit].rows
    return Choice(
        candidate=winner,
        linear=winner.train(rows),
        held_out=_held_out(winner, rows, folds),
        recall=recall,
        values={_label(candidate): float(mean) for candidate, mean in zip(tried, means, strict=True)},
        names=names,
    )


def _nested(tables: Mapping[Unit, Table], tried: Sequence[Candidate], folds: NDArray[np.int64], worth: Floats) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name in (*METHODS, "fitted"):
        methods = METHODS if name == "fitted" else (name,)
        if not any(candidate.method in methods for candidate in tried):
            continue
        table = np.zeros((len(folds), len(BUDGETS)))
        for fold in range(int(folds.max()) + 1):
            candidate = tried[_best(worth[:, fold, folds != fold], tried, methods)]
            rows = tables[candidate.unit].rows
            linear = candidate.train(without(rows, folds, fold))
            for number in np.flatnonzero(folds == fold):
                scores = linear(rows[number]).tolist()
                table[number] = [rows[number].judged.recall(scores, share) for share in BUDGETS]
        found[name] = table
    return found


def _held_out(candidate: Candidate, rows: Sequence[Row], folds: NDArray[np.int64]) -> tuple[Floats, ...]:
    linears = [candidate.train(without(rows, folds, fold)) for fold in range(int(folds.max()) + 1)]
    return tuple(linears[fold](row) for row, fold in zip(rows, folds, strict=True))


def _best(worth: Floats, tried: Sequence[Candidate], methods: Sequence[str]) -> int:
    """The candidate of these methods that does best on rows it was not trained on `(C, rows)`; the default where that is not clear."""
    best = int(np.argmax(np.where([candidate.method in methods for candidate in tried], worth.mean(axis=1), -1.0)))
    default = next((c for c, candidate in enumerate(tried) if candidate.method == "default"), None)
    if default is None or "default" not in methods:
        return best
    gain = worth[best] - worth[default]
    return best if gain.mean() > max(MARGIN, gain.std() / len(gain) ** 0.5) else default


def without(rows: Sequence[Row], folds: NDArray[np.int64], *left_out: int) -> list[Row]:
    """The rows outside some folds."""
    return [row for row, fold in zip(rows, folds, strict=True) if fold not in left_out]


def criterion(row: Row, scores: Floats) -> float:
    """What decides: mean recall at the budgets of `CRITERION`, and a hundredth of the average precision.

    The latter breaks ties where a context is so small that those budgets have no room for any unit.
    """
    recall = float(np.mean([row.judged.recall(scores.tolist(), share) for share in CRITERION]))
    return recall + 0.01 * row.judged.average_precision(scores)


def _label(candidate: Candidate) -> str:
    return f"{candidate.name} [{candidate.unit}]"


def grouped_folds(groups: Sequence[str], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """The fold of each row: groups stay whole, large ones are dealt first, each to the fold that has fewest rows.

    Args:
        groups: Of each row.
        folds: How many; as many as there are groups if those are fewer.
        seed: Deals groups of equal size in another order.
    """
    sizes = Counter(groups)
    names = sorted(sizes)
    order = np.random.default_rng(seed).permutation(len(names))
    dealt: dict[str, int] = {}
    filled = [0] * min(folds, len(names))
    for name in sorted((names[i] for i in order), key=lambda name: -sizes[name]):
        dealt[name] = filled.index(min(filled))
        filled[dealt[name]] += sizes[name]
    return np.array([dealt[name] for name in groups], dtype=np.int64)


UNIT_MARGIN = 0.01
"""Recall by which another unit must be better than the first to be read as well."""

L2 = 0.01


def promising(cut: Sequence[Mapping[Unit, Judged]], folds: NDArray[np.int64]) -> list[Unit]:
    """The first unit, and the best other one if it is better by more than `UNIT_MARGIN`."""
    units = distinct(cut)
    if len(units) == 1:
        return units
    tables = read_tables(cut, units, TextFeatures(), what="comparing units")
    worth: dict[Unit, float] = {}
    for unit, table in tables.items():
        columns, values = np.arange(len(table.names)), list[float]()
        for fold in range(int(folds.max()) + 1):
            linear = learn(without(table.rows, folds, fold), columns, l2=L2, prior=np.zeros(len(columns)))
            values += [criterion(row, linear(row)) for row, at in zip(table.rows, folds, strict=True) if at == fold]
        worth[unit] = float(np.mean(values))
    first, *others = units
    best = max(others, key=lambda unit: worth[unit])
    return [first, best] if worth[best] > worth[first] + UNIT_MARGIN else [first]
