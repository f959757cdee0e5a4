"""Rows and forms -> what each form keeps; and what a value is worth on a set when it was chosen on the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from attngs.learning.evaluation import within_budget
from attngs.learning.metrics import estimate, merged
from attngs.protocols import Floats
from benchmarks.carry.constants import CONSTANTS, NOW, forms
from benchmarks.carry.sets import SETS
from benchmarks.carry.terms import BARE, Reader, Terms
from benchmarks.evidence.data import Row

SHARES = (0.05, 0.10)
"""Of the tokens."""
CHEAP = {"BM25": "bm25", "cosine": "cosine"}
OURS = "attngs"


def measure_set(reader: Reader, rows: Iterable[Row]) -> dict[str, Any]:
    """The means of one set: of the cheap methods, of every form, and how far the shipped one is ahead, with its interval."""
    kept: dict[str, list[list[float]]] = {}
    clusters = list[str]()
    for row in rows:
        terms, total = reader.read(row), sum(end - start for _, start, end in merged(row.evidence))
        known = dict[int, list[float]]()  # `NOW` is a value of every constant
        for name, value, form in forms():
            if id(form) not in known:
                known[id(form)] = _recall(terms, form(terms), total)
            kept.setdefault(f"{name}: {value}", []).append(known[id(form)])
        kept.setdefault(OURS, []).append(known[id(NOW)])
        for name, measure in CHEAP.items():
            kept.setdefault(name, []).append(_recall(terms, terms(measure, BARE), total))
        clusters.append(row.cluster)
    means = {name: np.mean(values, axis=0).round(4).tolist() for name, values in kept.items()}
    best = [max(CHEAP, key=lambda name: means[name][k]) for k in range(len(SHARES))]
    ahead = [[ours[k] - theirs[k] for ours, theirs in zip(kept[OURS], kept[best[k]], strict=True)] for k in range(len(SHARES))]
    return {
        "rows": len(clusters),
        "means": means,
        "best": best,
        "lead": [[round(number, 4) for number in estimate(values, clusters)] for values in ahead],
    }


def _recall(terms: Terms, scores: Floats, total: int) -> list[float]:
    """The share of the evidence that is kept at each budget."""
    asked, tokens = terms.asked, int(terms.asked.costs.sum())
    kept = (within_budget(scores.tolist(), asked.costs, max(1, round(share * tokens))) for share in SHARES)
    return [float(asked.evidence[units].sum() / total) for units in kept]


Found = Mapping[str, Mapping[str, Any]]
"""What `measure_set` returned, by set."""


def worth(found: Found, sets: Sequence[str], key: str) -> float:
    """The mean of a form over folds, both budgets together; a fold is the mean of its sets."""
    folds = dict[str, list[float]]()
    for name in sets:
        folds.setdefault(SETS[name].fold, []).append(fmean(found[name]["means"][key]))
    return fmean(map(fmean, folds.values()))


def held_out(found: Found) -> dict[str, dict[str, Any]]:
    """For each constant: what every value keeps, which one the other folds choose for each fold, and what that keeps there."""
    table = dict[str, dict[str, Any]]()
    folds = list(dict.fromkeys(SETS[name].fold for name in found))
    for constant in CONSTANTS:
        keys = {value: f"{constant.name}: {value}" for value in constant.values}
        chosen, kept = dict[str, str](), dict[str, float]()
        for fold in folds:
            inside = [name for name in found if SETS[name].fold == fold]
            others = [name for name in found if SETS[name].fold != fold]
            chosen[fold] = max(keys, key=lambda value: worth(found, others, keys[value])) if others else next(iter(keys))
            kept[fold] = worth(found, inside, keys[chosen[fold]])
        table[constant.name] = {
            "values": {value: round(worth(found, list(found), key), 4) for value, key in keys.items()},
            "by_fold": {
                value: {fold: round(worth(found, [n for n in found if SETS[n].fold == fold], key), 4) for fold in folds}
                for value, key in keys.items()
            },
            "chosen": chosen,
            "held_out": round(fmean(kept.values()), 4),
        }
    return table
