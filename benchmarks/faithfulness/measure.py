"""Suspicions -> recall and precision of each kind of error, and false alarms.

Intervals are over contexts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from attngs.learning.metrics import Estimate, estimate, summarised
from benchmarks.faithfulness.data import CROWD, HALVES, KINDS, Case, Context, cases
from benchmarks.faithfulness.methods import Method, threshold

SETTINGS = {"alone": 0, "in a crowd": CROWD}
"""How many other contexts the writer saw."""


def measure(method: Method, contexts: Sequence[Context]) -> dict[str, Any]:
    """The results by setting and half. The development half of a setting gives its threshold."""
    return {setting: _setting(method, contexts, crowd) for setting, crowd in SETTINGS.items()}


def _setting(method: Method, contexts: Sequence[Context], crowd: int) -> dict[str, Any]:
    scored = {half: [(case, method.suspicion(case)) for case in cases(contexts, half, crowd=crowd)] for half in HALVES}
    level = threshold(method, [score for case, score in scored[HALVES[0]] if not case.kind])
    flagged = {half: [(case, score >= level) for case, score in rows] for half, rows in scored.items()}
    return {"threshold": level} | {half: summarise(rows) for half, rows in flagged.items()}


def summarise(rows: Sequence[tuple[Case, bool]]) -> dict[str, Any]:
    """Recall and precision of each kind and of all, and false alarms; each as mean, low, high."""
    faithful = [(case, hit) for case, hit in rows if not case.kind]
    planted = [(case, hit) for case, hit in rows if case.kind]
    by_language = defaultdict(list)
    for case, hit in faithful:
        by_language[case.language].append(hit)
    return {
        "faithful": len(faithful),
        "false_alarms": _mean(faithful),
        "false_alarms_by_language": {language: [sum(hits), len(hits)] for language, hits in sorted(by_language.items())},
        "planted": len(planted),
        "recall": _mean(planted),
        "precision": _precision(planted, faithful),
        "kinds": {kind: _kind([row for row in planted if row[0].kind == kind], faithful) for kind in KINDS},
    }


def _kind(planted: Sequence[tuple[Case, bool]], faithful: Sequence[tuple[Case, bool]]) -> dict[str, Any]:
    return {"cases": len(planted), "recall": _mean(planted), "precision": _precision(planted, faithful)}


def _mean(rows: Sequence[tuple[Case, bool]]) -> Estimate | None:
    return estimate([float(hit) for _, hit in rows], [case.context for case, _ in rows]) if rows else None


def _precision(planted: Sequence[tuple[Case, bool]], faithful: Sequence[tuple[Case, bool]]) -> Estimate | None:
    """The share of errors in what is flagged, among these errors and as many faithful rewrites."""
    if not planted or not any(hit for _, hit in planted):
        return None
    weight = len(planted) / len(faithful)
    hits = [(case.context, 1.0, 1.0) for case, hit in planted if hit] + [(case.context, 0.0, weight) for case, hit in faithful if hit]
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for context, right, counted in hits:
        totals[context][0] += right
        totals[context][1] += counted
    table = np.array(list(totals.values()))
    drawn = np.random.default_rng(0).multinomial(len(table), np.full(len(table), 1 / len(table)), size=4_000) @ table
    mean = float(table[:, 0].sum() / table[:, 1].sum())
    return summarised(mean, drawn[:, 0] / drawn[:, 1])
