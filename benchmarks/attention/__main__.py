"""Which attention of real decoders finds evidence, alone and added to the embedded marker.

    python -m benchmarks.attention MODEL... [--data DIR] [--features DIR] [--rows 16] [--sweep-only]

Each model, a folder or a name on the hub, is read once. What its heads pay to each unit is kept in the folder of features, so a run that
was stopped goes on. The sweep is arithmetic on these, over the questions that all models have read. Results go to
`results/attention.json`, `.md` and `.svg`.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers import logging

from attngs.errors import AttngsError
from benchmarks.attention.chart import draw
from benchmarks.attention.data import BYTES, SETS, load_sets
from benchmarks.attention.features import Unread, read_attention, read_texts, units_of
from benchmarks.attention.judge import judge
from benchmarks.attention.page import tables, write_page
from benchmarks.attention.sweep import SHARES, load_features
from benchmarks.machine import RESULTS, describe_machine, save_results


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attention", description="Which attention of real decoders finds evidence.")
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a folder, or a name on the hub")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the labelled sets (%(default)s)")
    parser.add_argument("--features", type=Path, default=Path("out/attention"), help="folder of what was read (%(default)s)")
    parser.add_argument("--rows", type=int, default=16, help="questions of each set (%(default)s)")
    parser.add_argument("--sweep-only", action="store_true", help="read nothing more")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    console = Console(width=None if sys.stdout.isatty() else 190)
    machine = describe_machine()
    questions = units_of(load_sets(options.data, options.rows))
    if not options.sweep_only:
        read_texts(questions, options.features)
        for model in options.models:
            read_attention(questions, model, options.features, console)
    results = sweep(questions, options.models, options.features)
    for table in tables(results):
        console.print(table.rich())
    command = shlex.join(
        ["python", "-m", "benchmarks.attention", *(Path(model).name for model in options.models), "--rows", str(options.rows)]
    )
    results = {"machine": machine, "command": command} | results
    path = RESULTS / "attention"
    for written in (
        save_results("attention", results),
        write_page(results, path.with_suffix(".md")),
        draw(results, path.with_suffix(".svg")),
    ):
        console.print(f"written: {written}")


def sweep(questions: Sequence[Unread], models: Sequence[str], folder: Path) -> dict[str, Any]:
    """The numbers of the questions that all models have read."""
    names = [Path(model).name for model in models]
    read = [one for one in questions if all((folder / name / f"{one.name}.npz").exists() for name in (*names, "text"))]
    if not read:
        raise SystemExit("no question was read by all models yet")
    counts = {name: sum(one.name.startswith(f"{name}-") for one in read) for name in SETS}
    about = (
        f"{len(read)} questions: {', '.join(f'{name} {count}' for name, count in counts.items())}. English contexts, cut to {BYTES:,} "
        f"bytes. Recall at {', '.join(f'{share:.0%}' for share in SHARES)} of the characters. Settings and weights are chosen on all sets "
        "but the one that is judged, over all models together. Models are read in bfloat16."
    )
    return {"about": about} | judge({name: load_features(read, folder / name, folder / "text") for name in names})


if __name__ == "__main__":
    try:
        main()
    except AttngsError as error:
        raise SystemExit(f"error: {error}") from None
