"""What is told of a sweep: each method's recall with its interval, differences row by row, and what each left-out set would choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attngs.learning.metrics import Estimate, bootstrap, summarised
from attngs.protocols import Floats
from benchmarks.attention.features import BM25, COSINE, OURS
from benchmarks.attention.settings import PAPER, Setting, settings
from benchmarks.attention.sweep import SHARES, WEIGHTS, Features, best, by_layer, fused, left_out, mean_of_sets, recalls

CHOSEN, SUM, CHANCE = "attention, as the other sets choose", f"{OURS} + attention, as the other sets choose", "random"

DRAWS = 20
"""Random orders of a context that are averaged."""

PAPER_NAME = "attention, the paper's setting"

CLAIMS = ((PAPER_NAME, CHANCE), (CHOSEN, CHANCE), (CHOSEN, PAPER_NAME), (SUM, OURS), (SUM, COSINE))
"""Differences that are told: the first minus the second."""


def judge(models: Mapping[str, Sequence[Features]]) -> dict[str, Any]:
    """All numbers of the page.

    Args:
        models: The questions as each model read them; the same questions for all.
    """
    swept = {name: recalls(features, settings()) for name, features in models.items()}
    chosen, default = left_out(models, swept), best(models, swept)
    sums = {name: {setting: fused(features, setting) for setting in {default, *chosen.values()}} for name, features in models.items()}
    weights = {
        held: max(WEIGHTS, key=lambda weight: np.mean([mean_of_sets(models[m], sums[m][setting][weight], held) for m in models]))
        for held, setting in chosen.items()
    }
    weight = max(WEIGHTS, key=lambda weight: np.mean([mean_of_sets(models[m], sums[m][default][weight]) for m in models]))
    return {
        "default": {"setting": str(default), "weight": weight},
        "left_out": {held: {"setting": str(chosen[held]), "weight": weights[held]} for held in chosen},
        "best_settings": _ranked(models, swept),
        "axes": _axes(models, swept, default),
        "models": {
            name: _model(features, swept[name], sums[name], chosen, weights) | {"weights": _weights(features, sums[name][default])}
            for name, features in models.items()
        },
    }


def _model(
    features: Sequence[Features],
    swept: Mapping[Setting, Floats],
    sums: Mapping[Setting, Mapping[float, Floats]],
    chosen: Mapping[str, Setting],
    weights: Mapping[str, float],
) -> dict[str, Any]:
    found: dict[str, Floats] = {
        CHANCE: np.array([_chance(one, seed) for seed, one in enumerate(features)]),
        PAPER_NAME: swept[PAPER],
        CHOSEN: np.array([swept[chosen[one.set]][row] for row, one in enumerate(features)]),
        **{name: np.array([one.recall(one.scores[name]) for one in features]) for name in (BM25, COSINE, OURS)},
        SUM: np.array([sums[chosen[one.set]][weights[one.set]][row] for row, one in enumerate(features)]),
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
    }


def _chance(one: Features, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    return np.mean([one.recall(generator.random(len(one.cost))) for _ in range(DRAWS)], axis=0)


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


def _axes(
    models: Mapping[str, Sequence[Features]], swept: Mapping[str, Mapping[Setting, Floats]], default: Setting
) -> dict[str, dict[str, list[float]]]:
    """What changing one choice of the default costs or gains, model by model."""
    known = next(iter(swept.values()))
    found: dict[str, dict[str, list[float]]] = {}
    for axis in Setting._fields:
        for value in dict.fromkeys(getattr(setting, axis) for setting in known):
            other = default._replace(**{axis: value})
            words = f"{value[0]:g} to {value[-1]:g}" if isinstance(value, tuple) else str(value)
            found.setdefault(axis, {})[words] = [round(mean_of_sets(models[name], swept[name][other]), 4) for name in models]
    return found


def _weights(features: Sequence[Features], sums: Mapping[float, Floats]) -> dict[str, float]:
    return {f"{weight:g}": round(mean_of_sets(features, values), 4) for weight, values in sums.items()}
