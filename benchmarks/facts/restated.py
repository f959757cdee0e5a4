"""Does a reader get two facts where the memory tells one of them again in other words?

`restated.jsonl` holds 48 memories written by hand for this benchmark, half to choose constants on and half to test them. In each, one
fact is told fully, and once or twice more in fewer words. The question needs it and a second fact. Near facts are about somebody or
something else. The budget holds the fuller telling and the second fact; if a shorter telling is kept too, it takes the place of one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from statistics import fmean

from attngs import ContextCompressor
from attngs.types import Document
from benchmarks.facts.current import OTHERS, kept_share

MEMORIES = Path(__file__).with_suffix(".jsonl")
NOTES = 12
"""Notes of a memory, with those that have nothing to do with the question."""
AMPLE = 1_000
"""Tokens that hold any two notes."""
SLACK = 4
"""Tokens by which longer labels and other joins may raise the costs of the same two notes."""
HALF = 0.5
"""A note is kept if at least this share of its characters is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A fact that is told again, and a second one; the question needs both."""

    half: str
    query: str
    full: str
    again: Sequence[str]
    """The same fact in fewer words."""
    second: str
    near: Sequence[str]
    """Facts about somebody or something else, in words like those of the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a reader gets of a memory."""

    full: bool
    second: bool
    tellings: int
    """How many tellings of the first fact are kept, the full one among them."""


def read_memories(half: str) -> list[Memory]:
    """The memories of one half."""
    rows = [Memory(**json.loads(line)) for line in MEMORIES.read_text(encoding="utf-8").splitlines()]
    return [memory for memory in rows if memory.half == half]


def notes(memory: Memory, number: int) -> list[Document]:
    """The facts as notes among others; `number` varies the order, and every second memory has dates."""
    told = [memory.full, *memory.again, memory.second, *memory.near]
    told += [OTHERS[(number + i) % len(OTHERS)] for i in range(NOTES - len(told))]
    Random(number).shuffle(told)
    days = [date(2026, 1, 4) + timedelta(days=9 * i + number % 5) for i in range(len(told))]
    return [Document(text=text, metadata={"date": str(day)} if number % 2 else {}) for text, day in zip(told, days, strict=True)]


def measure(compressor: ContextCompressor, memories: Sequence[Memory]) -> Iterator[Outcome]:
    """What is kept of every memory."""
    for number, memory in enumerate(memories):
        documents = notes(memory, number)
        places = {document.text: (i, 0, len(document.text)) for i, document in enumerate(documents)}
        needed = [document for document in documents if document.text in (memory.full, memory.second)]
        room = compressor.compress(needed, memory.query, target_tokens=AMPLE).compressed_tokens + SLACK
        result = compressor.compress(documents, memory.query, target_tokens=room)
        kept = {text for text, place in places.items() if kept_share(result, *place) >= HALF}
        yield Outcome(full=memory.full in kept, second=memory.second in kept, tellings=len(kept & {memory.full, *memory.again}))


def summarise(held: Sequence[Outcome]) -> dict[str, float]:
    """Shares of the memories, by measure."""
    return {
        "full and second": fmean(one.full and one.second for one in held),
        "any telling and second": fmean(one.tellings > 0 and one.second for one in held),
        "full": fmean(one.full for one in held),
        "second": fmean(one.second for one in held),
        "told twice": fmean(one.tellings > 1 for one in held),
    }


def report(compressor: ContextCompressor, half: str) -> None:
    """Print the shares of one half."""
    found = summarise([*measure(compressor, read_memories(half))])
    print(f"| {half} | " + " | ".join(found) + f" |\n|---{'|---' * len(found)}|")
    print("| share | " + " | ".join(f"{value:.2f}" for value in found.values()) + " |")
