"""Held-out users: what a model's attention finds as it is, through a fitted probe, and after fine-tuning, beside what needs no model.

The layer is chosen on validation users and told of test users; the probe is fitted, and the marker fine-tuned, on labelled questions of
other users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from attngs.learning.fitting.run import fit
from attngs.learning.training.settings import ObjectiveName
from attngs.marking.assembly import probe_scorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.probe import ProbeScorer
from attngs.marking.scorers.simple import LeadScorer, RandomScorer, RecencyScorer
from attngs.protocols import Floats, Scorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel
from benchmarks.decoder.measures import FIRST, Measured, best_layer, default_layer, measure, measure_layers
from benchmarks.decoder.readings import Reading, draw_questions, every_layer, read_questions
from benchmarks.decoder.task import Question, Split

BASELINES: dict[str, Scorer] = {
    "BM25": LexicalScorer(),
    "recency": RecencyScorer(),
    "lead": LeadScorer(),
    "random": RandomScorer(),
}

DEFAULT, RAW, PROBE = "raw, paper's layer", "raw, best layer", "fitted probe"
TUNED, ANSWERED = "fine-tuned on evidence", "fine-tuned on answers"
OBJECTIVES: dict[str, ObjectiveName] = {ANSWERED: "answer", TUNED: "evidence"}

CLAIMS = ((RAW, "random"), (RAW, "recency"), (PROBE, RAW), (TUNED, PROBE))
"""Each is said to be better than the one before; the page says whether it is."""

STEPS = ((RAW, "random"), (RAW, "recency"), (RAW, "BM25"), (PROBE, RAW), (TUNED, RAW), (TUNED, PROBE), (ANSWERED, RAW))
"""What is compared, question by question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is read."""

    labelled: int = 150
    validation: int = 75
    test: int = 300
    """Users."""
    questions: int = 4
    """On each user, at most."""
    lines: tuple[int, int] = (60, 80)
    """Sentences of a memory; the small decoder is trained on 40 at most."""
    folds: int = 5
    """Of the cross-validation that chooses the probe."""
    seed: int = 7

    def draw(self, split: Split) -> list[Question]:
        users = {"labelled": self.labelled, "validation": self.validation, "test": self.test}[split]
        return draw_questions(split, users=users, seed=self.seed, lines=self.lines, questions=self.questions)


Tune = Callable[[ObjectiveName, Sequence[Question], float], LoadedModel]
"""Objective, training questions, layer as a fraction of the depth -> the fine-tuned model."""


def evaluate(loaded: LoadedModel, sizes: Sizes, *, tune: Tune | None, untrained: LoadedModel | None) -> dict[str, Any]:
    """Measure everything of one marker.

    Args:
        loaded: The marker.
        sizes: How much is read.
        tune: Fine-tunes it; without, the fine-tuned rows are left out.
        untrained: The same architecture with random weights, as a control; left out when not given.

    Returns:
        What goes into the result file: plain numbers.
    """
    labelled, validation, test = (sizes.draw(split) for split in ("labelled", "validation", "test"))
    chosen = read_questions(loaded, validation, "validation")
    readings = read_questions(loaded, test, "test")
    best, paper = best_layer(chosen), default_layer(len(readings[0].mass))
    layers = {"raw": measure_layers(readings)}
    methods = {name: measure(readings, partial(_scores, scorer)) for name, scorer in BASELINES.items()}
    fitted = fit_probe(loaded, labelled, folds=sizes.folds)
    methods[DEFAULT], methods[RAW] = layers["raw"][paper], layers["raw"][best]
    methods[PROBE] = measure(readings, partial(_scores, fitted))
    if untrained is not None:
        layers["untrained"] = measure_layers(read_questions(untrained, test, "untrained"))
    chosen_layers = {DEFAULT: paper, RAW: best}
    for name, objective in OBJECTIVES.items():
        if tune is None:
            break
        tuned = tune(objective, labelled, every_layer(loaded)[best])
        layers[name] = measure_layers(read_questions(tuned, test, name))
        layer = best if objective == "evidence" else best_layer(read_questions(tuned, validation, "validation"))
        methods[name], chosen_layers[name] = layers[name][layer], layer
    return {
        "marker": loaded.name,
        "test": {"users": sizes.test, "questions": len(test), "sentences": sum(len(r.tokens) for r in readings) / len(readings)},
        "sizes": {"labelled": len(labelled), "validation": len(validation), "lines": sizes.lines, "seed": sizes.seed},
        "depths": every_layer(loaded),
        "chosen": chosen_layers,
        "probe": {"method": fitted.probe.method, "what": fitted.probe.settings["chosen"]},
        "layers": {name: [measured.estimates() for measured in found] for name, found in layers.items()},
        "methods": {name: measured.estimates() for name, measured in methods.items()},
        "differences": {f"{a} - {b}": methods[a].minus(methods[b]) for a, b in STEPS if a in methods and b in methods},
        "kinds": _kinds(test, methods),
    }


def _scores(scorer: Scorer, reading: Reading) -> Sequence[float] | Floats:
    return scorer.score(reading.question.example.query, reading.units.sentences)


def _kinds(questions: Sequence[Question], methods: Mapping[str, Measured]) -> dict[str, Any]:
    """How often each method's first sentence is the evidence, by kind of question."""
    kinds: dict[str, list[bool]] = {
        "about the user": [question.about_user for question in questions],
        "about a friend": [not question.about_user for question in questions],
        "fact that changed": [question.changed for question in questions],
        "fact told once": [not question.changed for question in questions],
        "known wording": [question.wording == "known" for question in questions],
        "labelled wording": [question.wording == "labelled" for question in questions],
        "unseen wording": [question.wording == "unseen" for question in questions],
    }
    return {
        kind: {"questions": sum(wanted)} | {name: measured.where(wanted).estimates()[FIRST] for name, measured in methods.items()}
        for kind, wanted in kinds.items()
        if any(wanted)
    }


def fit_probe(loaded: LoadedModel, questions: Sequence[Question], *, folds: int) -> ProbeScorer:
    """What wins in nested cross-validation on these users: a setting of the attention, or a probe on heads and words.

    Raises:
        AttngsError: There are too few questions, or the model failed on one.
    """
    found = fit([question.example for question in questions], loaded, unit="auto", folds=folds)
    return probe_scorer(loaded, found.probe, ContextCache())
