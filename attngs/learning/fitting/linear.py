"""Linear scores, learned by logistic regression in which the sentences of one context compete.

For an example with evidence E among S sentences the loss is

    -1/|E| sum_{i in E} log softmax(z)_i,    z = X w

the conditional (listwise) form of logistic regression. A constant of the context cancels out, so one huge or unusual context cannot
dominate, and classes need no balancing. L2 draws the weights to a *prior*: the score that is shipped, so little data changes little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attngs.errors import ModelError
from attngs.learning.fitting.rows import Row
from attngs.protocols import Floats

SAMPLE = 80
"""An example teaches by this many sentences with evidence at most, and by as many without."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Linear:
    """The score `(x - mean) / scale @ weights` over some columns of a table."""

    columns: NDArray[np.int64]
    mean: Floats
    scale: Floats
    weights: Floats

    def __call__(self, row: Row) -> Floats:
        """A score for each sentence `(S,)`."""
        return np.asarray((row.features[:, self.columns] - self.mean) / self.scale @ self.weights)


class Sample(NamedTuple):
    """Sentences of many examples in one array, example by example."""

    features: Floats  # (N, F)
    targets: Floats  # (N,), 1/|E| for evidence
    starts: NDArray[np.int64]  # (examples,), where each begins


def weighted(columns: Sequence[int], weights: Sequence[float]) -> Linear:
    """A weighted sum whose weights are given, not learned."""
    size = len(columns)
    return Linear(
        columns=np.asarray(columns, dtype=np.int64), mean=np.zeros(size), scale=np.ones(size), weights=np.asarray(weights, dtype=np.float64)
    )


def sample(rows: Sequence[Row], columns: NDArray[np.int64]) -> Sample:
    """Draw what is learned from; a row draws by its own size, so its sample is the same in every fold."""
    features, targets, sizes = list[Floats](), list[Floats](), list[int]()
    for row in rows:
        draw = np.random.default_rng((0, len(row.labels)))
        with_evidence, without = np.flatnonzero(row.labels), np.flatnonzero(~row.labels)
        chosen = [
            members if len(members) <= SAMPLE else draw.choice(members, SAMPLE, replace=False) for members in (with_evidence, without)
        ]
        features.append(row.features[np.concatenate(chosen)][:, columns].astype(np.float64))
        targets.append(np.repeat([1 / len(chosen[0]), 0.0], list(map(len, chosen))))
        sizes.append(sum(map(len, chosen)))
    return Sample(np.concatenate(features), np.concatenate(targets), np.cumsum([0, *sizes[:-1]]))


def learn(rows: Sequence[Row], columns: NDArray[np.int64], *, l2: float, prior: Floats) -> Linear:
    """Learn the weights that best tell evidence from the rest.

    Args:
        rows: Each with evidence, but not everywhere.
        columns: The features that may be weighed.
        l2: Strength of the pull to the prior.
        prior: Weights `(F,)` on standardised features; a feature with a prior is pulled a hundredth as much.

    Raises:
        ModelError: No finite weights were found.
    """
    from scipy.optimize import minimize

    drawn = sample(rows, columns)
    mean, scale = drawn.features.mean(axis=0), drawn.features.std(axis=0)
    scale = np.where(scale > 1e-6, scale, 1.0)
    standard = (drawn.features - mean) / scale
    pull = np.where(prior != 0, l2 / 100, l2)
    owner = np.repeat(np.arange(len(drawn.starts)), np.diff([*drawn.starts, len(standard)]))

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = standard @ weights
        shifted = z - np.maximum.reduceat(z, drawn.starts)[owner]
        raised = np.exp(shifted)
        total = np.add.reduceat(raised, drawn.starts)
        share = raised / total[owner]
        nats = float((np.log(total)[owner] - shifted) @ drawn.targets) / len(drawn.starts)
        away = weights - prior
        slope = standard.T @ (share - drawn.targets) / len(drawn.starts)
        return nats + 0.5 * float(pull @ away**2), slope + pull * away

    weights = np.asarray(minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-7}).x)
    if not np.isfinite(weights).all():
        raise ModelError("the probe's weights are not finite: a feature is too large for these examples.")
    return Linear(columns=columns, mean=mean, scale=scale, weights=weights)
