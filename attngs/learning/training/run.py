"""A training run from top to bottom: load, split, measure, train, measure again, write."""

from __future__ import annotations

import hashlib
import json
import platform
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from attngs import __version__
from attngs.errors import InputError, MissingDependencyError, OutOfMemoryError
from attngs.learning.labelled import LabelledExample, read_examples
from attngs.learning.metrics import Estimate
from attngs.learning.training.examples import Split, prepare
from attngs.learning.training.folder import RunFolder, model_card
from attngs.learning.training.objectives import (
    AnswerObjective,
    AnswerReader,
    AttentionEvidence,
    Objective,
    PerceObjective,
    StatesEvidence,
)
from attngs.learning.training.settings import ObjectiveName, TrainingSettings, check_objective
from attngs.learning.training.validation import Validator
from attngs.marking.assembly import EMBEDDED, embedded_scorer, scorer_of
from attngs.marking.scorers.attention import AttentionConfig
from attngs.protocols import Scorer, SentenceSplitter
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import load_embedded
from attngs.reading.failures import is_out_of_memory
from attngs.reading.loading import LoadedModel, ModelSettings, load_model, quiet
from attngs.reading.lora import identity
from attngs.reading.tokens import TokenizerCounter
from attngs.text.sentences import Splitter

VALIDATION_CACHE_BYTES = 64 * 2**20
"""For what several scorers read alike while the marker is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a run wrote, and how good it is."""

    folder: Path
    """Pass it to `Marker.from_pretrained`."""
    before: dict[str, Estimate]
    """The numbers of the untrained marker on held-out examples.

    They are `recall`, `recall_at_5`, `recall_at_10`, `recall_at_20`, `average_precision` and `answer_loss`, as far as they are known."""
    after: dict[str, Estimate]
    """The same of the best checkpoint."""
    improved: bool
    """Whether the number that decided is better after than before."""
    steps: int


