"""Are follow-ups read with what was said before them, and is everything else left alone?

    python -m benchmarks.followups [--part dev|final] [--out DIR]

Work with the development half; the number that counts is that of the final half.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from attngs import Marker
from benchmarks.followups.data import PARTS, load_dialogues
from benchmarks.followups.measure import measure, told_apart
from benchmarks.followups.page import tables, write_page
from benchmarks.machine import RESULTS, describe_machine
from benchmarks.pages import save_part


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    dialogues = load_dialogues(options.part)
    found: dict[str, Any] = {
        "machine": describe_machine(),
        "told_apart": told_apart(dialogues),
        "ways": measure(Marker.default(), dialogues),
    }
    console = Console(width=220)
    for table in tables(options.part, found):
        console.print(table.rich())
    path = options.out / "followups.json"
    results = save_part(path, options.part, found)
    console.print(f"written: {path}, {write_page(results, options.out)}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.followups", description="Follow-ups understood, other messages left alone.")
    parser.add_argument("--part", choices=PARTS, default="dev", help="the half to measure (dev)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of followups.json and .md (benchmarks/results)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
