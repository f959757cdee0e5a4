"""What reading attention costs, and that it is exact.

    python -m benchmarks.attention [--tokens 1024 2048 4096] [--rounds 5 5 3] [--threads 1] [--quick]

Cost: five ways over one random 128M Qwen2-like decoder in fp32, 32 probe rows. `bare` is the stock SDPA body and the floor; `eager` the
usual way to see attention, all maps through `output_attentions=True`. The product stops inside the last layer it wants, `no exit` runs to
the end: the price of reading by itself. The methods take turns in one process, each round in another order; CPU seconds are those of the
process, so that neighbours on the machine count less than they do on the clock. Memory: each method
and size in a fresh process. Exactness: the largest difference from eager attention on a tiny model of each architecture in
`tests/core/test_attention.py`, over all layers, heads and sentences, unpadded and padded on either side.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from transformers import logging

from attngs.attention import AttentionReader
from attngs.testing import tiny_model
from attngs.token_batch import TokenBatch
from benchmarks.machine import describe_machine, save_results
from benchmarks.peak_memory import measure_in_subprocess
from benchmarks.readings import ALL, BARE, LAYERS, METHODS, PROBE_ROWS, Readings, build_batch, build_model, default_layer, why_not

Seconds = tuple[float, float]
"""CPU and wall."""


def measure_time(readings: Readings, sizes: Sequence[int], rounds: Sequence[int], console: Console) -> dict[int, dict[str, list[Seconds]]]:
    """Seconds of every round; what was measured before Ctrl-C is kept."""
    found: dict[int, dict[str, list[Seconds]]] = {}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("time", total=sum(rounds) * len(METHODS))
        try:
            for tokens, n in zip(sizes, rounds, strict=True):
                found[tokens] = _measure_size(readings, tokens, n, console, lambda: progress.advance(task))
        except KeyboardInterrupt:
            console.print("[yellow]stopped; the rest was not measured[/]")
    return found


def _measure_size(readings: Readings, tokens: int, rounds: int, console: Console, advance: Callable[[], None]) -> dict[str, list[Seconds]]:
    batch, warm_up = build_batch(tokens), build_batch(256)
    reasons = {method: why_not(method, tokens) for method in METHODS}
    for method, reason in reasons.items():
        if reason:
            console.print(f"{method} at {tokens:,} tokens is left out: {reason}")
    seconds: dict[str, list[Seconds]] = {method: [] for method in METHODS if not reasons[method]}
    for method in seconds:
        readings.methods[method](warm_up)
    for number in range(rounds):
        for method in shuffled(METHODS, number):
            if method in seconds:
                seconds[method].append(time_once(readings.methods[method], batch))
            advance()
    return seconds


def time_once(method: Callable[[TokenBatch], object], batch: TokenBatch) -> Seconds:
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    method(batch)
    return time.process_time() - cpu, time.perf_counter() - wall


def shuffled(items: Sequence[str], number: int) -> list[str]:
    """The order of a round. Not a rotation: that would always put the same method behind the one that fills the memory."""
    return random.Random(number).sample(items, len(items))


def summarise(seconds: dict[str, list[Seconds]]) -> dict[str, dict[str, Any]]:
    """Medians, and the ratio to the bare forward of the same round: its median and its range."""
    table: dict[str, dict[str, Any]] = {}
    for method, measured in seconds.items():
        ratios = [cpu / bare for (cpu, _), (bare, _) in zip(measured, seconds[BARE], strict=True)]
        table[method] = {
            "cpu_seconds": round(median(cpu for cpu, _ in measured), 3),
            "wall_seconds": round(median(wall for _, wall in measured), 3),
            "cpu_ratio_to_bare": round(median(ratios), 3),
            "cpu_ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
            "rounds_cpu": [round(cpu, 3) for cpu, _ in measured],
            "rounds_wall": [round(wall, 3) for _, wall in measured],
        }
    return table


def measure_memory(sizes: Sequence[int], methods: Sequence[str], threads: int, console: Console) -> dict[int, dict[str, dict[str, int]]]:
    """Bytes by size and method; what was measured before Ctrl-C is kept."""
    found: dict[int, dict[str, dict[str, int]]] = {tokens: {} for tokens in sizes}
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("memory", total=len(sizes) * len(methods))
        try:
            for tokens in sizes:
                for method in methods:
                    if reason := why_not(method, tokens):
                        console.print(f"memory of {method} at {tokens:,} tokens is left out: {reason}")
                    else:
                        found[tokens][method] = measure_in_subprocess(method, tokens, threads)
                    progress.advance(task)
        except KeyboardInterrupt:
            console.print("[yellow]stopped; the rest was not measured[/]")
    return found


def measure_exactness(console: Console) -> dict[str, float]:
    """Largest absolute difference from eager attention, by model type."""
    cases = _attention_tests()
    errors: dict[str, float] = {}
    with Progress(console=console, transient=True) as progress:
        for name, settings in progress.track(cases.ARCHITECTURES.items(), description="exactness"):
            model = tiny_model(name, **settings)
            reader = AttentionReader(model)
            batches = [cases.batch_of((60,) if side == "none" else cases.LENGTHS, side) for side in ("none", "right", "left")]
            everything = range(len(reader.depths))
            errors[name] = max(float((reader.read(b, everything) - cases.eager_mass(model, b)).abs().max()) for b in batches)
    return errors


def _attention_tests() -> ModuleType:
    """The tests' list of architectures and their eager reference: one list, whoever asks."""
    path = Path(__file__).parents[1] / "tests" / "core" / "test_attention.py"
    spec = importlib.util.spec_from_file_location("attention_cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def time_table(timings: dict[int, dict[str, dict[str, Any]]], memory: dict[int, dict[str, dict[str, int]]]) -> Table:
    table = Table("tokens", "method", "CPU s", "wall s", "CPU / bare (range)", "peak", caption="peak: above the loaded model")
    for column in table.columns:
        column.no_wrap = True
    for tokens, methods in timings.items():
        for method, row in methods.items():
            low, high = row["cpu_ratio_range"]
            peak = memory.get(tokens, {}).get(method)
            table.add_row(
                f"{tokens:,}",
                method,
                f"{row['cpu_seconds']:.2f}",
                f"{row['wall_seconds']:.2f}",
                f"{row['cpu_ratio_to_bare']:.2f} ({low:.2f}-{high:.2f})",
                f"{peak['above'] / 2**20:,.0f} MiB" if peak else "-",
            )
        table.add_section()
    return table


def error_table(errors: dict[str, float]) -> Table:
    table = Table("model type", "max |rows - eager|")
    for name, error in errors.items():
        table.add_row(name, f"{error:.1e}")
    return table


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What reading attention costs, and that it is exact.")
    parser.add_argument("--tokens", type=int, nargs="+", default=[1024, 2048, 4096])
    parser.add_argument("--rounds", type=int, nargs="+", default=[5, 5, 3], help="one number for all sizes, or one for each")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="small sizes, no result file: to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick:
        options.tokens, options.rounds = [128, 384], [2]
    if len(options.rounds) == 1:
        options.rounds *= len(options.tokens)
    if len(options.rounds) != len(options.tokens):
        parser.error("--rounds takes one number, or as many as --tokens")
    if min(options.tokens) <= PROBE_ROWS:
        parser.error(f"--tokens must be above {PROBE_ROWS}")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse_arguments(arguments)
    console = Console(width=None if sys.stdout.isatty() else 120)
    torch.set_num_threads(options.threads)
    logging.set_verbosity_error()
    machine = describe_machine()
    errors = measure_exactness(console)
    console.print(error_table(errors))
    sizes, methods = (options.tokens[-1:], [ALL]) if options.quick else (options.tokens, METHODS)
    memory = measure_memory(sizes, methods, options.threads, console)
    model = build_model()
    seconds = measure_time(Readings(model), options.tokens, options.rounds, console)
    timings = {tokens: summarise(methods) for tokens, methods in seconds.items()}
    console.print(time_table(timings, memory))
    if options.quick:
        return
    results = {
        "machine": machine,
        "model": {
            "type": "qwen2, random weights, fp32",
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "probe_rows": PROBE_ROWS,
            "layers": LAYERS,
            "early_exit_after_layer": default_layer(LAYERS),
        },
        "rounds": dict(zip(options.tokens, options.rounds, strict=True)),
        "time": timings,
        "memory_bytes": memory,
        "max_error": errors,
    }
    console.print(f"written to {save_results('attention', results)}")


if __name__ == "__main__":
    main()
