"""How much of what a question needs is kept under a budget, beside what is simpler and beside the rivals.

    python -m benchmarks.evidence [DATA_DIR] [--sets maren ...] [--limit 100 expmrc=300] [--units auto turn] [--methods ...] [--quick]
    python -m benchmarks.evidence --marker Qwen/Qwen3-0.6B [--probe DIR] [--adapter DIR]

Evidence recall is the share of labelled evidence characters inside what is kept at 2, 5, 10 and 20 % of the tokens; answer-word recall the
share of the answer's content words that stand in it; injected share the part of it that an attacker wrote. Intervals are 95 % bootstraps
over clusters of rows that share their evidence's source; differences are paired by row, from the better of BM25 and MiniLM cosine.

Results go to `results/evidence.json` after each set; page and picture are made of that file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from typing import Any

import torch
from rich.console import Console
from transformers import logging

from attngs.errors import AttngsError
from attngs.text.files import write_whole
from benchmarks.evidence.chart import draw
from benchmarks.evidence.data import Row
from benchmarks.evidence.measure import Scores
from benchmarks.evidence.methods import METHODS, Bench, choose
from benchmarks.evidence.page import lead_table, set_table, verdict_table, write_page
from benchmarks.evidence.run import measure_sets
from benchmarks.evidence.sets import load_set
from benchmarks.evidence.settings import Settings, parse_arguments
from benchmarks.evidence.summary import overall, summarise
from benchmarks.evidence.verdict import verdicts
from benchmarks.latency import measure_latency
from benchmarks.machine import describe_machine, flat_json


def main(arguments: Sequence[str] | None = None) -> None:
    settings = parse_arguments(arguments)
    _keep_quiet(settings)
    console = Console(width=None if sys.stdout.isatty() else 190)
    sets, without = _load(settings)
    bench = Bench(settings.marker, settings.probe, settings.adapter)
    methods, left_out = choose(bench, settings.methods)
    for name, reason in (without | left_out).items():
        console.print(f"[dim]{name} is left out: {reason}[/]")
    results = _about(settings, bench, methods) | {"left_out": without | left_out}

    def done(found: dict[str, Scores]) -> None:
        if not found:
            return
        results.update(sets={name: summarise(scores) for name, scores in found.items()}, overall=overall(found))
        results["verdicts"] = verdicts(results)
        console.print(set_table(list(found)[-1], results["sets"][list(found)[-1]]).rich())
        if settings.out:
            settings.out.mkdir(parents=True, exist_ok=True)
            write_whole(settings.out / "evidence.json", flat_json(results))

    if not measure_sets(sets, methods, bench.counter, units=settings.units, console=console, done=done):
        console.print("nothing was measured")
        return
    for table in (lead_table(results), verdict_table(results)):
        console.print(table.rich())
    if settings.out:
        for path in (settings.out / "evidence.json", write_page(results, settings.out), draw(results, settings.out)):
            console.print(f"written: {path}")


def _keep_quiet(settings: Settings) -> None:
    """Threads as asked for, and no library that talks between our lines."""
    torch.set_num_threads(settings.threads)
    if settings.threads == 1:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # else they use every core
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _about(settings: Settings, bench: Bench, methods: Collection[str]) -> dict[str, Any]:
    """Where, how and what is measured; the warm question first, while the machine is quiet."""
    paths = {"probe": settings.probe, "adapter": settings.adapter}
    return {
        "machine": describe_machine(),
        "settings": {"seed": settings.seed, "limits": settings.limits, "marker": settings.marker, "counter": bench.counter.name}
        | {name: str(path) for name, path in paths.items() if path},
        "methods": {method.name: method.note for method in METHODS if method.name in methods} | {"oracle": "by the labels: the ceiling"},
        "latency": measure_latency() if settings.latency else {},
    }


def _load(settings: Settings) -> tuple[dict[str, list[Row]], dict[str, str]]:
    """The rows of each set, and the sets that are not there, with the reason."""
    loaded = {name: load_set(name, settings.data, settings.limits.get(name), settings.seed) for name in settings.sets}
    rows = {name: rows for name, rows in loaded.items() if not isinstance(rows, str)}
    return rows, {name: reason for name, reason in loaded.items() if isinstance(reason, str)}


if __name__ == "__main__":
    try:
        main()
    except AttngsError as error:
        raise SystemExit(f"error: {error}") from None
