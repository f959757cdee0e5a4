"""Scores and labels -> how much evidence a budget keeps. No model, no file.

A unit costs its tokens; a budget is a share of all tokens of the context. The budget is filled as `GreedySelector` fills it: best score
first, what does not fit is skipped, ties go to the earlier unit. Recall is the share of evidence *characters* inside what was kept.
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
from attngs.learning.metrics import Estimate, estimate, merged, shared
from attngs.marking.scorers.batch import score_batch
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.simple import LeadScorer, RandomScorer, RecencyScorer
from attngs.protocols import Scorer, TokenCounter
from attngs.reading.progress import listening, track
from attngs.types import ScoreRequest, Sentence

if TYPE_CHECKING:
    from attngs.marking.marker import Marker
    from attngs.protocols import Scorer


Floats = NDArray[np.float64]

BUDGETS = (0.02, 0.05, 0.10, 0.20)
"""Shares of the tokens at which markers are compared."""

LOOK_AHEAD = 16
"""Units that are still tried once one did not fit."""

BASELINES: dict[str, Callable[[], Scorer]] = {"BM25": LexicalScorer, "recency": RecencyScorer, "lead": LeadScorer, "random": RandomScorer}
"""What a marker must beat to be worth anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An example cut into units, with what each costs and what it is worth."""

    example: LabelledExample
    sentences: tuple[Sentence, ...]
    costs: NDArray[np.int64]
    """Tokens of each unit `(S,)`."""
    hits: Floats
    """Evidence characters in each unit `(S,)`."""

    @property
    def labels(self) -> NDArray[np.bool_]:
        """Which units are evidence `(S,)`: those with at least half of themselves inside it, or with at least half of it inside them.

        Where it is so spread that no unit is, those with the most evidence and all with at least half as much.
        """
        sizes = np.array([max(len(sentence.text.strip()), 1) for sentence in self.sentences])
        clear = (self.hits >= 0.5 * sizes) | (self.hits >= 0.5 * self.hits.sum())
        return np.asarray((clear if (clear & (self.hits > 0)).any() else self.hits >= 0.5 * self.hits.max()) & (self.hits > 0))

    def recall(self, scores: Sequence[float], share: float) -> float:
        """The share of evidence characters in the units that `share` of the tokens has room for."""
        kept = fill(scores, self.costs, max(1, round(share * int(self.costs.sum()))))
        return float(self.hits[kept].sum() / self.hits.sum())

    def average_precision(self, scores: Sequence[float] | Floats) -> float:
        """How near to the top the units with evidence are, whatever a budget has room for: the mean precision at each of them, 0 to 1."""
        found = self.labels[np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")]
        places = np.flatnonzero(found) + 1
        return float((np.arange(1, len(places) + 1) / places).mean())


def judge(example: LabelledExample, sentences: Sequence[Sentence], counter: TokenCounter) -> Judged:
    """Costs and worth of the units of one example.

    Raises:
        InputError: There is no evidence in any unit.
    """
    costs = np.array(counter.count([sentence.text.strip() for sentence in sentences]), dtype=np.int64)
    wanted = merged(example.evidence)
    hits = np.array([sum(shared((s.position, s.start, s.end), place) for place in wanted) for s in sentences], dtype=np.float64)
    if not hits.sum():
        raise InputError(f"no evidence is known for the question {example.query[:60]!r}; recall needs some.")
    return Judged(example=example, sentences=tuple(sentences), costs=costs, hits=hits)


def fill(scores: Sequence[float], costs: NDArray[np.int64], budget: int) -> list[int]:
    """The units that fit, best first."""
    kept, misfits = list[int](), 0
    for i in np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable").tolist():  # ties go to the earlier one
        if costs[i] <= budget:
            kept.append(i)
            budget -= int(costs[i])
        elif (misfits := misfits + 1) > LOOK_AHEAD:
            break
    return kept


def baseline_recall(name: str, judged: Judged, share: float) -> float:
    """The recall of a baseline."""
    scores = BASELINES[name]().score(judged.example.query, judged.sentences)
    return judged.recall(scores, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Evidence recall with 95 % intervals."""

    marker: str
    examples: int
    """Those with evidence."""
    skipped: int
    """Those without."""
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
    """How much evidence a marker keeps at 2, 5, 10 and 20 % of the tokens, beside BM25, recency, lead and random.

    Args:
        examples: A `.jsonl` file, or examples; see `attngs.learning.labelled`. Those without evidence are left out, and counted.
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
    found: dict[str, dict[float, list[float]]] = {}
    scorers: dict[str, Scorer] = {marker.name: marker.scorer, **{name: make() for name, make in BASELINES.items()}}
    for example in track(labelled, "judging"):
        judged = judge(example, marker.split(example.documents), marker.counter)
        for name, scorer in scorers.items():
            scores = _scores(scorer, judged)
            for share in BUDGETS:
                found.setdefault(name, {}).setdefault(share, []).append(judged.recall(scores, share))
    groups = [example.group for example in labelled]
    own = found[marker.name]
    return Evaluation(
        marker=marker.name,
        examples=len(labelled),
        skipped=len(given) - len(labelled),
        groups=len(set(groups)),
        recall={name: {share: estimate(values, groups) for share, values in budgets.items()} for name, budgets in found.items()},
        ahead={
            name: {share: estimate([a - b for a, b in zip(own[share], found[name][share], strict=True)], groups) for share in BUDGETS}
            for name in BASELINES
        },
    )


def _scores(scorer: Scorer, judged: Judged) -> list[float]:
    with listening(lambda what, done, total: None):  # one bar for all
        (outcome,) = score_batch(scorer, [ScoreRequest(query=judged.example.query, sentences=judged.sentences)])
    if isinstance(outcome, Exception):
        raise outcome
    return list(outcome)
