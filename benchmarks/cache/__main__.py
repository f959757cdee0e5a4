"""What does a chat cost with a provider that bills less for what it has seen before?

python -m benchmarks.cache [--out DIR]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console

from attngs.text.files import write_whole
from benchmarks.cache.measure import METHODS, hold_chat
from benchmarks.cache.page import tables, write_page
from benchmarks.cache.talk import sessions, turns
from benchmarks.machine import RESULTS, describe_machine, flat_json
from langchain_attngs import AttnGSCompressor


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache", description="What a chat costs with a provider's cache.")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of cache.json and .md (benchmarks/results)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    console, compressor, talk = Console(width=160), AttnGSCompressor(target_tokens=512), turns()
    results = {
        "turns": len(talk),
        "results": sum(turn.tool is not None for turn in talk),
        "memory_tokens": sum(compressor.found_counter().count([session["text"] for session in sessions()])),
        "bills": {name: hold_chat(name, talk, compressor).to_dict() for name in METHODS},
        "machine": describe_machine(),
    }
    for table in tables(results):
        console.print(table.rich())
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "cache.json"
    write_whole(path, flat_json(results))
    console.print(f"written: {path}, {write_page(results, options.out)}")


if __name__ == "__main__":
    main()
