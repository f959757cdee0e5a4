"""The study of Attn-GS on films and paper titles, end to end.

    python -m benchmarks.attn_gs DATA --reader HuggingFaceTB/SmolLM2-135M-Instruct [--marker M] [--writer W] [--probe DIR]

DATA is the folder with the two sets. Each of reader, marker and writer is a name on the hub, a folder or a GGUF file; the marker is the
reader where none is named, and without a writer the arms that write are left out. The reader is tuned first; then all users are read
without and with the full profile, which opens the gate or not; then come the arms. Each row goes to `attn_gs.jsonl` as soon as it is
measured, and a run that was stopped goes on; page and picture are made of that file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import logging

from attngs.errors import AttngsError
from attngs.marking.marker import Marker
from attngs.marking.scorers.attention import AttentionConfig
from attngs.reading.tokens import TokenizerCounter
from attngs.text.files import write_whole
from attngs.writing.chat.local_chat import LocalChat
from benchmarks.attn_gs.arms import BUDGETS, NAMES, WRITING, Arm, Markers, missing
from benchmarks.attn_gs.data import RATING, TASKS, Split, cut_to, load, ratings
from benchmarks.attn_gs.judge import Bias
from benchmarks.attn_gs.measure import add_row, baselines, bounds, load_rows, shortened, summarise
from benchmarks.attn_gs.page import draw, tables, write_page
from benchmarks.attn_gs.reader import Reader, Tuning
from benchmarks.machine import RESULTS, describe_machine, flat_json
from benchmarks.pages import measured_at

SAID = "attn_gs_said.md"
"""What the study shows and what not, written by people who looked at the numbers."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    console = Console(width=220)
    options.out.mkdir(parents=True, exist_ok=True)
    rows_path, about_path = options.out / "attn_gs.jsonl", options.out / "attn_gs.json"
    about: dict[str, Any] = json.loads(about_path.read_text(encoding="utf-8")) if about_path.exists() else {}
    try:
        for task in options.tasks:
            split = load(options.data, task, users=options.users, tuning=options.tuning)
            about[task] = _about(task, split, options, about.get(task, {}))
            write_whole(about_path, flat_json(about))
            _run(task, split, options, rows_path, console)
    except KeyboardInterrupt:
        console.print("stopped; the next run goes on from here")
    found = summarise(load_rows(rows_path))
    if not found:
        console.print("no user has all rows yet: both bounds, all arms of a group, and attngs beside them")
        return
    for task, summary in found.items():
        summary |= {"baselines": about.get(task, {}).get("baselines", {})}
    for table in tables(found):
        console.print(table.rich())
    said = options.out / SAID
    lines = said.read_text(encoding="utf-8").splitlines() if said.exists() else []
    settings = {task: told["settings"] for task, told in about.items()}
    for written in (rows_path, about_path, write_page(found, settings, options.out, lines), draw(found, options.out)):
        console.print(f"written: {written}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attn_gs", description="What a short profile is worth to a reader.")
    parser.add_argument("data", type=Path, help="folder with ml_latest_small.jsonl.xz and arxiv_title_a.jsonl.xz")
    parser.add_argument("--reader", required=True, help="predicts; a name on the hub, a folder or a GGUF file")
    parser.add_argument("--marker", help="a decoder whose attention marks (the reader)")
    parser.add_argument("--writer", help="a chat model (none: the arms that write are left out)")
    parser.add_argument("--probe", type=Path, metavar="DIR", help="a probe that was fitted on the marker")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="%(choices)s (both)")
    parser.add_argument("--arms", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME", help=f"of: {'; '.join(NAMES)} (all)")
    parser.add_argument("--users", type=int, default=150, help="to compare the arms on (%(default)s)")
    parser.add_argument("--gate-users", type=int, default=150, help="to look at without and with the full profile (%(default)s)")
    parser.add_argument("--writer-users", type=int, default=150, help="of --users, for the arms that write (%(default)s)")
    parser.add_argument("--writer-budgets", type=int, nargs="+", choices=BUDGETS, default=BUDGETS, help="of the arms that write (all)")
    parser.add_argument("--reply", type=int, default=192, help="most tokens of a reply of the writer (%(default)s)")
    parser.add_argument("--tuning", type=int, default=180, help="other users to tune the reader on (%(default)s)")
    parser.add_argument("--window", type=int, default=2_048, help="tokens of the full profile (%(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the processor (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path("out/attn_gs"), metavar="DIR", help="of the tuned readers (%(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of the results (benchmarks/results)")
    return parser.parse_args(arguments)


def _about(task: str, split: Split, options: argparse.Namespace, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the page tells of a task besides its rows; what an earlier run did with a writer or a probe stays."""
    models = {"marker": options.marker or options.reader, "writer": options.writer, "probe": options.probe}
    settings = {
        "reader": f"{Path(options.reader).name}, bfloat16, tuned on {len(split.tuning)} other users: {Tuning()}",
        **{name: Path(model).name for name, model in models.items() if model},
        "window": f"{options.window:,} tokens",
        **({"replies": f"at most {options.reply} tokens"} if options.writer else {}),
    }
    others = Bias([[*ratings(case.profile_text)] for case in split.tuning]) if task == RATING else None
    return {"settings": before.get("settings", {}) | settings, "baselines": baselines(split.test, others) if others else {}}


def _run(task: str, split: Split, options: argparse.Namespace, path: Path, console: Console) -> None:
    """Tune the reader for one task, and measure what the file does not have yet."""
    machine, reader = describe_machine(), Reader(options.reader)
    with console.status(f"{task}: tuning {reader.name} on {len(split.tuning)} users"):
        reader.tuned(split.tuning, Tuning(), options.work / task)
    chat = LocalChat.from_pretrained(options.writer, max_tokens=options.reply) if options.writer else None
    marker = options.marker or options.reader
    tuned = partial(Marker.from_model, reader.model, reader.tokenizer, config=AttentionConfig(), encoder=None)
    markers = Markers(marker, tuned if marker == options.reader else None, options.probe, chat, TokenizerCounter(reader.tokenizer))
    reasons = {name: reason for name in options.arms if (reason := missing(name, markers))}
    for reason in dict.fromkeys(reasons.values()):
        console.print(f"left out, {reason}: {'; '.join(n for n, r in reasons.items() if r == reason)}", style="dim", markup=False)
    arms = [Arm(name, markers) for name in options.arms if name not in reasons]
    cases = [cut_to(case, options.window, reader.tokens) for case in (*split.test, *split.others)[: max(options.users, options.gate_users)]]
    done = {row.key for row in load_rows(path)}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        for case in progress.track(cases, description=f"{task}, the gate"):
            for row in bounds(reader, case, measured_at(machine), done):
                add_row(path, row)
        for number, case in enumerate(progress.track(cases[: len(split.test)], description=f"{task}, the arms")):
            for arm in arms:
                for row in shortened(reader, case, arm, _budgets(options, arm, number), measured_at(machine), done):
                    add_row(path, row)


def _budgets(options: argparse.Namespace, arm: Arm, number: int) -> Sequence[int]:
    """At which an arm shortens the profile of the user of this number."""
    if arm.name not in WRITING:
        return BUDGETS
    return options.writer_budgets if number < options.writer_users else ()


if __name__ == "__main__":
    try:
        main()
    except AttngsError as error:
        raise SystemExit(f"error: {error}") from None
