"""`attngs.fit`: labelled examples and a marker -> a probe, and a report that says what it is worth."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from attngs.errors import ConfigError, InputError, MissingDependencyError
from attngs.learning.fitting.calibrate import cross_fitted, platt, uncalibrated
from attngs.learning.fitting.candidates import candidates
from attngs.learning.fitting.choose import Choice, choose, grouped_folds, promising
from attngs.learning.fitting.probe_model import ProbeModel, load_probe_model
from attngs.learning.fitting.report import FitResult, calibration_curves, mark_numbers, recall_numbers
from attngs.learning.fitting.rows import Table, read_tables, usable
from attngs.learning.labelled import LabelledExample, read_examples
from attngs.marking.cutting import Cutter
from attngs.marking.probe import Probe
from attngs.reading.context_cache import ContextCache
from attngs.reading.tokens import TokenizerCounter
from attngs.text.sentences import Splitter, UnitSize

if TYPE_CHECKING:
    from attngs.reading.loading import LoadedModel


def fit(
    examples: str | Path | Iterable[LabelledExample],
    marker: str | Path | LoadedModel = "default",
    *,
    unit: UnitSize | None = None,
    folds: int = 5,
    seed: int = 0,
    limit: int | None = None,
    window: int | None = None,
) -> FitResult:
    """Learn what matters in your texts from labelled examples.

    Settings of the attention and logistic probes on many features are tried; what wins on held-out groups is trained on everything and
    calibrated. If nothing beats the default, the default is calibrated, and the result says so.

    Args:
        examples: A `.jsonl` file, or examples; see `attngs.learning.labelled`.
        marker: `default`, a model name or folder, or a model that is loaded. If an example has an `answer` and no evidence, a decoder finds
            the evidence itself: the sentences without which the answer is much less likely.
        unit: What is scored as a whole; when not given, `auto`, or the unit that does better on these texts.
        folds: Parts of the outer cross-validation, at least 3.
        seed: Deals the folds and draws the sample of `limit`.
        limit: Use a random sample of this many examples.
        window: Tokens that a decoder reads together.

    Raises:
        InputError: The examples cannot be used, or are too few.
        ConfigError: A setting is outside its range.
        MissingDependencyError: The extra `train` is not installed.
        ModelError: The model failed.
    """
    _check(unit, folds, seed, limit)
    started = time.perf_counter()
    given = read_examples(Path(examples)) if isinstance(examples, str | Path) else list(examples)
    given = _sampled(given, limit, seed)
    cache = ContextCache()
    model = load_probe_model(marker, cache=cache, window=window)
    labelled, unlabelled = _with_evidence(given, model)
    cutters = {name: Cutter(Splitter(name), cache) for name in ([unit] if unit else get_args(UnitSize)[::-1])}  # `auto` first
    cut = usable(labelled, cutters, TokenizerCounter(model.loaded.tokenizer, model.loaded.name), unlabelled=unlabelled)
    parts = grouped_folds([next(iter(units.values())).example.group for units in cut], folds, seed)
    tables = read_tables(cut, promising(cut, parts), model.reader, what="reading examples")
    first = next(iter(tables.values()))
    tried = [candidate for table in tables.values() for candidate in candidates(table, model.default, shipped=table is first)]
    choice = choose(tables, tried, parts)
    labels = [row.labels for row in tables[choice.candidate.unit].rows]
    before, calibrated = uncalibrated(choice.held_out, labels), cross_fitted(choice.held_out, labels, parts)
    curves = calibration_curves(before, calibrated, labels)
    report = {
        "given": len(given),
        "no_label_found": unlabelled,
        **recall_numbers(choice, tables, parts),
        **mark_numbers(curves, calibrated, labels),
        "seconds": round(time.perf_counter() - started, 1),
    }
    return FitResult(
        probe=_probe(choice, tables[choice.candidate.unit], model, report, window),
        report=report,
        curves=curves,
        held_out=tuple(calibrated),
        labels=tuple(labels),
    )


def _probe(choice: Choice, table: Table, model: ProbeModel, report: dict[str, Any], window: int | None) -> Probe:
    """What is saved: the weights that are not 0, calibrated, with the numbers that say how good they are."""
    linear = choice.linear
    kept = np.flatnonzero(linear.weights != 0)
    told = ("chosen", "rows", "groups", "units", "evidence", "recall", "calibration", "marks")
    return Probe(
        features=tuple(table.names[i] for i in linear.columns[kept]),
        mean=linear.mean[kept],
        scale=linear.scale[kept],
        weights=linear.weights[kept],
        bias=0.0,
        calibration=platt(choice.held_out, [row.labels for row in table.rows]),
        model=model.identity,
        unit=choice.candidate.unit,
        window=window,
        method=choice.candidate.method,
        threshold=report["marks"]["threshold"],
        settings={name: report[name] for name in told},
    )


def _with_evidence(given: Sequence[LabelledExample], model: ProbeModel) -> tuple[list[LabelledExample], int]:
    """The examples with evidence, and how many got none.

    Where only an answer is known, the model looks for the evidence.
    """
    bare = [example for example in given if not example.evidence and example.answer]
    if not bare:
        return list(given), 0
    if not model.loaded.causal:
        if len(bare) < len(given):
            return [example for example in given if example.evidence], len(bare)
        raise InputError(
            f"all {len(given)} examples have an `answer` and no `evidence`, and `{model.loaded.name}` is no decoder, so it cannot find the "
            "evidence itself. Pass a decoder (`--marker Qwen/Qwen3-0.6B`), or say where the evidence is."
        )
    from attngs.learning.fitting.contrast import label_by_contrast

    found = label_by_contrast(bare, model.loaded)
    labelled = {id(example): with_evidence for example, with_evidence in zip(bare, found, strict=True)}
    everything = [labelled.get(id(example), example) for example in given]
    return [example for example in everything if example is not None], sum(example is None for example in found)


def _check(unit: UnitSize | None, folds: int, seed: int, limit: int | None) -> None:
    if folds < 3:
        raise ConfigError(f"`folds` must be at least 3, got {folds!r}: one part is learned from, one chooses, and one measures.")
    if seed < 0:
        raise ConfigError(f"`seed` must be at least 0, got {seed!r}.")
    if limit is not None and limit < 1:
        raise ConfigError(f"`limit` must be at least 1, got {limit!r}.")
    if unit is not None:
        Splitter(unit)  # says which units there are
    try:
        import scipy  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError("`fit` needs scikit-learn: pip install 'attngs[train]'") from error


def _sampled(examples: list[LabelledExample], limit: int | None, seed: int) -> list[LabelledExample]:
    if limit is None or limit >= len(examples):
        return examples
    return [examples[i] for i in sorted(random.Random(seed).sample(range(len(examples)), limit))]  # noqa: S311
