"""Attn-GS's two findings on a decoder: attention points at what personalises, and fine-tuning sharpens it.

    python -m benchmarks.decoder [--device cpu|cuda] [--threads 1] [--users 300] [--lines 60 80] [--quick]
    python -m benchmarks.decoder --marker Qwen/Qwen3-0.6B [--train]

The first command trains a small decoder from nothing (`pretrain.py`; kept in `out/decoder`, and used again while the recipe is the same)
until it answers questions about users whom it has never seen (`task.py`), then measures on such users which sentences its attention ranks
first, layer by layer, and what a fitted probe and fine-tuning make of it. The second measures any model of the hub or a folder in the same
way; fine-tuning it takes `--train`. Results go to `results/decoder*.json`, `.md` and `.svg`.
"""

from __future__ import annotations

import argparse
import logging
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from attngs.cli.console import progress
from attngs.errors import AttngsError
from attngs.learning.training.settings import TrainingSettings
from attngs.reading.loading import ModelSettings, load_model, wrap_model
from benchmarks.decoder.chart import draw
from benchmarks.decoder.evaluate import Sizes, evaluate
from benchmarks.decoder.page import tables, write_page
from benchmarks.decoder.pretrain import Recipe, new_model
from benchmarks.decoder.store import pretrained
from benchmarks.decoder.tuning import Tuner
from benchmarks.decoder.vocabulary import word_tokenizer
from benchmarks.machine import RESULTS, describe_machine, save_results

OUT = Path("out/decoder")

QUICK = Recipe(layers=2, heads=2, width=32, steps=6, tokens=256, warm_up=2, lengths=((3, 6),), deadlines=(), judged=2)
QUICK_SIZES = Sizes(labelled=12, validation=3, test=3, lines=(8, 10), folds=3)

HUB_USERS = 50
"""Test users of a hub model, which takes seconds for what the small decoder takes milliseconds for."""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoder", description="What a decoder's attention finds, layer by layer.")
    parser.add_argument("--marker", metavar="NAME", help="a model of the hub or a folder, instead of one that is trained from nothing")
    parser.add_argument("--train", action="store_true", help="fine-tune the --marker too")
    parser.add_argument("--device", help="cpu, cuda, ...; the best there is when not given")
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    parser.add_argument("--users", type=int, help=f"on whom is tested ({Sizes().test}; {HUB_USERS} with --marker)")
    parser.add_argument("--lines", type=int, nargs=2, metavar=("LEAST", "MOST"), help="sentences of a memory (60 80)")
    parser.add_argument("--learning-rate", type=float, help="of the fine-tuning (2e-3; attngs's own with --marker)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of weights (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a minute at most, no result files: to see that it runs")
    options = parser.parse_args(arguments)
    if options.threads < 1 or (options.users is not None and options.users < 2):
        parser.error("--threads must be at least 1, --users at least 2")
    if options.lines and not 8 <= options.lines[0] <= options.lines[1]:
        parser.error("--lines must be at least 8, the least one first")
    if options.train and not options.marker:
        parser.error("--train goes with --marker; the small decoder is fine-tuned anyway")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    console = Console(width=None if sys.stdout.isatty() else 150)
    torch.set_num_threads(options.threads)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    machine = describe_machine()
    results = run(options, console)
    for table in tables(results):
        console.print(table.rich())
    if options.quick:
        console.print("no result file is written")
        return
    parts = [options.marker or "", *(map(str, options.lines) if options.lines else ())]
    name = "-".join(["decoder", *filter(None, (re.sub(r"[^a-z0-9.]+", "-", part.lower()).strip("-") for part in parts))])
    command = shlex.join(["python", "-m", "benchmarks.decoder", *(sys.argv[1:] if arguments is None else arguments)])
    results = {"machine": machine, "command": command} | results
    for path in (save_results(name, results), write_page(results, RESULTS / f"{name}.md"), draw(results, RESULTS / f"{name}.svg")):
        console.print(f"written: {path}")


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Everything that is measured, as plain numbers; nothing is written but weights."""
    with progress():
        return _hub(options) if options.marker else _own(options, console)


def _own(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """The decoder that is trained here."""
    recipe, out = (QUICK, options.out / "quick") if options.quick else (Recipe(), options.out)
    folder, told = pretrained(recipe, out, options.device, console.print)
    loaded = load_model(folder, ModelSettings(device=options.device))
    tokenizer = word_tokenizer()
    untrained: Any = new_model(recipe, len(tokenizer))
    random = wrap_model(untrained.to(loaded.model.device).eval(), tokenizer, name="random weights")
    tuner = Tuner(marker=str(folder), folder=out, device=options.device, settings=_settings(options, 2e-3))
    results = evaluate(loaded, _sizes(options, Sizes().test), tune=tuner, untrained=random)
    return results | {"marker": "a small decoder, trained from nothing", "pretraining": told, "fine_tuning": asdict(tuner.settings)}


def _hub(options: argparse.Namespace) -> dict[str, Any]:
    """A model that somebody else trained."""
    loaded = load_model(options.marker, ModelSettings(device=options.device))
    out = options.out / re.sub(r"[^A-Za-z0-9.]+", "-", options.marker).strip("-")
    tuner = Tuner(marker=options.marker, folder=out, device=options.device, settings=_settings(options, TrainingSettings().learning_rate))
    results = evaluate(loaded, _sizes(options, HUB_USERS), tune=tuner if options.train else None, untrained=None)
    return results | ({"fine_tuning": asdict(tuner.settings)} if options.train else {})


def _sizes(options: argparse.Namespace, users: int) -> Sizes:
    if options.quick:
        return QUICK_SIZES
    test = options.users or users
    lines = tuple(options.lines) if options.lines else Sizes().lines
    return Sizes(labelled=max(8, test // 2), validation=max(2, test // 4), test=test, lines=lines)


def _settings(options: argparse.Namespace, learning_rate: float) -> TrainingSettings:
    rate = options.learning_rate or learning_rate
    return TrainingSettings(learning_rate=rate, epochs=1, evaluations=1) if options.quick else TrainingSettings(learning_rate=rate)


if __name__ == "__main__":
    try:
        main()
    except AttngsError as error:
        raise SystemExit(f"error: {error}") from None
