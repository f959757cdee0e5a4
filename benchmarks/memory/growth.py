"""What a question costs as a memory grows, measured by a process of its own: `python -m benchmarks.memory.growth MEMORY < QUESTIONS`.

A memory of millions of tokens is made of copies of BEAM's chats 1 to 3 under other ids. So it is synthetic: the copies of a message say the
same, and all of them are found. No question is asked twice, but for a second round, in which the marker forgets all that it holds in RAM
before each question.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from statistics import median

import torch

from attngs import CompressedContext, Memory
from attngs.memory.store import NewRow, Reading, Store
from benchmarks.memory.recall import NAMESPACE

BUDGET = 512


def grown(bases: Sequence[Path], path: Path, tokens: int) -> Path:
    """A memory of just over so many tokens, made of copies of other memories, the last of them in part."""
    if path.exists():
        return path
    stores = [Store(base, NAMESPACE, 60.0) for base in bases]
    with stores[0].read() as reader:
        known = reader.namespace()
    assert known is not None
    store = Store(path, NAMESPACE, 60.0)
    with store.write() as writer:
        writer.rename_reader(known.reader)
    copy = there = 0
    while there < tokens:
        there += _copy(stores[copy % len(stores)], store, copy, tokens - there)
        copy += 1
    return path


def _copy(base: Store, store: Store, copy: int, room: int) -> int:
    """Copy documents of one memory into another until there is no more room, and return their tokens."""
    with base.read() as reader:
        rows = list(reader.rows(reader.numbers()))
        before = accumulate((row.tokens for row in rows), initial=0)
        rows = [row for row, tokens in zip(rows, before, strict=False) if tokens < room]
        documents = reader.documents([row.number for row in rows])
        numbers = [row.first + at for row in rows for at in range(len(row.units))]
        words = [each for row in rows for each in reader.readings(row.first, len(row.units))]
        states = reader.states(numbers)
    renamed = [replace(documents[row.number], id=f"{copy}-{row.id}") for row in rows]
    new = [NewRow(document=one, units=row.units, sizes=row.sizes, tokens=row.tokens) for one, row in zip(renamed, rows, strict=True)]
    with store.write() as writer:
        writer.add(new, (Reading(*both, states[number]) for both, number in zip(words, numbers, strict=True)))
    return sum(row.tokens for row in rows)


def main(path: Path, questions: Sequence[str]) -> None:
    """Ask a memory, and print what it took as JSON."""
    torch.set_num_threads(1)
    began = time.process_time()
    memory = Memory.open(path, namespace=NAMESPACE, min_score=0.0)
    opened = time.process_time() - began
    began = time.process_time()
    memory.ask(questions[0], target_tokens=BUDGET)
    first = time.process_time() - began
    result, warm = _asked(memory, questions[1:])
    asked_mb = _peak()
    began = time.process_time()
    (name,) = memory.add("A new line is added to the memory.")
    added = 1e3 * (time.process_time() - began)
    began = time.process_time()
    memory.ask(questions[1], target_tokens=BUDGET)
    then = 1e3 * (time.process_time() - began)
    began = time.process_time()
    memory.delete(name)
    deleted = 1e3 * (time.process_time() - began)
    _, cold = _asked(memory, questions[1:], forget=memory.marker.forget)
    found = {
        "tokens": result.original_tokens,
        "documents": len(memory),
        "candidates": len(result.kept) + len(result.dropped),
        "file_mb": round(path.stat().st_size / 1e6),
        "open_s": round(opened, 2),
        "first_s": round(first, 2),
        "ask_ms": round(median(warm), 1),
        "ask_worst_ms": round(max(warm), 1),
        "ask_cold_ms": round(median(cold), 1),
        "add_ms": round(added, 1),
        "ask_after_add_ms": round(then, 1),
        "delete_ms": round(deleted, 1),
        "asked_mb": asked_mb,
        "peak_mb": _peak(),
    }
    print(json.dumps(found))


def _peak() -> int:
    """Megabytes that this process had at its peak."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _asked(memory: Memory, questions: Sequence[str], forget: Callable[[], None] = lambda: None) -> tuple[CompressedContext, list[float]]:
    """The last answer, and the milliseconds of each; before each question, something may be forgotten."""
    times = list[float]()
    for question in questions:
        forget()
        began = time.process_time()
        result = memory.ask(question, target_tokens=BUDGET)
        times.append(1e3 * (time.process_time() - began))
    return result, times


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin))
