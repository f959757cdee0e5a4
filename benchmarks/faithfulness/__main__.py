"""Are planted errors found in rewrites of personal contexts, and faithful rewrites let pass?

    python -m benchmarks.faithfulness [--out DIR]

441 contexts, each with one or two faithful rewrites and two or three with one planted error (`contexts.jsonl`). Some were for development;
the numbers that count are those of the held-out half. Each is measured alone and in a crowd of nine other contexts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from attngs.text.files import write_whole
from benchmarks.faithfulness.data import load_contexts
from benchmarks.faithfulness.measure import measure
from benchmarks.faithfulness.methods import METHODS
from benchmarks.faithfulness.page import tables, write_page
from benchmarks.machine import RESULTS, describe_machine, flat_json


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faithfulness", description="Planted errors found, false alarms.")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of faithfulness.json and .md (benchmarks/results)")
    folder: Path = parser.parse_args(arguments).out
    console, started = Console(width=200), time.perf_counter()
    contexts = load_contexts()
    results: dict[str, Any] = {"machine": describe_machine(), "contexts": len(contexts), "methods": {}}
    for method in METHODS:
        results["methods"][method.name] = {"note": method.note, "results": measure(method, contexts)}
    results["seconds"] = time.perf_counter() - started
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "faithfulness.json", flat_json(results))
    for table in tables(results):
        console.print(table.rich())
    console.print(f"written: {folder / 'faithfulness.json'}, {write_page(results, folder)}")


if __name__ == "__main__":
    main()
