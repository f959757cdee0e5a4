"""How often is what a small model writes handed on, and is it faithful?

    python -m benchmarks.writers [DATA_DIR] [--model MODEL ...] [--count N] [--room TOKENS] [--replies DIR] [--out DIR]

MODEL is a decoder that was trained to chat: a name on the hub, a folder or a GGUF file. Each reply is kept under DIR as soon as it is
there, so that a run goes on where another one stopped, and a changed check is measured without asking a model again. `writers.jsonl` has
one line for each context and model; without `--model`, the page is made of that file.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from attngs.compressor import ContextCompressor
from attngs.marking.marker import Marker
from attngs.reading.tokens import as_counter
from attngs.text.files import write_whole
from attngs.writing.chat.local_chat import LocalChat
from benchmarks.machine import RESULTS, describe_machine
from benchmarks.reuse.data import Question, load
from benchmarks.writers.measure import measure
from benchmarks.writers.page import tables, write_page
from benchmarks.writers.replies import KeptReplies

SETS = ("qmsum_val", "expmrc", "xquad12_a", "madial_user1")
"""Meetings, passages among others, encyclopedia paragraphs, and a user's memories."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    console = Console(width=160)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "writers.jsonl"
    for model in options.model:
        found = _measured(model, options, console)
        rows = [row for row in _rows(path) if row["model"] != Path(model).name] + found
        write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    rows = _rows(path)
    for table in tables(rows):
        console.print(table.rich())
    console.print(f"written: {path}, {write_page(rows, options.out)}")


def _measured(model: str, options: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """The rows of one model; those that there are by Ctrl-C."""
    torch.set_num_threads(1)
    marker, name = Marker.default(), Path(model).name
    chat = KeptReplies(
        lambda: LocalChat.from_pretrained(model, device="cpu", dtype=torch.float32, max_tokens=options.reply),
        options.replies / f"{name}.jsonl",
        name=f"{name}, at most {options.reply} tokens",
    )
    compressor = ContextCompressor(marker, chat)
    about = {"model": name, "target": options.target, "room": options.room, "reply": options.reply, "machine": describe_machine()}
    rows = list[dict[str, Any]]()
    try:
        for question in _questions(options, marker):
            rows.append(about | measure(compressor, chat, question, options.target))
            console.print(f"{name}: {len(rows)} {question.name} {rows[-1]['reason'] or rows[-1]['method']}")
    except KeyboardInterrupt:
        console.print("stopped; the next run goes on from here")
    return rows


def _questions(options: argparse.Namespace, marker: Marker) -> list[Question]:
    """A question of each set in turn, so that a run that is stopped has some of each."""
    counter = as_counter(None, marker.counter)

    def tokens(text: str) -> int:
        return counter.count([text])[0]

    found = [load(options.data, name, options.count, options.room, tokens) for name in SETS]
    return [question for turn in zip(*found, strict=True) for question in turn]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writers", description="What small models write, and what becomes of it.")
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"), help="folder of the data sets (../shared/data)")
    parser.add_argument("--model", nargs="*", default=[], help="writers: names on the hub, folders or GGUF files")
    parser.add_argument("--count", type=int, default=15, metavar="N", help="questions of each set (15)")
    parser.add_argument("--room", type=int, default=700, metavar="TOKENS", help="to which contexts are cut (700)")
    parser.add_argument("--target", type=int, default=128, metavar="TOKENS", help="the budget (128)")
    parser.add_argument("--reply", type=int, default=192, metavar="TOKENS", help="longest reply (192)")
    parser.add_argument("--replies", type=Path, default=Path("out/writers"), metavar="DIR", help="where replies are kept (out/writers)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of writers.jsonl and .md (benchmarks/results)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
