"""How much of the evidence in long chats is kept under a budget, by ability, without a judge.

    python -m benchmarks.beam DATA [--chats 1 2 3] [--methods attngs BM25 ...] [--limit N] [--out DIR]

DATA is `beam_100k_a.jsonl.xz` or its folder. Constants may be chosen on chats 1 to 3; the number that counts is that of chats 4 to 6.
A chat is read once, a question is scored once and cut at four budgets. Each row goes to `beam.jsonl` as soon as it is measured; page and
picture are made of that file. A run goes on where another one of the same commit stopped, and rows of other chats and methods stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.beam.chart import draw
from benchmarks.beam.data import Chat, load_chats
from benchmarks.beam.measure import Row, load_rows, measure, save_rows, summarise, up_to_date
from benchmarks.beam.methods import NAMES, Method, choose
from benchmarks.beam.page import PARTS, tables, write_page
from benchmarks.evidence.methods import Bench
from benchmarks.machine import RESULTS, describe_machine
from benchmarks.pages import measured_at


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    console = Console(width=220)
    methods, left_out = choose(Bench(), options.methods)
    for name, reason in left_out.items():
        console.print(f"{name} is left out: {reason}", style="dim", markup=False)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "beam.jsonl"
    try:
        _measure(methods, load_chats(options.data, options.chats, options.limit), path, console)
    except KeyboardInterrupt:
        console.print("stopped; the next run goes on from here")
    rows = load_rows(path)
    parts = {part: summarise(own) for part, chats in PARTS.items() if (own := [row for row in rows if row.chat in chats])}
    if not parts:
        console.print("nothing was measured")
        return
    for found in parts.values():
        for table in tables(found):
            console.print(table.rich())
    for written in (path, write_page(parts, options.out), draw(list(parts.values())[-1], options.out)):
        console.print(f"written: {written}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beam", description="Evidence of long chats kept under a budget.")
    parser.add_argument("data", type=Path, help="beam_100k_a.jsonl.xz, or its folder")
    parser.add_argument("--chats", nargs="+", type=int, metavar="N", help="numbers of the chats to measure (all)")
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--limit", type=int, help="questions to measure of each chat, from the front (all)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of beam.jsonl, .md and .svg (benchmarks/results)")
    return parser.parse_args(arguments)


def _measure(methods: Mapping[str, Method], chats: Sequence[Chat], path: Path, console: Console) -> None:
    """Measure what the file does not have from this commit, and write every row at once."""
    machine = describe_machine()
    rows: dict[tuple[str, str], Row] = {row.key: row for row in load_rows(path)}
    done = up_to_date(rows.values(), machine)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        total = sum(len(chat.questions) for chat in chats) * len(methods)
        bar = progress.add_task(
            "", total=total, completed=sum((name, q.id) in done for name in methods for c in chats for q in c.questions)
        )
        for chat in chats:
            wanted = [(name, question) for question in chat.questions for name in methods if (name, question.id) not in done]
            progress.update(bar, description=f"reading chat {chat.number}")
            for name in dict.fromkeys(name for name, _ in wanted):
                methods[name].read(chat)
            progress.update(bar, description=f"chat {chat.number}")
            for name, question in wanted:
                row = measure(name, methods[name], chat, question, measured_at(machine))
                rows[row.key] = row
                save_rows(path, rows.values())
                progress.advance(bar)


if __name__ == "__main__":
    main()
