"""Leave one set out: which constants of the embedded marker's score carry over to a set that they were not chosen on?

    python -m benchmarks.carry [DATA] [--sets users maren ...] [--limit N] [--out DIR]

Every form of the score is made of the same measures, which are taken once a question. A set's results go to `carry.json` as soon as it
is measured; page and tables are made of that file, and sets that are not measured again stay. BEAM's final chats are not used.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from attngs import Marker
from benchmarks.carry.measure import measure_set
from benchmarks.carry.page import tables, write_page
from benchmarks.carry.sets import SETS
from benchmarks.carry.terms import Reader
from benchmarks.machine import RESULTS, describe_machine
from benchmarks.pages import save_part

CACHE_BYTES = 2**30


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    console, reader = Console(width=200), Reader(Marker.default(cache_bytes=CACHE_BYTES))
    results = {}
    for name in options.sets:
        started, rows = time.perf_counter(), SETS[name].load(options.data)
        if options.limit is not None and options.limit < len(rows):
            rows = random.Random(0).sample(rows, options.limit)
        rows.sort(key=lambda row: row.cluster)  # what was read of a context is used again
        found = measure_set(reader, track(rows, name, console=console))
        found |= {"machine": describe_machine(), "seconds": round(time.perf_counter() - started, 1)}
        results = save_part(options.out / "carry.json", name, found)
    for table in tables(results):
        console.print(table.rich())
    console.print(f"written: {options.out / 'carry.json'}, {write_page(results, options.out)}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.carry", description="Leave-one-set-out over the constants of the score.")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"), help="holds NAME.jsonl.xz (%(default)s)")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="NAME", help=f"of {', '.join(SETS)} (all)")
    parser.add_argument("--limit", type=int, metavar="N", help="questions of each set (all)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of carry.json and .md (benchmarks/results)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
