"""How much a memory on disk finds of what a look at everything finds, and what it costs as it grows.

    python -m benchmarks.memory DATA recall [--meetings N] [--final] [--work DIR] [--out DIR]
    python -m benchmarks.memory DATA growth [--tokens N ...] [--work DIR] [--out DIR]
    python -m benchmarks.memory DATA forest [--meetings N] [--out DIR]
    python -m benchmarks.memory DATA vectors [--out DIR]

DATA is the folder of `beam_100k_a.jsonl.xz` and `qmsum_val.jsonl.xz`. Memories are made in `--work` and used again; a chat of BEAM takes a
minute or two. Each part replaces its own section of `memory.json`, of which page and picture are made. `--final` measures BEAM's chats 4 to
6, on which nothing was chosen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from attngs import Marker
from benchmarks.beam.data import DEVELOPMENT, FINAL, load_chats
from benchmarks.machine import RESULTS, describe_machine
from benchmarks.memory.forest import measure_ways
from benchmarks.memory.growth import grown
from benchmarks.memory.page import draw, write_page
from benchmarks.memory.recall import beam, measure, meetings, plain, sessions
from benchmarks.memory.vectors import compare
from benchmarks.pages import measured_at, save_part

Part = tuple[str, list[dict[str, Any]]]
"""The name of what was measured, and its rows so far."""

BUDGETS = (1_024,)
SIZES = (100_000, 300_000, 1_000_000, 5_000_000)
EACH = 5
"""Of how many questions about a chat one is asked of memories that grow."""
VECTORS, MOST_INDEXED = (6_000, 60_000, 300_000), 60_000


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    part = {"recall": _recall, "growth": _growth, "forest": _forest, "vectors": _vectors}[options.part]
    where = measured_at(describe_machine())
    path = options.out / "memory.json"
    for name, rows in part(options):  # what is measured is written at once
        found = save_part(path, name, {"where": where, "rows": rows})
        print(f"{name}: {rows[-1]}")
        written = (path, write_page(found, options.out), *draw(found, options.out))
    print("written:", *written)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description="A memory on disk: what it finds and what it costs.")
    parser.add_argument("data", type=Path, help="folder of the data")
    parser.add_argument("part", choices=("recall", "growth", "forest", "vectors"))
    parser.add_argument("--meetings", type=int, default=6, metavar="N", help="meetings of QMSum (6)")
    parser.add_argument("--final", action="store_true", help="chats 4 to 6 of BEAM, and no meetings")
    parser.add_argument("--tokens", type=int, nargs="+", default=list(SIZES), metavar="N", help="sizes of memories (100,000 to 5,000,000)")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "attngs-memory", metavar="DIR", help="of the memories")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of memory.json, .md and .svg (benchmarks/results)")
    return parser.parse_args(arguments)


def _recall(options: argparse.Namespace) -> Iterator[Part]:
    marker = Marker.default()
    cases = list(beam(options.data, FINAL if options.final else DEVELOPMENT))
    cases += [] if options.final else list(meetings(options.data, options.meetings))
    rows = list[dict[str, Any]]()
    for case in cases:
        rows += plain(list(measure(case, marker, options.work, BUDGETS)))
        yield "recall, final" if options.final else "recall", rows


def _growth(options: argparse.Namespace) -> Iterator[Part]:
    bases = [options.work / f"beam{number}.db" for number in DEVELOPMENT]
    if missing := [base for base in bases if not base.exists()]:
        raise SystemExit(f"{missing[0]} is missing; run the part `recall` with this --work first.")
    questions = [question.query for chat in load_chats(options.data, DEVELOPMENT) for question in chat.questions[::EACH]]
    rows = list[dict[str, Any]]()
    for tokens in options.tokens:
        path = grown(bases, options.work / f"grown-{tokens}.db", tokens)
        command = [sys.executable, "-m", "benchmarks.memory.growth", str(path)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, input=json.dumps(questions), text=True, env=environment)
        rows.append(json.loads(done.stdout))
        yield "growth", rows


def _forest(options: argparse.Namespace) -> Iterator[Part]:
    marker = Marker.default()
    rows = list[dict[str, Any]]()
    for case in (*beam(options.data, DEVELOPMENT), *sessions(options.data, DEVELOPMENT), *meetings(options.data, options.meetings)):
        rows += measure_ways(case, marker, BUDGETS)
        yield "forest", rows


def _vectors(options: argparse.Namespace) -> Iterator[Part]:
    rows = list[dict[str, Any]]()
    for row in compare(VECTORS, MOST_INDEXED):
        rows.append(row)
        yield "vectors", rows


if __name__ == "__main__":
    main()
