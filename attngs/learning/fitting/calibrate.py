"""Scores -> probabilities, how far these can be trusted, and where to cut them into marks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attngs.learning.metrics import Labels
from attngs.marking.probe import Calibration
from attngs.protocols import Floats

BINS = 10


class Bin(NamedTuple):
    """Sentences of about one probability."""

    predicted: float
    observed: float
    size: int


class Reliability(NamedTuple):
    """How far probabilities can be trusted."""

    error: float
    """Expected calibration error: the mean distance between predicted and observed shares over all bins.

    Each bin weighs as much as the number of its sentences.
    """
    brier: float
    """Mean squared error of the probabilities."""
    bins: tuple[Bin, ...]


def platt(scores: Sequence[Floats], labels: Sequence[Labels]) -> Calibration:
    """Fit slope, intercept and the effect of a context's size, by logistic regression on held-out scores."""
    from sklearn.linear_model import LogisticRegression

    sizes = np.concatenate([np.full(len(context), math.log(len(context))) for context in scores])
    inputs = np.column_stack([np.concatenate(scores), sizes])
    spread = inputs.std(axis=0)
    used = spread > 1e-6  # contexts of one size say nothing about size
    scale = np.where(used, spread, 1.0)
    model = LogisticRegression(C=1e4, max_iter=1_000).fit(inputs / scale * used, np.concatenate(labels))
    slope, size = (float(value) for value in model.coef_[0] / scale * used)
    return Calibration(slope=max(slope, 1e-6), intercept=float(model.intercept_[0]), size=size)


def cross_fitted(scores: Sequence[Floats], labels: Sequence[Labels], folds: NDArray[np.int64]) -> list[Floats]:
    """The probabilities of each context, by a calibration that has not seen its fold."""
    found = [np.empty(0)] * len(scores)
    for fold in range(int(folds.max()) + 1):
        others = np.flatnonzero(folds != fold).tolist()
        calibration = platt([scores[i] for i in others], [labels[i] for i in others])
        for i in np.flatnonzero(folds == fold).tolist():
            found[i] = calibration(scores[i])
    return found


def uncalibrated(scores: Sequence[Floats], labels: Sequence[Labels]) -> list[Floats]:
    """A sigmoid of the score and the overall odds: what one would take without calibration."""
    share = float(np.concatenate(labels).mean())
    intercept = math.log(share / (1 - share)) - float(np.concatenate(scores).mean())
    return [Calibration(intercept=intercept)(context) for context in scores]


def reliability(probabilities: Sequence[Floats], labels: Sequence[Labels]) -> Reliability:
    """Compare probabilities with what was observed, over all contexts."""
    predicted, observed = np.concatenate(probabilities), np.concatenate(labels).astype(np.float64)
    order = np.argsort(predicted, kind="stable")
    expected = predicted[order].cumsum()  # bins hold equally much expected evidence: by count nearly all would lie next to 0
    cuts = np.searchsorted(expected, expected[-1] * np.arange(1, BINS) / BINS)
    parts = [part for part in np.split(order, cuts) if len(part)]
    bins = tuple(Bin(float(predicted[part].mean()), float(observed[part].mean()), len(part)) for part in parts)
    error = sum(one.size * abs(one.predicted - one.observed) for one in bins) / len(predicted)
    return Reliability(float(error), float(((predicted - observed) ** 2).mean()), bins)


def best_threshold(probabilities: Sequence[Floats], labels: Sequence[Labels]) -> tuple[float, float]:
    """The probability from which marks have the best mean F1 over contexts, and that F1."""
    everything = np.unique(np.round(np.concatenate(probabilities), 4))
    tried = np.unique(np.quantile(everything, np.linspace(0.02, 0.98, 49)).clip(1e-4, 1 - 1e-4))
    means = [float(np.mean([_f1(context >= cut, truth) for context, truth in zip(probabilities, labels, strict=True)])) for cut in tried]
    best = int(np.argmax(means))
    return float(tried[best]), means[best]


def best_alpha(scores: Sequence[Floats], labels: Sequence[Labels]) -> dict[float, float]:
    """The mean F1 of the paper's rule over contexts, by alpha; no score may be negative."""
    alphas = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    pairs = list(zip(scores, labels, strict=True))
    return {alpha: float(np.mean([_f1(context >= alpha * context.max(), truth) for context, truth in pairs])) for alpha in alphas}


def precision_recall(probabilities: Sequence[Floats], labels: Sequence[Labels]) -> tuple[Floats, Floats]:
    """Recall and precision over the sentences of all contexts, from the most probable sentence on."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(np.concatenate(labels), np.concatenate(probabilities), drop_intermediate=True)
    return recall[::-1], precision[::-1]


def _f1(marked: Labels, truth: Labels) -> float:
    both = float((marked & truth).sum())
    return 2 * both / float(marked.sum() + truth.sum()) if both else 0.0
