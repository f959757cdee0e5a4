"""STAND-IN until attngs.fitting is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from attngs.marking import Floats
from benchmarks.decoder.readings import Reading


def fit_probe(readings: Sequence[Reading]) -> Callable[[Reading], Floats]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
    model.fit(np.concatenate([_features(r) for r in readings]), np.concatenate([r.judged.labels for r in readings]))
    return lambda reading: np.asarray(model.decision_function(_features(reading)))


def _features(reading: Reading) -> Floats:
    density = reading.mass / np.maximum(reading.tokens, 1)
    mean = density.mean(axis=1)
    return np.log(np.maximum(np.concatenate([density.reshape(-1, density.shape[2]), mean]), 1e-4)).T
