"""Values of rows -> means with intervals, differences from the better cheap method, averages over sets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from attngs.learning.evaluation import BUDGETS
from attngs.learning.metrics import Estimate, bootstrap, estimate, summarised
from benchmarks.evidence.measure import ORACLE, Scores
from benchmarks.evidence.methods import BEST, NAMES, OURS
from benchmarks.evidence.sets import SETS
from benchmarks.evidence.worth import METRICS

TOLD = (0.05, 0.10)
"""The budgets that the targets are about."""


def percent(share: float) -> str:
    """The name of a budget."""
    return f"{share:.0%}"


def summarise(scores: Scores) -> dict[str, Any]:
    """One set: for each unit and language group."""
    languages = [row.language for row in scores.rows]
    groups = {"all": list(range(len(languages)))}
    if len(set(languages)) > 1:
        groups |= {name: [i for i, language in enumerate(languages) if language == name] for name in sorted(set(languages))}
    return {
        "rows": len(scores.rows),
        "rows_wanted": scores.wanted,
        "median_tokens": sorted(scores.tokens)[len(scores.tokens) // 2],
        "seconds": round(scores.seconds, 1),
        "read_seconds": round(scores.read_seconds, 1),
        "ask_ms": {name: round(1_000 * fmean(seconds), 2) for name, seconds in scores.ask_seconds.items()},
        "units": {unit: {name: _group(scores, unit, members) for name, members in groups.items()} for unit in scores.units},
    }


def _group(scores: Scores, unit: str, members: Sequence[int]) -> dict[str, Any]:
    clusters = [scores.rows[i].cluster for i in members]
    return {"rows": len(members), "clusters": len(set(clusters))} | {percent(share): _at(scores, unit, share, members) for share in BUDGETS}


def _at(scores: Scores, unit: str, share: float, members: Sequence[int]) -> dict[str, Any]:
    """One budget: every metric that some row has, of every method; and how ours stands to the better cheap method."""
    found: dict[str, Any] = {}
    for metric in METRICS:
        methods = {
            method: _rounded(estimate(values, clusters))
            for method in methods_of(scores, unit)
            for values, clusters in [column(scores, unit, method, share, metric, members)]
            if values
        }
        if methods:
            found[metric] = methods if metric != "used" else {method: numbers[0] for method, numbers in methods.items()}
    if "recall" in found:
        values, clusters, best = lead(scores, unit, share, members)
        found |= {"best": best, "difference": _rounded(estimate(values, clusters))}
    return found


def methods_of(scores: Scores, unit: str) -> list[str]:
    """In the order of the table of methods, and the oracle."""
    found = {method for at, method, _ in scores.values if at == unit}
    return [method for method in (*NAMES, ORACLE) if method in found]


def column(
    scores: Scores, unit: str, method: str, share: float, metric: str, members: Iterable[int] | None = None
) -> tuple[list[float], list[str]]:
    """The values of the rows that have any, with their clusters; what Ctrl-C left of an unfinished row does not count."""
    rows = scores.values.get((unit, method, share), [])
    if method == ORACLE:  # only of rows with evidence
        known = iter(rows)
        rows = [next(known) if row.evidence else {} for row in scores.rows]
    chosen = [i for i in (range(len(scores.rows)) if members is None else members) if not math.isnan(rows[i].get(metric, math.nan))]
    return [rows[i][metric] for i in chosen], [scores.rows[i].cluster for i in chosen]


def lead(scores: Scores, unit: str, share: float, members: Iterable[int] | None = None) -> tuple[list[float], list[str], str]:
    """Ours minus the cheap method with the better mean on these rows, row by row; the clusters; and which method that was."""
    chosen = None if members is None else list(members)
    rivals = {name: column(scores, unit, name, share, "recall", chosen)[0] for name in BEST}
    best = max(rivals, key=lambda name: fmean(rivals[name]))
    ours, clusters = column(scores, unit, OURS, share, "recall", chosen)
    return [a - b for a, b in zip(ours, rivals[best], strict=True)], clusters, best


def average(scores: Mapping[str, Scores], names: Sequence[str], shares: Sequence[float]) -> dict[str, Any] | None:
    """Means over sets, each set counting once; intervals from clusters within sets, drawn for each set by itself.

    Args:
        scores: All sets.
        names: Those to take.
        shares: Budgets; the mean over them is taken first.
    """
    known = {name: scores[name] for name in names if any(row.evidence for row in scores[name].rows)}
    if not known:
        return None
    unit = {name: found.units[0] for name, found in known.items()}
    methods = [m for m in methods_of(*next((found, unit[name]) for name, found in known.items())) if m != "full"]
    columns = {
        method: [[column(found, unit[name], method, share, "recall") for share in shares] for name, found in known.items()]
        for method in methods
        if all(any(found.values.get((unit[name], method, share), []) for share in shares) for name, found in known.items())
    }
    leads = [[lead(found, unit[name], share)[:2] for share in shares] for name, found in known.items()]
    return {
        "sets": list(known),
        "recall": {method: _rounded(_mean_of_sets(sets)) for method, sets in columns.items()},
        "difference": _rounded(_mean_of_sets(leads)),
    }


def _mean_of_sets(sets: Sequence[Sequence[tuple[list[float], list[str]]]]) -> Estimate:
    """Each set has a column for each budget, of the same rows."""
    means, draws = list[float](), []
    for seed, columns in enumerate(sets):
        values = np.mean([column for column, _ in columns], axis=0)
        means.append(float(values.mean()))
        draws.append(bootstrap(values.tolist(), columns[0][1], seed=seed))
    return summarised(fmean(means), np.mean(draws, axis=0))


def overall(scores: Mapping[str, Scores]) -> dict[str, Any]:
    """The averages over real sets, and over those about one person's memory, the generated ones included."""
    groups = {
        "real": [name for name in scores if SETS[name].kind == "real"],
        "personal": [name for name in scores if SETS[name].personal],
    }
    found: dict[str, Any] = {}
    for group, names in groups.items():
        at = {percent(share): average(scores, names, [share]) for share in BUDGETS}
        told = average(scores, names, TOLD)
        if told:
            found[group] = at | {"5% and 10%": told}
    return found


def _rounded(numbers: Iterable[float]) -> list[float]:
    return [round(number, 4) for number in numbers]