def train(
    data: str | Path | Sequence[LabelledExample],
    *,
    out: str | Path,
    objective: str,
    marker: str | Path = EMBEDDED,
    settings: TrainingSettings | None = None,
    config: AttentionConfig | None = None,
    splitter: SentenceSplitter | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | None = None,
    revision: str | None = None,
    window: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> TrainingResult:
    """Fine-tune a marker with LoRA on labelled examples.

    Args:
        data: A `.jsonl` file as `attngs.learning.labelled` describes it, or examples.
        out: The folder that the LoRA adapter is written to.
        objective: `evidence`, `answer` or `perce`; see docs/train.md.
        marker: A model name or folder, or `default` for the embedded encoder.
        settings: How it is trained.
        config: Which layers and positions are read; when not given, the paper's of a decoder, and the states of an encoder.
        splitter: Cuts texts into units.
        device: As for `Marker.from_pretrained`.
        dtype: As for `Marker.from_pretrained`; the adapter itself is always float32.
        revision: As for `Marker.from_pretrained`.
        window: As for `Marker.from_pretrained`.
        resume: Go on with the run in `out` from its last complete checkpoint.
        overwrite: Delete the run in `out` first.

    Raises:
        MissingDependencyError: The extra `train` is not installed.
        InputError: The data cannot be read, or there is too little that the objective can learn from.
        ConfigError: A setting is outside its range, or `out` holds another run.
        UnsupportedModelError: The model cannot be read, or is an encoder and should answer.
        ModelError: The loss or a gradient is not a number.
        OutOfMemoryError: A step did not fit.
        KeyboardInterrupt: After Ctrl-C, when the step was finished and its checkpoint written.
    """
    _check_installed()
    from attngs.learning.training.lora import with_lora
    from attngs.learning.training.trainer import MarkerTrainer

    goal, settings, splitter = check_objective(objective), settings or TrainingSettings(), splitter or Splitter()
    rows, source = _read(data)
    base = str(Path(marker).resolve()) if Path(marker).exists() else str(marker)
    model_settings = ModelSettings(device=device, dtype=dtype, revision=revision, window=window)
    loaded = load_embedded() if base == EMBEDDED else load_model(base, model_settings)
    if loaded.causal and config is None:
        config = AttentionConfig.paper()
    split = prepare(rows, goal, settings, splitter=splitter, counter=TokenizerCounter(loaded.tokenizer, loaded.name))
    told = {
        "base": base,
        "revision": revision,
        "model": identity(loaded),
        "objective": goal,
        "settings": asdict(settings),
        "attention": asdict(config) if config else None,
        "data": {**source, **_sizes(split)},
    }
    fitting = replace(settings, max_tokens=max(1, min(settings.max_tokens, loaded.window * 3 // 4)))  # the rest is for the prompt
    reader = AnswerReader(loaded, (config or AttentionConfig()).prompt, fitting) if goal != "evidence" else None
    learned = _objective(goal, loaded, config, fitting, reader)
    folder = RunFolder(Path(out))
    checkpoint = folder.begin(told, resume=resume, overwrite=overwrite)
    started = time.perf_counter()
    with _own_randomness(), _out_of_memory(), quiet():
        model: Any = with_lora(loaded, settings, top=learned.top)
        saved = model.peft_config["default"]
        saved.base_model_name_or_path, saved.revision = base, revision
        validator = Validator(split.validation, partial(_scorer, loaded, base, config), reader)
        before = validator.measure()
        trainer = MarkerTrainer(model, learned, split.training, validator, settings, checkpoints=folder.checkpoints, log=folder.log)
        trainer.run(checkpoint)
        after = validator.measure()
        model.save_pretrained(str(folder.path), save_embedding_layers=False)
    improved, steps = validator.improved(before, after), trainer.state.global_step
    record = told | {
        "versions": _versions(),
        "device": str(loaded.model.device),
        "dtype": str(loaded.model.dtype).removeprefix("torch."),
        "steps": steps,
        "best_step": trainer.state.best_global_step,
        "seconds": round(time.perf_counter() - started, 1),
        "improved": improved,
        "before": {name: value._asdict() for name, value in before.items()},
        "after": {name: value._asdict() for name, value in after.items()},
    }
    folder.finish(record, model_card(record, folder.path.name))
    return TrainingResult(folder=folder.path, before=before, after=after, improved=improved, steps=steps)


def _check_installed() -> None:
    if missing := [name for name in ("peft", "accelerate") if find_spec(name) is None]:
        raise MissingDependencyError(f"training needs {' and '.join(missing)}: pip install 'attngs[train]'")


def _read(data: str | Path | Sequence[LabelledExample]) -> tuple[Sequence[LabelledExample], dict[str, str]]:
    """The examples, and what names them in the record."""
    if isinstance(data, str | Path):
        path = Path(data)
        rows = read_examples(path)
        return rows, {"name": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    if not all(isinstance(row, LabelledExample) for row in data):
        raise InputError("`data` must be a path or `LabelledExample`s.")
    text = json.dumps([asdict(row) for row in data], sort_keys=True, default=str)
    return data, {"name": "examples in memory", "sha256": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}


def _sizes(split: Split) -> dict[str, int]:
    return {
        "training": len(split.training),
        "validation": len(split.validation),
        "validation_groups": len({example.row.group for example in split.validation}),
        "left_out": split.left_out,
    }


def _objective(
    goal: ObjectiveName, loaded: LoadedModel, config: AttentionConfig | None, settings: TrainingSettings, reader: AnswerReader | None
) -> Objective:
    if reader is not None:
        return PerceObjective(reader, settings) if goal == "perce" else AnswerObjective(reader)
    return AttentionEvidence(loaded, config, settings) if config is not None else StatesEvidence(loaded, settings)


def _scorer(loaded: LoadedModel, base: str, config: AttentionConfig | None) -> Scorer:
    """The scorer of the marker as its weights are now: what was read before is not kept."""
    cache = ContextCache(VALIDATION_CACHE_BYTES)
    return embedded_scorer(loaded, cache) if base == EMBEDDED and config is None else scorer_of(loaded, config, cache)


def _versions() -> dict[str, str]:
    packages = {package: version(package) for package in ("torch", "transformers", "peft", "accelerate")}
    return packages | {"attngs": __version__, "python": platform.python_version()}


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Put every random state back, because Trainer seeds them all, and they are the caller's."""
    state, numbers = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(state)
        np.random.set_state(numbers)


@contextmanager
def _out_of_memory() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        error.__traceback__ = None  # its frames hold what filled the memory
        raise OutOfMemoryError(
            f"a training step ran out of memory: {str(error).partition(chr(10))[0]}. Lower `batch_size` (and raise "
            "`gradient_accumulation`), or lower `max_tokens`."
        ) from error
