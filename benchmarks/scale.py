"""What a batch costs on a Ray cluster of this machine, beside one process that does the same rows in a loop.

    python -m benchmarks.scale [--rows 400] [--quick]

A row has a question and ten sessions of the example person, drawn by a seed, in a namespace of its own, so that nothing of one row is found
again for the next. Every process has one thread. The clock tells what a machine does that is otherwise idle; CPU seconds also hold for a
busy one. A run on Ray is timed from the call, with a cluster that stands already: reading the ids and loading the markers count.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
from rich.console import Console

from attngs.reading.progress import listening
from attngs.scale.ray import ROWS_OF_A_FILE, compress_rows, connect
from attngs.scale.rows import Recipe
from benchmarks.latency import EXAMPLES
from benchmarks.machine import RESULTS, describe_machine, save_results
from benchmarks.pages import Page, Section, TextTable, measured_at

SESSIONS = 10
TARGET_TOKENS = 256
PAGE = Page(
    name="scale",
    source="scale.json",
    title="A batch on Ray, beside one process",
    preface="Each row asks a question about ten sessions of the example person, drawn by a seed, and nothing of one row is kept for "
    "the next. Every process has one thread, and the one process does the rows in a loop. Ray's clock begins at the call, with a "
    "cluster that stands already; *steady* is measured from the first finished file on. CPU seconds are those of the workers.",
)


def rows(count: int) -> Iterator[dict[str, object]]:
    """What is compressed."""
    draw = random.Random(11)
    sessions = [json.loads(line) for line in (EXAMPLES / "maren" / "memory.jsonl").read_text(encoding="utf-8").splitlines()]
    questions = [json.loads(line)["query"] for line in (EXAMPLES / "maren_questions.jsonl").read_text(encoding="utf-8").splitlines()]
    for number in range(count):
        documents = [{"id": each["id"], "text": each["text"]} for each in draw.sample(sessions, SESSIONS)]
        yield {"id": f"row-{number}", "documents": documents, "query": draw.choice(questions), "namespace": str(number)}


def in_one_process(given: Sequence[dict[str, Any]]) -> dict[str, object]:
    """The loop that anybody would write."""
    compressor = Recipe(target_tokens=TARGET_TOKENS).compressor()
    compressor.compress("A text that warms up the kernels. And another one.", "What is this?", target_tokens=8)
    cpu, clock, tokens = time.process_time(), time.perf_counter(), 0
    for row in given:
        result = compressor.compress(
            [each["text"] for each in row["documents"]], row["query"], target_tokens=TARGET_TOKENS, namespace=row["namespace"]
        )
        tokens += result.original_tokens
    return {"seconds": time.perf_counter() - clock, "cpu_seconds": time.process_time() - cpu, "tokens_per_row": round(tokens / len(given))}


def on_ray(path: Path, workers: int, folder: Path) -> dict[str, object]:
    """The same rows, by some workers."""
    commits, spent = list[tuple[float, int]](), dict[int, float]()

    def listener(what: str, done: int, total: int) -> None:
        commits.append((time.perf_counter(), done))
        for process in psutil.Process().children(recursive=True):
            if " ".join(process.cmdline()).startswith("ray::MapWorker"):
                times = process.cpu_times()
                spent[process.pid] = times.user + times.system

    clock = time.perf_counter()
    with listening(listener):
        report = compress_rows(path, folder, target_tokens=TARGET_TOKENS, workers=workers)
    assert not report.errors
    (began, first), (ended, last) = commits[0], commits[-1]
    return {
        "seconds": time.perf_counter() - clock,
        "steady_rows_per_second": (last - first) / (ended - began),
        "cpu_seconds": sum(spent.values()),
        "bytes": sum(each.stat().st_size for each in folder.glob("*.parquet")),
        "files": len(commits),
    }


def tables(found: dict[str, Any]) -> Iterator[TextTable]:
    """One row for each way."""
    count, one = found["rows"], found["one process"]
    lines = [
        ("one process", f"{one['seconds']:.0f} s", f"{count / one['seconds']:.2f}", "", f"{1e3 * one['cpu_seconds'] / count:.0f} ms", "1")
    ]
    for name, run in found["ray"].items():
        steady, ratio = run["steady_rows_per_second"], one["seconds"] / run["seconds"]
        cells = (f"{run['seconds']:.0f} s", f"{count / run['seconds']:.2f}", f"{steady:.2f}", f"{1e3 * run['cpu_seconds'] / count:.0f} ms")
        lines.append((f"Ray, {name}", *cells, f"{ratio:.2f}"))
    sizes = f"A row has {found['bytes'] / count:,.0f} bytes and {one['tokens_per_row']:,} tokens; its result has"
    largest = next(reversed(found["ray"].values()))
    yield TextTable(
        title=f"{count:,} rows on {found['machine']['cores']} cores",
        columns=("way", "clock", "rows a second", "steady", "CPU a row", "faster than one process"),
        rows=tuple(lines),
        notes=(f"{sizes} {largest['bytes'] / count:,.0f} bytes. Load average at the start: {found['machine']['load_average_at_start']}.",),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="A batch on Ray, beside one process.")
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--quick", action="store_true", help="twelve rows, and nothing is written")
    options = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    torch.set_num_threads(1)
    given = list(rows(12 if options.quick else options.rows))
    found: dict[str, Any] = {"machine": describe_machine(), "rows": len(given), "rows_of_a_file": ROWS_OF_A_FILE, "ray": {}}
    found["one process"] = in_one_process(given)
    connect(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in given) + "\n", encoding="utf-8")
        found["bytes"] = path.stat().st_size
        for workers in (1, os.cpu_count() or 1):
            name = "1 worker" if workers == 1 else f"{workers} workers"
            found["ray"][name] = on_ray(path, workers, Path(folder) / str(workers))
    console = Console(width=160)
    shown = list(tables(found))
    for table in shown:
        console.print(table.rich())
    if not options.quick:
        save_results("scale", found)
        console.print(f"written: {PAGE.write([Section(title='Results', where=measured_at(found['machine']), tables=shown)], RESULTS)}")


if __name__ == "__main__":
    main()
