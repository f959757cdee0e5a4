"""Messages -> measures, logistic regressions, and the curve of what a floor stops against what it loses."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngs import Marker
from attngs.learning.metrics import covered
from attngs.marking.relevance import LATIN, OTHER, Calibration, Measures, measure
from attngs.marking.scorers.encoder import EmbeddedScorer
from attngs.protocols import Floats
from attngs.selection.selector import GreedySelector
from attngs.text.words import mostly_latin
from attngs.types import ScoreRequest
from benchmarks.floor.data import Kind, Message

FLOORS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
BUDGETS = (256, 512, 1_024, 2_048)
SHARES: Mapping[Kind, float] = {"answerable": 0.5, "idle": 0.3, "other": 0.2}
"""What each kind of message counts in a set; every set counts the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A message, measured in its context."""

    set: str
    kind: Kind
    query: str
    latin: bool
    measures: Measures
    shipped: float
    """The probability of the best sentence, with the constants in the code."""
    kept: Mapping[int, tuple[float, int, float, int]]
    """By budget: evidence recall and tokens without a floor, then with it; of answerable questions with evidence."""


def measure_messages(marker: Marker, messages: Iterable[Message], floor: float) -> list[Row]:
    """Mark every message with the default marker."""
    scorer = marker.scorer
    assert isinstance(scorer, EmbeddedScorer)
    rows = list[Row]()
    for message in messages:
        context = message.context
        marking = marker.mark(context.documents, message.query, namespace=context.name)
        request = ScoreRequest(query=message.query, sentences=marking.sentences, namespace=context.name)
        kept = dict[int, tuple[float, int, float, int]]()
        for budget in BUDGETS if message.kind == "answerable" and message.evidence else ():
            found = list[float]()
            for selector in (GreedySelector(), GreedySelector(min_score=floor)):
                assert marker.counter is not None
                selection = selector.select(marking, target_tokens=budget, counter=marker.counter)
                places = [(s.position, s.start, s.end) for s in (marking.sentences[i] for i in selection.kept)]
                found += [covered(message.evidence, places), selection.tokens]
            kept[budget] = (found[0], int(found[1]), found[2], int(found[3]))
        rows.append(
            Row(
                set=context.set,
                kind=message.kind,
                query=message.query,
                latin=mostly_latin(message.query),
                measures=measure(request, marking.scores, scorer.states),
                shipped=max(marking.probabilities or (0.0,)),
                kept=kept,
            )
        )
    return rows


def fit(rows: Sequence[Row], names: Sequence[str]) -> Calibration:
    """A logistic regression of answerable against idle and others' questions; every set counts the same, as do the kinds in it."""
    from sklearn.linear_model import LogisticRegression

    known = [row for row in rows if row.kind in SHARES]
    inputs = np.array([[getattr(row.measures, name) for name in names] for row in known])
    groups: dict[tuple[str, Kind], int] = {}
    for row in known:
        groups[row.set, row.kind] = groups.get((row.set, row.kind), 0) + 1
    weights = np.array([SHARES[row.kind] / groups[row.set, row.kind] for row in known])
    middle, spread = inputs.mean(axis=0), inputs.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)  # sets of one context all have its size
    model = LogisticRegression(max_iter=2_000).fit(
        (inputs - middle) / scale, [row.kind == "answerable" for row in known], sample_weight=weights * 1_000 / weights.sum()
    )
    slopes = model.coef_[0] / scale
    bias = float(model.intercept_[0] - slopes @ middle)
    return Calibration(round(bias, 3), {name: round(float(slope), 3) for name, slope in zip(names, slopes, strict=True)})


def fit_both(rows: Sequence[Row]) -> dict[str, Calibration]:
    """The weights for both scripts, on the measures that the code uses."""
    latin, other = [row for row in rows if row.latin], [row for row in rows if not row.latin]
    return {
        "LATIN": fit(latin, tuple(LATIN.weights)) if _has_both(latin) else LATIN,
        "OTHER": fit(other, tuple(OTHER.weights)) if _has_both(other) else OTHER,
    }


def _has_both(rows: Sequence[Row]) -> bool:
    """Whether there is anything to tell apart."""
    return len({row.kind == "answerable" for row in rows if row.kind in SHARES}) == 2


def held_out(rows: Sequence[Row]) -> list[float]:
    """The probability of each row, by weights that were fitted without its set; in other scripts than Latin, without its script.

    Few sets have questions in other scripts, so that to leave one out would leave a single one.
    """
    folds = [row.set if row.latin else script_of(row.query) for row in rows]
    fitted = {fold: fit_both([row for row, other in zip(rows, folds, strict=True) if other != fold]) for fold in set(folds)}
    return [fitted[fold]["LATIN" if row.latin else "OTHER"](row.measures) for row, fold in zip(rows, folds, strict=True)]


def script_of(text: str) -> str:
    """The script of the first letter that is not Latin, such as `CJK` or `GREEK`."""
    names = (unicodedata.name(character, "").partition(" ")[0] for character in text if character.isalpha())
    return next((name for name in names if name != "LATIN"), "")


def curve(rows: Sequence[Row], found: Sequence[float]) -> dict[str, Any]:
    """By set and kind, the share of messages that each floor stops; the mean over sets as `mean`."""
    shares: dict[str, dict[str, list[float]]] = {}
    for name in dict.fromkeys(row.set for row in rows):
        for kind in dict.fromkeys(row.kind for row in rows):
            values = np.array([p for row, p in zip(rows, found, strict=True) if (row.set, row.kind) == (name, kind)])
            if len(values):
                shares.setdefault(name, {})[kind] = [round(float((values < floor).mean()), 3) for floor in FLOORS]
    kinds = dict.fromkeys(kind for by_kind in shares.values() for kind in by_kind)
    mean = {kind: _mean([by_kind[kind] for by_kind in shares.values() if kind in by_kind]) for kind in kinds}
    return {"mean": mean, **shares}


def reliability(rows: Sequence[Row], found: Sequence[float]) -> list[tuple[float, float, int]]:
    """Predicted and observed probability in ten bins, each set and kind weighted as in the fit."""
    known = [(row, p) for row, p in zip(rows, found, strict=True) if row.kind in SHARES]
    counts: dict[tuple[str, Kind], int] = {}
    for row, _ in known:
        counts[row.set, row.kind] = counts.get((row.set, row.kind), 0) + 1
    weights: Floats = np.array([SHARES[row.kind] / counts[row.set, row.kind] for row, _ in known])
    predicted: Floats = np.array([p for _, p in known])
    observed: Floats = np.array([float(row.kind == "answerable") for row, _ in known])
    bins: NDArray[np.int64] = np.minimum((predicted * 10).astype(np.int64), 9)
    return [
        (
            round(float(np.average(predicted[bins == b], weights=weights[bins == b])), 3),
            round(float(np.average(observed[bins == b], weights=weights[bins == b])), 3),
            int((bins == b).sum()),
        )
        for b in range(10)
        if (bins == b).any()
    ]


def adaptive(rows: Sequence[Row]) -> dict[str, Any]:
    """By set and budget: mean evidence recall and tokens without the floor and with it."""
    table: dict[str, Any] = {}
    for name in dict.fromkeys(row.set for row in rows if row.kept):
        own = [row for row in rows if row.set == name and row.kept]
        table[name] = {
            str(budget): [round(float(np.mean([row.kept[budget][k] for row in own])), 3) for k in range(4)] for budget in BUDGETS
        }
    return table


def _mean(lists: Sequence[Sequence[float]]) -> list[float]:
    return [round(float(value), 3) for value in np.mean(np.array(lists), axis=0)]
