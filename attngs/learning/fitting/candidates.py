"""Candidates that may mark better than the default: settings of the attention, sets of heads, probes.

All are linear in features that were read once. A density's log plus half or all of the length's log turns the mean over tokens into a sum;
subtracting the neutral question's feature is differential scoring; the mean of single heads' logs is a set of heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from attngs.learning.fitting.linear import Linear, learn, weighted
from attngs.learning.fitting.rows import Row, Table
from attngs.learning.metrics import Labels
from attngs.marking.features.assemble import DEFAULT
from attngs.marking.features.attention import HeadName
from attngs.marking.features.text import LENGTH
from attngs.protocols import Floats
from attngs.text.sentences import UnitSize

HEAD_SETS = (1, 4, 16)
"""How many of the best heads are averaged."""

POOLINGS = {"mean over tokens": 0.0, "sum over the root of tokens": 0.5, "sum over tokens": 1.0}

PULLS = (0.003, 0.03)
"""Strengths of L2 for a few dozen features; more features are pulled harder."""

MANY = 200
"""Features from which on L2 is ten times as strong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to score sentences."""

    method: str
    """`default`, `setting` or `probe`."""
    name: str
    unit: UnitSize
    train: Callable[[Sequence[Row]], Linear]
    learned: bool
    """Whether training rows change anything."""


def candidates(table: Table, default: str, *, shipped: bool) -> list[Candidate]:
    """List what is tried on one unit, the default first.

    Args:
        table: Rows cut by that unit.
        default: The feature that is the score of the marker without a probe.
        shipped: Whether a marker without a probe cuts texts by this unit; if not, its score here is a setting like any other.
    """
    heads = [part for name in table.names if (part := HeadName.parse(name))]
    settings = [*_layer_means(table, heads), *_head_sets(table, heads)] if heads else _single_features(table)
    method = "default" if shipped else "setting"
    first = Candidate(method=method, name="default", unit=table.unit, train=_constant(table, [default], [1.0]), learned=False)
    return [first, *settings, *_probes(table, default)]


def _single_features(table: Table) -> Iterator[Candidate]:
    """Each z-scored measure by itself, at each scale."""
    kinds = ("late.", "cosine.", "closest.", "words.", "stems.")
    for name in table.names:
        if name.startswith(kinds) and name.rpartition(".")[2] in ("sentence", "near", "wide", "passage", "document"):
            yield Candidate(method="setting", name=name, unit=table.unit, train=_constant(table, [name], [1.0]), learned=False)


def _layer_means(table: Table, heads: Sequence[HeadName]) -> Iterator[Candidate]:
    """Each layer from each position: with every pooling, and minus the neutral question if it was read."""
    means = [part for part in heads if part.head is None and not part.neutral]
    subtract = any(part.neutral for part in heads)
    for part, habit, (pooling, power) in product(means, (0.0, 1.0) if subtract else (0.0,), POOLINGS.items()):
        if habit and power:
            continue  # a difference of logs has no sum over tokens
        names, weights = [str(part), LENGTH], [1.0, power]
        if habit:
            names, weights = [str(part), str(part._replace(neutral=True))], [1.0, -habit]
        words = f"{part.read_from}, layer {part.layer}, all heads, {pooling}{', minus the neutral question' if habit else ''}"
        yield Candidate(method="setting", name=words, unit=table.unit, train=_constant(table, names, weights), learned=False)


def _head_sets(table: Table, heads: Sequence[HeadName]) -> Iterator[Candidate]:
    """The few heads of each position that rank evidence best."""
    for position, size in product(sorted({part.read_from for part in heads}), HEAD_SETS):
        single = [str(part) for part in heads if part.read_from == position and part.head is not None and not part.neutral]
        if size <= len(single):
            train = partial(_best_heads, table.columns(single), size)
            name = f"{position}, the {size} best heads" if size > 1 else f"{position}, the best head"
            yield Candidate(method="setting", name=name, unit=table.unit, train=train, learned=True)


def _probes(table: Table, default: str) -> Iterator[Candidate]:
    for group, names in _groups(table.names, default).items():
        prior = np.array([1.0 if name == DEFAULT else 0.0 for name in names])
        columns = table.columns(names)
        for pull in PULLS:
            strength = pull * (10 if len(names) > MANY else 1)
            train = partial(learn, columns=columns, l2=strength, prior=prior)
            yield Candidate(method="probe", name=f"probe on {group}, L2 {strength:g}", unit=table.unit, train=train, learned=True)


def _groups(names: Sequence[str], default: str) -> dict[str, list[str]]:
    """Groups of features that a probe may use; few, or the choice between them would overfit."""
    parts = {name: HeadName.parse(name) for name in names}
    text = [name for name, part in parts.items() if part is None]
    if len(text) == len(names):
        plain = [name for name in names if not name.startswith(("place.", "form.", "size.", "length"))]
        alone = [n for n in names if n.endswith((".sentence", ".absolute", ".lead", ".share", ".cover", ".rarest")) or n == default]
        return {"all features": list(names), "similarity and words": plain, "single sentences": alone}
    means = [name for name, part in parts.items() if part is not None and part.head is None]
    single = [name for name, part in parts.items() if part is not None and part.head is not None]
    return {"layer means": means, "heads": single, "heads and text": [*single, *text], "layer means and text": [*means, *text]}


def _constant(table: Table, names: Sequence[str], weights: Sequence[float]) -> Callable[[Sequence[Row]], Linear]:
    kept = [(name, weight) for name, weight in zip(names, weights, strict=True) if weight]
    linear = weighted(table.columns([name for name, _ in kept]).tolist(), [weight for _, weight in kept])
    return lambda rows: linear


def _best_heads(columns: NDArray[np.int64], size: int, rows: Sequence[Row]) -> Linear:
    """Average the heads that most often rank evidence above the rest."""
    ranks = np.mean([_above(row.features[:, columns].astype(np.float64), row.labels) for row in rows], axis=0)
    best = columns[np.argsort(-ranks, kind="stable")[:size]]
    return weighted(best.tolist(), [1 / size] * size)


def _above(features: Floats, labels: Labels) -> Floats:
    """The area under the ROC curve of each feature `(F,)`, of all features at once."""
    ranks = features.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    positive = int(labels.sum())
    below = ranks[labels].sum(axis=0) - positive * (positive - 1) / 2
    return np.asarray(below / (positive * (len(labels) - positive)))
