"""Labelled examples -> rows of numbers. All forward passes happen here, once for each example and unit; what follows is arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attngs.errors import InputError, ModelError
from attngs.learning.evaluation import Judged, judge
from attngs.learning.labelled import LabelledExample
from attngs.marking.cutting import Cutter
from attngs.protocols import FeatureReader, TokenCounter
from attngs.reading.progress import listening, track
from attngs.text.sentences import Unit
from attngs.types import ScoreRequest, Sentence

MIN_ROWS, MIN_GROUPS = 20, 5
"""Below these, held-out numbers are noise, and a probe fitted on them is a guess."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Row:
    """One example cut into units."""

    judged: Judged
    features: NDArray[np.float32]
    """`(S, F)`."""
    labels: NDArray[np.bool_]
    """Which units are evidence `(S,)`."""

    @property
    def group(self) -> str:
        return self.judged.example.group


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Table:
    """All rows, cut by one unit."""

    unit: Unit
    names: tuple[str, ...]
    rows: tuple[Row, ...]

    def columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Places of features."""
        place = {name: number for number, name in enumerate(self.names)}
        return np.array([place[name] for name in names], dtype=np.int64)


def usable(
    examples: Sequence[LabelledExample], cutters: Mapping[Unit, Cutter], counter: TokenCounter, *, unlabelled: int = 0
) -> list[dict[Unit, Judged]]:
    """The examples that can teach something, cut by each unit: with evidence, but not everywhere.

    The first unit decides on examples. Another unit that is too coarse for one of these is left out.

    Args:
        examples: With evidence, or without.
        cutters: By unit.
        counter: Of the tokens of a budget.
        unlabelled: How many more were given with an answer for which no evidence was found.

    Raises:
        InputError: There are too few of them; the message says why, and how many are needed.
    """
    found = list[dict[Unit, Judged]]()
    without = one_class = 0
    for example in track(examples, "cutting texts"):
        if not example.evidence:
            without += 1
            continue
        cut = {unit: judge(example, cutter.cut(example.documents, ""), counter) for unit, cutter in cutters.items()}
        if _two_classes(next(iter(cut.values()))):
            found.append(cut)
        else:
            one_class += 1
    groups = len({example.group for example in (next(iter(cut.values())).example for cut in found)})
    if len(found) < MIN_ROWS or groups < MIN_GROUPS:
        why = [
            f"{without} have no evidence" if without else "",
            f"in {one_class} all units are evidence, or none" if one_class else "",
            f"for {unlabelled} answers no sentence could be found that they need" if unlabelled else "",
        ]
        reasons = "; ".join(filter(None, why))
        raise InputError(
            f"too little to learn from: {len(found)} of {len(examples) + unlabelled} examples can be used, in {groups} groups"
            f"{f' ({reasons})' if reasons else ''}. At least {MIN_ROWS} are needed, in at least {MIN_GROUPS} groups; examples that share "
            "the documents of their evidence are one group, unless they name a `group` themselves."
        )
    units = [unit for unit in cutters if all(_two_classes(cut[unit]) for cut in found)]
    return [{unit: cut[unit] for unit in units} for cut in found]


def distinct(cut: Sequence[Mapping[Unit, Judged]]) -> list[Unit]:
    """The units that cut these texts differently, in their order: where nobody speaks in turns, `auto` and `sentence` are the same."""
    seen: dict[tuple[tuple[int, int], ...], Unit] = {}
    for unit in cut[0]:
        tiling = tuple((s.position, s.start) for judged in cut for s in judged[unit].sentences)
        seen.setdefault(tiling, unit)
    return list(seen.values())


def read_tables(cut: Sequence[Mapping[Unit, Judged]], units: Sequence[Unit], reader: FeatureReader, *, what: str) -> dict[Unit, Table]:
    """The features of every example and unit.

    Args:
        cut: Examples by unit.
        units: Which of them.
        reader: Of the features.
        what: What to call the work for whoever waits.

    Raises:
        ModelError: The model failed, or a feature is not a number.
        AttngsError: An example cannot be read.
    """
    rows: dict[Unit, list[Row]] = {unit: [] for unit in units}
    for judged in track(cut, what):
        with listening(lambda what, done, total: None):  # one bar for all
            for unit in units:
                rows[unit].append(_row(judged[unit], reader))
    return {unit: Table(unit=unit, names=reader.names, rows=tuple(members)) for unit, members in rows.items()}


def label_counts(table: Table) -> Counter[str]:
    """Rows, groups, units and positive units."""
    return Counter(
        rows=len(table.rows),
        groups=len({row.group for row in table.rows}),
        units=sum(len(row.labels) for row in table.rows),
        evidence=int(sum(row.labels.sum() for row in table.rows)),
    )


def _two_classes(judged: Judged) -> bool:
    return bool(0 < judged.labels.sum() < len(judged.labels))


def _row(judged: Judged, reader: FeatureReader) -> Row:
    sentences: tuple[Sentence, ...] = judged.sentences
    (outcome,) = reader.read([ScoreRequest(query=judged.example.query, sentences=sentences)])
    if isinstance(outcome, Exception):
        raise outcome
    features = outcome.astype(np.float32)
    if not np.isfinite(features).all():
        name = reader.names[int(np.argwhere(~np.isfinite(features))[0, 1])]
        raise ModelError(f"the feature `{name}` is not a number for some text: the model's numbers are too large or its weights damaged.")
    return Row(judged=judged, features=features, labels=judged.labels)
