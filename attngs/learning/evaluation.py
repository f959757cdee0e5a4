"""How much evidence a budget keeps, for a marker and for the baselines beside it.

A unit costs its tokens, and a budget is a share of all tokens of the context. `fill` fills it as it does for users (`attngs.selection`).
Recall is the share of evidence *characters* inside the units that were kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attngs.errors import ConfigError, InputError
from attngs.learning.labelled import LabelledExample, read_examples
from attngs.learning.metrics import Estimate, Labels, estimate, merged, shared
from attngs.marking.algorithm import ranking
from attngs.marking.scorers.batch import score_batch
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.simple import LeadScorer, RandomScorer, RecencyScorer
from attngs.protocols import Floats, Scorer, TokenCounter
from attngs.reading.progress import listening, track
from attngs.selection.selector import fill
from attngs.types import ScoreRequest, Sentence

if TYPE_CHECKING:
    from attngs.marking.marker import Marker

BUDGETS = (0.02, 0.05, 0.10, 0.20)
"""Shares of the tokens at which markers are compared."""

BASELINES: dict[str, Callable[[], Scorer]] = {"BM25": LexicalScorer, "recency": RecencyScorer, "lead": LeadScorer, "random": RandomScorer}
"""What a marker must beat to be worth anything."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelledUnits:
    """The units of an example: what each costs, and how much evidence it holds."""

    example: LabelledExample
    sentences: tuple[Sentence, ...]
    costs: NDArray[np.int64]
    """Tokens of each unit `(S,)`."""
    hits: Floats
    """Evidence characters in each unit `(S,)`."""
    labels: Labels
    """Which units count as evidence `(S,)`."""

    def recall(self, scores: Sequence[float], share: float) -> float:
        """The share of the evidence characters that is kept in `share` of the tokens."""
        kept = within_budget(scores, self.costs, max(1, round(share * int(self.costs.sum()))))
        return float(self.hits[kept].sum() / self.hits.sum())

    def average_precision(self, scores: Sequence[float] | Floats) -> float:
        """The mean precision at each unit with evidence, 0 to 1, without a budget.

        Of equal scores the earlier unit comes first, as in the selector; scikit-learn's measure takes equals together.
        """
        found = self.labels[np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")]
        places = np.flatnonzero(found) + 1
        return float((np.arange(1, len(places) + 1) / places).mean())


def label_units(example: LabelledExample, sentences: Sequence[Sentence], counter: TokenCounter) -> LabelledUnits:
    """Count the tokens and the evidence of each unit of an example.

    Raises:
        InputError: No unit holds evidence.
    """
    costs = np.array(counter.count([sentence.text.strip() for sentence in sentences]), dtype=np.int64)
    wanted = merged(example.evidence)
    hits = np.array([sum(shared((s.position, s.start, s.end), place) for place in wanted) for s in sentences], dtype=np.float64)
    if not hits.sum():
        raise InputError(f"no evidence is known for the question {example.query[:60]!r}; recall needs some.")
    return LabelledUnits(example=example, sentences=tuple(sentences), costs=costs, hits=hits, labels=_labels(sentences, hits))


def _labels(sentences: Sequence[Sentence], hits: Floats) -> Labels:
    """A unit counts as evidence when half of it is evidence, or when it holds half of the evidence.

    Where evidence is so spread that no unit does, the units with the most evidence count, and all that have at least half as much.
    """
    sizes = np.array([max(len(sentence.text.strip()), 1) for sentence in sentences])
    clear = ((hits >= 0.5 * sizes) | (hits >= 0.5 * hits.sum())) & (hits > 0)
    return np.asarray(clear if clear.any() else (hits >= 0.5 * hits.max()) & (hits > 0))


def within_budget(scores: Sequence[float], costs: NDArray[np.int64], budget: int) -> list[int]:
    """The units that the selector would keep if single costs added up, best first.

    Args:
        scores: Of the units `(S,)`.
        costs: Tokens of the units `(S,)`; a unit without any is blank, and is kept without counting as a choice.
        budget: Tokens to fill.
    """
    prices, kept = costs.tolist(), list[int]()

    def take(i: int) -> bool | None:
        nonlocal budget
        if prices[i] > budget:
            return False
        kept.append(i)
        budget -= prices[i]
        return True if prices[i] else None

    fill(scores, ranking(scores), take)
    return kept


def baseline_recall(name: str, units: LabelledUnits, share: float) -> float:
    """The recall of a baseline."""
    return units.recall(BASELINES[name]().score(units.example.query, units.sentences), share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Evidence recall with 95 % intervals."""

    marker: str
    examples: int
    """How many had evidence and were used."""
    skipped: int
    """How many had none."""
    groups: int
    recall: Mapping[str, Mapping[float, Estimate]]
    """By method, the marker first, and budget."""
    ahead: Mapping[str, Mapping[float, Estimate]]
    """The marker's recall minus that of each baseline, paired by example."""

    def to_json(self) -> str:
        """Indented JSON."""
        plain = {name: getattr(self, name) for name in ("marker", "examples", "skipped", "groups")}
        for part in ("recall", "ahead"):
            plain[part] = {
                name: {f"{share:.0%}": {field: round(value, 4) for field, value in at._asdict().items()} for share, at in budgets.items()}
                for name, budgets in getattr(self, part).items()
            }
        return json.dumps(plain, indent=2, allow_nan=False)


def evaluate(examples: str | Path | Iterable[LabelledExample], marker: Marker) -> Evaluation:
    """Measure how much evidence a marker keeps in 2, 5, 10 and 20 % of the tokens.

    BM25, recency, lead and random are measured beside it.

    Args:
        examples: A `.jsonl` file, or examples; see `attngs.learning.labelled`. Examples without evidence are skipped and counted.
        marker: Its units and its tokens are used for all methods.

    Raises:
        InputError: The examples cannot be used, or none has evidence.
        ConfigError: The marker has no tokenizer to count with.
        ModelError: The model failed.
    """
    if marker.counter is None:
        raise ConfigError("this marker has no tokenizer to count with; pass `counter` to `Marker`.")
    given = read_examples(Path(examples)) if isinstance(examples, str | Path) else list(examples)
    labelled = [example for example in given if example.evidence]
    if not labelled:
        raise InputError(f"none of the {len(given)} examples has `evidence`; recall needs some.")
    found = _recalls(labelled, marker, marker.counter)
    groups = [example.group for example in labelled]
    return Evaluation(
        marker=marker.name,
        examples=len(labelled),
        skipped=len(given) - len(labelled),
        groups=len(set(groups)),
        recall={name: _estimates(values, groups) for name, values in found.items()},
        ahead={name: _estimates(found[marker.name] - found[name], groups) for name in BASELINES},
    )


def _recalls(labelled: Sequence[LabelledExample], marker: Marker, counter: TokenCounter) -> dict[str, Floats]:
    """The recall of every example at every budget `(examples, budgets)`, by method, the marker first."""
    scorers: dict[str, Scorer] = {marker.name: marker.scorer, **{name: make() for name, make in BASELINES.items()}}
    found: dict[str, list[list[float]]] = {name: [] for name in scorers}
    for example in track(labelled, "evaluating"):
        units = label_units(example, marker.split(example.documents), counter)
        for name, scorer in scorers.items():
            scores = _scores(scorer, units)
            found[name].append([units.recall(scores, share) for share in BUDGETS])
    return {name: np.array(rows) for name, rows in found.items()}


def _estimates(values: Floats, groups: Sequence[str]) -> dict[float, Estimate]:
    """The mean at each budget, of values `(examples, budgets)`."""
    return {share: estimate(values[:, place].tolist(), groups) for place, share in enumerate(BUDGETS)}


def _scores(scorer: Scorer, units: LabelledUnits) -> list[float]:
    with listening(lambda what, done, total: None):  # one bar for all
        (outcome,) = score_batch(scorer, [ScoreRequest(query=units.example.query, sentences=units.sentences)])
    if isinstance(outcome, Exception):
        raise outcome
    return list(outcome)
