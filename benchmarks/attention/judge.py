"""What is told of a sweep: recall with intervals, paired differences, and what the other sets choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attngs.learning.metrics import Estimate, bootstrap, summarised
from attngs.protocols import Floats
from benchmarks.attention.features import BM25, COSINE, OURS
from benchmarks.attention.settings import DEFAULT, PAPER, Setting, settings
from benchmarks.attention.sweep import SHARES, Features, best, by_layer, fused, left_out, mean_of_sets, recalls

CHANCE, PAPERS, CHOSEN, SHIPPED = "random", "attention, the paper's setting", "attention, as the other sets choose", "attention, as shipped"

BASES = (COSINE, OURS)
"""What attention is added to. The constants of the embedded marker were chosen on sets like these, so beside it attention is worth less
here than elsewhere; plain cosine has none."""

DRAWS = 20
"""Random orders of a context that are averaged."""


def added(base: str) -> str:
    """The name of the sum of a method and attention."""
    return f"{base} + attention"


CLAIMS = (
    (PAPERS, CHANCE),
    (CHOSEN, CHANCE),
    (CHOSEN, PAPERS),
    (CHOSEN, COSINE),
    *((added(base), base) for base in BASES),
    (added(OURS), SHIPPED),
)
"""Differences that are told: the first minus the second."""


def judge(models: Mapping[str, Sequence[Features]]) -> dict[str, Any]:
    """All numbers of the page.

    Args:
        models: The questions as each model read them; the same questions for all.
    """
    swept = {name: recalls(features, settings()) for name, features in models.items()}
    chosen, default = left_out(models, swept), best(models, swept)
    sums = {base: {name: fused(features, DEFAULT, base) for name, features in models.items()} for base in BASES}
    weights = {base: left_out(models, sums[base]) for base in BASES}
    return {
        "best": {"setting": str(default), **{base: best(models, sums[base]) for base in BASES}},
        "left_out": {held: {"setting": str(chosen[held]), **{base: weights[base][held] for base in BASES}} for held in chosen},
        "best_settings": _ranked(models, swept),
        "axes": _axes(models, swept),
        "models": {
            name: _model(features, swept[name], {base: sums[base][name] for base in BASES}, chosen, weights)
            for name, features in models.items()
        },
    }


def _model(
    features: Sequence[Features],
    swept: Mapping[Setting, Floats],
    sums: Mapping[str, Mapping[float, Floats]],
    chosen: Mapping[str, Setting],
    weights: Mapping[str, Mapping[str, float]],
) -> dict[str, Any]:
    found: dict[str, Floats] = {
        CHANCE: np.array([_chance(one, seed) for seed, one in enumerate(features)]),
        PAPERS: swept[PAPER],
        CHOSEN: np.array([swept[chosen[one.set]][row] for row, one in enumerate(features)]),
        SHIPPED: swept[DEFAULT],
        **{name: np.array([one.recall(one.scores[name]) for one in features]) for name in (BM25, COSINE, OURS)},
        **{added(base): np.array([sums[base][weights[base][one.set]][row] for row, one in enumerate(features)]) for base in BASES},
    }
    sets = list(dict.fromkeys(one.set for one in features))
    return {
        "questions": len(features),
        "layers": by_layer(features),
        "recall": {name: _estimates(features, values) for name, values in found.items()},
        "differences": {f"{a} - {b}": _estimates(features, found[a] - found[b]) for a, b in CLAIMS},
        "sets": {
            held: {name: round(float(values[[one.set == held for one in features]].mean()), 4) for name, values in found.items()}
            for held in sets
        },
        "weights": {
            base: {f"{weight:g}": round(mean_of_sets(features, values), 4) for weight, values in sums[base].items()} for base in BASES
        },
    }


def _chance(one: Features, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    return np.asarray(np.mean([one.recall(generator.random(len(one.cost))) for _ in range(DRAWS)], axis=0))


def _estimates(features: Sequence[Features], values: Floats) -> dict[str, list[float]]:
    """The mean over sets with its interval, at each budget and over all."""
    columns = {f"{share:.0%}": values[:, place] for place, share in enumerate(SHARES)} | {"all": values.mean(axis=1)}
    return {name: [round(number, 4) for number in _estimate(features, column)] for name, column in columns.items()}


def _estimate(features: Sequence[Features], column: Floats) -> Estimate:
    """Clusters are drawn within each set, and each set counts once."""
    means, draws = list[float](), list[Floats]()
    for seed, name in enumerate(dict.fromkeys(one.set for one in features)):
        rows = [row for row, one in enumerate(features) if one.set == name]
        means.append(float(column[rows].mean()))
        draws.append(bootstrap(column[rows].tolist(), [features[row].cluster for row in rows], seed=seed))
    return summarised(float(np.mean(means)), np.mean(draws, axis=0))


def _ranked(models: Mapping[str, Sequence[Features]], swept: Mapping[str, Mapping[Setting, Floats]], most: int = 10) -> list[list[Any]]:
    """The best settings, with the mean of each model."""
    means = {setting: [mean_of_sets(models[name], swept[name][setting]) for name in models] for setting in next(iter(swept.values()))}
    order = sorted(means, key=lambda setting: -float(np.mean(means[setting])))
    return [[str(setting), *(round(mean, 4) for mean in means[setting])] for setting in order[:most]]


def _axes(models: Mapping[str, Sequence[Features]], swept: Mapping[str, Mapping[Setting, Floats]]) -> dict[str, dict[str, list[float]]]:
    """What changing one choice of the shipped setting costs or gains, model by model."""
    known = next(iter(swept.values()))
    found: dict[str, dict[str, list[float]]] = {}
    for axis in Setting._fields:
        for value in dict.fromkeys(getattr(setting, axis) for setting in known):
            other = DEFAULT._replace(**{axis: value})
            words = f"{value[0]:g} to {value[-1]:g}" if isinstance(value, tuple) else str(value)
            found.setdefault(axis, {})[words] = [round(mean_of_sets(models[name], swept[name][other]), 4) for name in models]
    return found
