"""Generated personal memories, from the bank that the embedded marker is trained with, but of topics that training never sees.

They need the folder `training/` of the repository; without it they are left out.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

from benchmarks.evidence.data import Row, language_group, sampled

HELD_OUT = frozenset("pets garden technology sport film mobility celebrations".split())
"""Topics that training leaves out, unless `training.bank.HELD_OUT` says otherwise."""
LEAST, MOST = 8, 40
"""Items of one memory; a language with fewer than `LEAST` is left out."""
ASKED = 2
"""Questions about each item."""
MEMORIES = 12
"""Of each language."""

KINDS = {
    "memory_en": "English",
    "memory_hop": "two memories",
    "memory_chat": "chats",
    "memory_other": "other languages",
}
"""The sets, and what is in them."""


def available() -> bool:
    """Whether there is a bank to draw from."""
    return find_spec("training") is not None and find_spec("training.memories") is not None


def load_generated(name: str, *, limit: int | None = None, seed: int = 0) -> list[Row]:
    """One of the sets; empty when the bank has too few items of its kind."""
    bank, generator = importlib.import_module("training.bank"), importlib.import_module("training.memories")
    held_out = getattr(bank, "HELD_OUT", HELD_OUT)
    pool = [item for item in bank.load_bank() if item.topic in held_out and _belongs(name, item)]
    rows: list[Row] = []
    for language in sorted({item.lang for item in pool}):
        items = [item for item in pool if item.lang == language]
        if len(items) < LEAST:
            continue
        sizes = (min(LEAST + 2, len(items)), min(MOST, len(items)))
        for memory in generator.memories(items, MEMORIES, seed=1_000_003 + seed, facts=sizes, questions=ASKED):
            rows.extend(_row(example, language) for example in memory if example.evidence)
    chosen = sampled(rows, limit, seed)
    return sorted(chosen, key=lambda row: row.cluster)


def _belongs(name: str, item: Any) -> bool:
    if item.kind in ("hop", "chat"):
        return name == f"memory_{item.kind}"
    return name == ("memory_en" if item.lang == "en" else "memory_other")


def _row(example: Any, language: str) -> Row:
    """One memory is one cluster; its languages are apart."""
    return Row(
        query=example.query,
        documents=example.documents,
        evidence=example.evidence,
        language=language_group(language),
        cluster=f"{language} {example.group}",
    )
