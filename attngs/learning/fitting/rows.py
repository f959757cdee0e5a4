"""Labelled examples -> rows of features.

All forward passes of a fit happen here, one for each example and unit; the rest is arithmetic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attngs.errors import InputError, ModelError
from attngs.learning.evaluation import LabelledUnits, label_units
from attngs.learning.labelled import LabelledExample
from attngs.learning.metrics import Labels
from attngs.marking.cutting import Cutter
from attngs.protocols import FeatureReader, TokenCounter
from attngs.reading.progress import listening, track
from attngs.text.sentences import UnitSize
from attngs.types import ScoreRequest

MIN_ROWS, MIN_GROUPS = 20, 5
"""With fewer, held-out numbers are noise, and a probe fitted on them is a guess."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Row:
    """One example, cut into units and read."""

    units: LabelledUnits
    features: NDArray[np.float32]
    """`(S, F)`."""

    @property
    def labels(self) -> Labels:
        return self.units.labels

    @property
    def group(self) -> str:
        return self.units.example.group


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """All rows, cut by one unit."""

    unit: UnitSize
    names: tuple[str, ...]
    """Of the features `(F,)`."""
    rows: tuple[Row, ...]

    def columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Where these features stand."""
        place = {name: number for number, name in enumerate(self.names)}
        return np.array([place[name] for name in names], dtype=np.int64)

    def counts(self) -> Counter[str]:
        """How many rows, groups and units there are, and how many units are evidence."""
        return Counter(
            rows=len(self.rows),
            groups=len({row.group for row in self.rows}),
            units=sum(len(row.labels) for row in self.rows),
            evidence=int(sum(row.labels.sum() for row in self.rows)),
        )


def usable(
    examples: Sequence[LabelledExample], cutters: Mapping[UnitSize, Cutter], counter: TokenCounter, *, unlabelled: int
) -> list[dict[UnitSize, LabelledUnits]]:
    """Cut the examples by each unit, and keep those that can teach: with evidence, but not everywhere.

    The first unit decides which examples are kept. Another unit is dropped if it is too coarse for one of them.

    Args:
        examples: With evidence or without.
        cutters: By unit.
        counter: Counts the tokens of a budget.
        unlabelled: How many more examples had an answer for which no evidence was found.

    Raises:
        InputError: There are too few; the message says why, and how many are needed.
    """
    found = list[dict[UnitSize, LabelledUnits]]()
    without = one_class = 0
    for example in track(examples, "cutting texts"):
        if not example.evidence:
            without += 1
            continue
        cut = {unit: label_units(example, cutter.cut(example.documents, ""), counter) for unit, cutter in cutters.items()}
        if _two_classes(next(iter(cut.values()))):
            found.append(cut)
        else:
            one_class += 1
    groups = len({next(iter(cut.values())).example.group for cut in found})
    if len(found) < MIN_ROWS or groups < MIN_GROUPS:
        losses = {
            "{} have no evidence": without,
            "in {} all units are evidence, or none": one_class,
            "for {} answers no sentence could be found that they need": unlabelled,
        }
        reasons = "; ".join(words.format(count) for words, count in losses.items() if count)
        raise InputError(
            f"too little to learn from: {len(found)} of {len(examples) + unlabelled} examples can be used, in {groups} groups"
            f"{f' ({reasons})' if reasons else ''}. At least {MIN_ROWS} are needed, in at least {MIN_GROUPS} groups; examples that share "
            "the documents of their evidence are one group, unless they name a `group` themselves."
        )
    units = [unit for unit in cutters if all(_two_classes(cut[unit]) for cut in found)]
    return [{unit: cut[unit] for unit in units} for cut in found]


def distinct(cut: Sequence[Mapping[UnitSize, LabelledUnits]]) -> list[UnitSize]:
    """The units that cut these texts differently, in their order.

    Where nobody speaks in turns, `auto` and `sentence` cut alike.
    """
    seen: dict[tuple[tuple[int, int], ...], UnitSize] = {}
    for unit in cut[0]:
        tiling = tuple((s.position, s.start) for units in cut for s in units[unit].sentences)
        seen.setdefault(tiling, unit)
    return list(seen.values())


def read_tables(
    cut: Sequence[Mapping[UnitSize, LabelledUnits]], units: Sequence[UnitSize], reader: FeatureReader, *, what: str
) -> dict[UnitSize, Table]:
    """Read the features of every example, cut by every unit.

    Args:
        cut: Examples by unit.
        units: Which units to read.
        reader: Reads the features.
        what: The name of this work on a progress bar.

    Raises:
        ModelError: The model failed, or a feature is not a number.
        AttngsError: An example cannot be read.
    """
    rows: dict[UnitSize, list[Row]] = {unit: [] for unit in units}
    for example in track(cut, what):
        with listening(lambda what, done, total: None):  # one bar for all
            for unit in units:
                rows[unit].append(_row(example[unit], reader))
    return {unit: Table(unit=unit, names=reader.names, rows=tuple(members)) for unit, members in rows.items()}


def _two_classes(units: LabelledUnits) -> bool:
    return bool(0 < units.labels.sum() < len(units.labels))


def _row(units: LabelledUnits, reader: FeatureReader) -> Row:
    (outcome,) = reader.read([ScoreRequest(query=units.example.query, sentences=units.sentences)])
    if isinstance(outcome, Exception):
        raise outcome
    features = outcome.astype(np.float32)
    if not np.isfinite(features).all():
        name = reader.names[int(np.argwhere(~np.isfinite(features))[0, 1])]
        raise ModelError(f"the feature `{name}` is not a number for some text: the model's numbers are too large or its weights damaged.")
    return Row(units=units, features=features)
