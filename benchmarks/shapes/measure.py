"""Kept texts -> the share that answers, the share that can be understood, and how the methods differ, with intervals over rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attngs.learning.metrics import estimate
from benchmarks.shapes.data import SHAPES, Row
from benchmarks.shapes.judge import Verdict, verdict
from benchmarks.shapes.methods import OURS, Bench, Method

Verdicts = Mapping[str, Sequence[Verdict]]
"""By method, one a row."""


def measure(methods: Iterable[Method], bench: Bench, rows: Sequence[Row]) -> dict[str, list[Verdict]]:
    """Every row by every method.

    Raises:
        ValueError: A method kept more than the budget.
    """
    return {method.name: [verdict(kept(method, bench, row), row) for row in rows] for method in methods}


def kept(method: Method, bench: Bench, row: Row) -> str:
    """What a method keeps of a row.

    Raises:
        ValueError: It is more than the budget.
    """
    text = method.keep(bench, row)
    if (size := bench.size(text)) > row.target_tokens:
        raise ValueError(f"{method.name} kept {size} tokens of {row.id}, whose budget is {row.target_tokens}.")
    return text


def summarise(found: Verdicts, rows: Sequence[Row]) -> dict[str, Any]:
    """Means with intervals of each method: overall, in English, in other languages, and by shape; and the ids of the understood rows."""
    groups: dict[str, list[int]] = {
        "all": list(range(len(rows))),
        "English": [i for i, row in enumerate(rows) if row.language == "en"],
        "other languages": [i for i, row in enumerate(rows) if row.language != "en"],
    } | {shape: [i for i, row in enumerate(rows) if row.shape == shape] for shape in SHAPES}
    groups = {name: members for name, members in groups.items() if members}
    return {
        "rows": {name: len(members) for name, members in groups.items()},
        "methods": {
            method: {name: _shares([verdicts[i] for i in members], [rows[i].id for i in members]) for name, members in groups.items()}
            for method, verdicts in found.items()
        },
        "lead": {method: _lead(found[OURS], verdicts, rows) for method, verdicts in found.items() if OURS in found and method != OURS},
        "understood": {
            method: [row.id for row, of_row in zip(rows, verdicts, strict=True) if of_row.understood] for method, verdicts in found.items()
        },
    }


def _shares(verdicts: Sequence[Verdict], ids: Sequence[str]) -> dict[str, list[float]]:
    return {name: _rounded(estimate([float(getattr(of_row, name)) for of_row in verdicts], ids)) for name in Verdict._fields}


def _lead(ours: Sequence[Verdict], theirs: Sequence[Verdict], rows: Sequence[Row]) -> list[float]:
    """By how much more of the rows ours is understood, paired by row."""
    differences = [float(a.understood) - float(b.understood) for a, b in zip(ours, theirs, strict=True)]
    return _rounded(estimate(differences, [row.id for row in rows]))


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 4) for number in numbers]
