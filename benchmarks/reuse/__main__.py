"""Does a writer answer as well from the marker's keys and values as from the short text?

    python -m benchmarks.reuse MODEL [DATA_DIR] [--count N] [--room TOKENS] [--out DIR]

MODEL is a decoder that was trained to chat, by name or folder. Each question goes to `reuse.jsonl` as soon as it is measured, and a run
goes on where another one stopped; the page is made of that file. Times are measured anew by each run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from rich.console import Console

from attngs.marking.marker import Marker
from attngs.reading.loading import ModelSettings, load_model
from attngs.text.files import write_whole
from benchmarks.machine import RESULTS, describe_machine, flat_json
from benchmarks.reuse.data import SETS, load
from benchmarks.reuse.measure import Writer, costs, losses
from benchmarks.reuse.page import tables, write_page


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    torch.set_num_threads(1)
    console = Console(width=160)
    loaded = load_model(options.model, ModelSettings(device="cpu", dtype=torch.float32))
    writer, embedded = Writer(loaded.model, loaded.tokenizer), Marker.default().scorer
    options.out.mkdir(parents=True, exist_ok=True)
    rows, page = options.out / "reuse.jsonl", options.out / "reuse.json"

    def tokens(text: str) -> int:
        return len(writer.segmenter.encoder.encode([text])[0].ids)

    done = {json.loads(line)["question"] for line in rows.read_text(encoding="utf-8").splitlines()} if rows.exists() else set[str]()
    found = {name: load(options.data, name, options.count, options.room, tokens) for name in SETS}
    try:
        for number in range(options.count):  # a question of each set in turn, so that a run that is stopped has some of each
            for name in SETS:
                question = found[name][number]
                if question.name in done:
                    continue
                nll = {method: round(value, 4) for method, value in losses(writer, embedded, question, number).items()}
                row = {"set": name, "question": question.name, "cluster": question.cluster, "nll": nll}
                with rows.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
                console.print(question.name)
    except KeyboardInterrupt:
        console.print("stopped; the next run goes on from here")
    results = {
        "model": Path(loaded.name).name,
        "room": options.room,
        "layers": len(writer.reader.depths),
        "marking_layers": writer.marking_layers,
        "costs": [asdict(cost) for size in options.sizes for cost in costs(writer, size)],
        "machine": describe_machine(),
    }
    write_whole(page, flat_json(results))
    measured = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    for table in tables(results, measured):
        console.print(table.rich())
    console.print(f"written: {rows}, {page}, {write_page(results, measured, options.out)}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reuse", description="Answers from the marker's keys and values.")
    parser.add_argument("model", help="a decoder that was trained to chat: a name on the hub or a folder")
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"), help="folder of the data sets (../shared/data)")
    parser.add_argument("--count", type=int, default=6, metavar="N", help="questions of each set (6)")
    parser.add_argument("--room", type=int, default=800, metavar="TOKENS", help="to which contexts are cut (800)")
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[1_000, 2_000], metavar="TOKENS", help="contexts that are timed (1000 2000)"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of reuse.jsonl, .json and .md (benchmarks/results)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
