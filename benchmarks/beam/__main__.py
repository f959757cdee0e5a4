"""How much of the evidence in long chats is kept under a budget, by ability, without a judge.

    python -m benchmarks.beam DATA [--chats 1 2 3] [--methods attngs BM25 ...] [--limit N] [--out DIR]

DATA is `beam_100k_a.jsonl.xz` or its folder. Constants may be chosen on chats 1 to 3; the number that counts is that of chats 4 to 6.
A chat is read once, a question is scored once and cut at four budgets. Results go to `beam.json`, beside those of other chats; page and
picture are made of that file. Ctrl-C keeps what was measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from attngs.text.files import write_whole
from benchmarks.beam.chart import draw
from benchmarks.beam.data import load_chats
from benchmarks.beam.measure import Found, measure, summarise
from benchmarks.beam.methods import CHOICE, NAMES, choose
from benchmarks.beam.page import tables, write_page
from benchmarks.evidence.methods import Bench
from benchmarks.machine import RESULTS, describe_machine, flat_json


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    console, bench, started = Console(width=220), Bench(), time.perf_counter()
    chats = load_chats(options.data, options.chats, options.limit)
    methods, left_out = choose(bench, options.methods)
    for name, reason in left_out.items():
        console.print(f"{name} is left out: {reason}", style="dim", markup=False)
    measured = list[Found]()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("questions", total=sum(len(chat.questions) for chat in chats))
        try:
            for found in measure(methods, chats):
                measured.append(found)
                progress.advance(task)
        except KeyboardInterrupt:
            console.print("stopped; these questions were measured")
    if not measured:
        console.print("nothing was measured")
        return
    results: dict[str, Any] = {
        "machine": describe_machine(),
        "counter": bench.counter.name,
        "notes": {method.name: method.note for method in CHOICE if method.name in methods},
        "left_out": left_out,
        **summarise(measured, methods),
        "seconds": round(time.perf_counter() - started, 1),
    }
    for table in tables(results):
        console.print(table.rich())
    for path in _write(", ".join(str(chat.number) for chat in chats), results, options.out):
        console.print(f"written: {path}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beam", description="Evidence of long chats kept under a budget.")
    parser.add_argument("data", type=Path, help="beam_100k_a.jsonl.xz, or its folder")
    parser.add_argument("--chats", nargs="+", type=int, metavar="N", help="numbers of the chats to measure (all)")
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--limit", type=int, help="questions to measure of each chat, from the front (all)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of beam.json, .md and .svg (benchmarks/results)")
    return parser.parse_args(arguments)


def _write(chats: str, found: dict[str, Any], folder: Path) -> tuple[Path, Path, Path]:
    """These chats' results in `beam.json`, beside those of others, the page of all of them, and the picture of these."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "beam.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results[chats] = found
    write_whole(path, flat_json(results))
    return path, write_page(results, folder), draw(found, folder)


if __name__ == "__main__":
    main()
