"""Which units are worth a model's time: all that differ are compared by words and places alone, which takes no forward pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.evaluation import Judged
from attngs.features.text import TextFeatures
from attngs.fitting.choose import criterion, without
from attngs.fitting.linear import learn
from attngs.fitting.rows import distinct, read_tables
from attngs.sentences import Unit

MARGIN = 0.01
"""Recall by which another unit must be better than the first to be read as well."""

L2 = 0.01


def promising(cut: Sequence[Mapping[Unit, Judged]], folds: NDArray[np.int64]) -> list[Unit]:
    """The first unit, and the best other one if it is better by more than `MARGIN`."""
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
    return [first, best] if worth[best] > worth[first] + MARGIN else [first]
