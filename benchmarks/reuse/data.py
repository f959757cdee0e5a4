"""Questions whose context is cut to a size that a small decoder reads in seconds."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence
from benchmarks.evidence.data import Raw, sampled

SETS = ("qmsum_val", "expmrc", "memorybank_en")

LEAD = 0.3
"""Share of the room that goes to what stands before the first piece of evidence, where there is that much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its cut context."""

    name: str
    cluster: str
    """Questions of one cluster share their documents."""
    query: str
    answer: str
    """Empty where nobody gave one."""
    sentences: Sequence[Sentence]


def load(folder: Path, name: str, count: int, room: int, tokens: Callable[[str], int], seed: int = 0) -> list[Question]:
    """A seeded sample of the English questions of a set, without those whose answer is the letter of a choice.

    Args:
        folder: With the data.
        name: Of the set.
        count: How many.
        room: Most tokens of a context.
        tokens: Of a text.
        seed: Of the sample.
    """
    with lzma.open(folder / f"{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["meta"].get("lang", "en") == "en" and row["task"] != "mc_evidence"]
    return [_question(row, room, tokens) for row in sampled(rows, count, seed)]


def _question(row: Raw, room: int, tokens: Callable[[str], int]) -> Question:
    documents = [Document(text=document["text"], id=document["id"]) for document in row["documents"]]
    units = [
        Sentence(document=document, position=i, start=span.start, end=span.end)
        for i, document in enumerate(documents)
        for span in split_sentences(document.text, "sentence")
    ]
    sizes = [tokens(unit.text) for unit in units]
    places = {(piece["doc_id"], piece["start"]) for piece in row["evidence"]}
    first = next((i for i, u in enumerate(units) if any(u.document.id == d and u.start <= at < u.end for d, at in places)), 0)
    begin, before = first, 0
    while begin and before + sizes[begin - 1] <= LEAD * room:
        begin -= 1
        before += sizes[begin]
    end, size = begin, 0
    while end < len(units) and size + sizes[end] <= room:
        size += sizes[end]
        end += 1
    return Question(
        name=row["id"],
        cluster="\n".join(sorted(str(document.id) for document in documents)),
        query=row["query"],
        answer=row["answer"] or "",
        sentences=units[begin:end],
    )
