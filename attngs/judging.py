"""`attngs eval`: a marker on labelled examples, beside what costs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.errors import ConfigError, InputError
from attngs.evaluation import BASELINES, BUDGETS, Judged, judge
from attngs.labelled import LabelledExample, read_examples
from attngs.metrics import Estimate, estimate
from attngs.progress import listening, track
from attngs.scorers.batch import score_batch
from attngs.types import ScoreRequest

if TYPE_CHECKING:
    from attngs.marker import Marker
    from attngs.protocols import Scorer


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
        examples: A `.jsonl` file, or examples; see `attngs.labelled`. Those without evidence are left out, and counted.
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
