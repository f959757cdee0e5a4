"""Is the answer kept, and can a reader understand it, in the shapes of text that people have?

    python -m benchmarks.shapes [--part dev|fresh|kept] [--methods attngs ...] [--limit N] [--misses] [--out DIR]

Small invented texts in fifteen shapes, a fifth of each may be kept, more or less (`dev.jsonl`, `fresh.jsonl`, `kept.jsonl`). Work with
the first two; the number that counts is that of the kept half. `--misses` shows what ours kept of the development rows that it missed.
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

from attngs.text.files import write_whole
from benchmarks.machine import RESULTS, describe_machine, flat_json
from benchmarks.shapes.data import PARTS, Row, load_rows
from benchmarks.shapes.judge import folded
from benchmarks.shapes.measure import kept, measure, summarise
from benchmarks.shapes.methods import METHODS, NAMES, OURS, Bench, choose
from benchmarks.shapes.page import tables, write_page


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    console, bench, started = Console(width=220), Bench(), time.perf_counter()
    rows = load_rows(options.part)[: options.limit]
    methods, left_out = choose(options.methods)
    verdicts = measure(methods, bench, rows)
    found: dict[str, Any] = {
        "machine": describe_machine(),
        "counter": bench.counter.name,
        "notes": {method.name: method.note for method in methods},
        "left_out": left_out,
        **summarise(verdicts, rows),
        "seconds": round(time.perf_counter() - started, 1),
    }
    if options.misses:
        _show_misses(console, bench, [row for row in rows if row.id not in found["understood"].get(OURS, ())])
    for name, reason in left_out.items():
        console.print(f"{name} is left out: {reason}", style="dim", markup=False)
    for table in tables(options.part, found):
        console.print(table.rich())
    for path in _write(options.part, found, options.out):
        console.print(f"written: {path}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes", description="Answers kept, and kept so that they are understood.")
    parser.add_argument("--part", choices=PARTS, default="dev", help="the rows to measure (dev)")
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--limit", type=int, help="rows to measure, from the front (all)")
    parser.add_argument("--misses", action="store_true", help="show what ours kept of the development rows that it missed")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of shapes.json and .md (benchmarks/results)")
    options = parser.parse_args(arguments)
    if options.misses and options.part == "kept":
        parser.error("--misses shows development rows only; leave it out, or use --part dev or fresh")
    return options


def _show_misses(console: Console, bench: Bench, rows: Sequence[Row]) -> None:
    ours = next(method for method in METHODS if method.name == OURS)
    for row in rows:
        text = kept(ours, bench, row)
        lacking = [string for string in row.needed if folded(string) not in folded(text)]
        console.rule(f"{row.shape} {row.id}", align="left")
        console.print(f"{row.query}\n{row.target_tokens} tokens; lacks {lacking}\n\n{text}", markup=False, highlight=False)


def _write(part: str, found: dict[str, Any], folder: Path) -> tuple[Path, Path]:
    """The part's results in `shapes.json`, beside those of the other part, and the page of both."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shapes.json"
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    results[part] = found
    write_whole(path, flat_json(results))
    return path, write_page(results, folder)


if __name__ == "__main__":
    main()
