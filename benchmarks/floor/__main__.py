"""When should a memory say nothing?

    python -m benchmarks.floor [DATA] [--part dev|final] [--sets NAME ...] [--out DIR]

The development part fits the constants of `attngs/marking/relevance.py` and prints them; paste them there. It also shows the curve for each
set with weights that were fitted on the other sets. The final part has conversations and idle turns that no constant was fitted on, and
measures the constants in the code: it is the number that counts. Run both again when the embedded marker's score changes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from attngs import Marker
from attngs.selection.selector import MEMORY_FLOOR
from benchmarks.floor.data import SETS, idle_turns, load_contexts, messages
from benchmarks.floor.measure import Row, adaptive, curve, fit_both, held_out, measure_messages, reliability
from benchmarks.floor.page import constants, tables, write_page
from benchmarks.machine import RESULTS, describe_machine
from benchmarks.pages import save_part

CACHE_BYTES = 2**30


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    console, started, marker = Console(width=200), time.perf_counter(), Marker.default(cache_bytes=CACHE_BYTES)
    asked = messages(load_contexts(options.data, options.part, options.sets), idle_turns(options.part))
    rows = measure_messages(marker, track(asked, "messages", console=console), MEMORY_FLOOR)
    found = results_of(rows, options.part)
    found |= {"machine": describe_machine(), "seconds": round(time.perf_counter() - started, 1)}
    for table in tables(options.part, found):
        console.print(table.rich())
    if options.part == "dev":
        console.print(constants(found), markup=False, highlight=False)
    path = options.out / "floor.json"
    results = save_part(path, options.part, found)
    console.print(f"written: {path}, {write_page(results, options.out)}")


def results_of(rows: Sequence[Row], part: str) -> dict[str, Any]:
    """All numbers of a part: held-out by set in development, as shipped in the end."""
    found = held_out(rows) if part == "dev" else [row.shipped for row in rows]
    numbers: dict[str, Any] = {
        "floor": MEMORY_FLOOR,
        "messages": {name: sum(row.set == name for row in rows) for name in dict.fromkeys(row.set for row in rows)},
        "curve": curve(rows, found),
        "reliability": reliability(rows, found),
        "adaptive": adaptive(rows),
    }
    if part == "dev":
        numbers["fitted"] = {name: (fitted.bias, dict(fitted.weights)) for name, fitted in fit_both(rows).items()}
        numbers["as_shipped"] = curve(rows, [row.shipped for row in rows])
    return numbers


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description="What a floor stops, what it loses, and its constants.")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"), help="holds NAME.jsonl.xz (%(default)s)")
    parser.add_argument("--part", choices=("dev", "final"), default="dev", help="the half to measure (dev)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="NAME", help=f"of {', '.join(SETS)} (all)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of floor.json and .md (benchmarks/results)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
