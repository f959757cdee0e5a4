"""How much of the evidence a memory keeps that a look at everything keeps, at the same budget."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from attngs import Document, Marker, Memory
from attngs.learning.metrics import Place, merged
from benchmarks.beam.data import Question, load_chats
from benchmarks.beam.judge import TOUCHED, judge

SHARE = 0.05
"""The budget, as a share of the tokens of all documents."""
EVERYTHING = 10**9
"""Tokens of candidates: all there are."""
NAMESPACE = "u"
MESSAGES = 20
"""Of a chat that are one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question."""

    id: str
    kind: str
    """What it asks for, in the words of its set."""
    text: str
    judged: Callable[[Sequence[Place]], float]
    """How much of its evidence stands in some places of the documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Documents with questions about them."""

    name: str
    documents: Sequence[Document]
    questions: Sequence[Asked]

    @property
    def set(self) -> str:
        """Of which set it is."""
        return self.name.rstrip("0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question at one budget."""

    set: str
    case: str
    question: str
    budget: int
    whole: float
    """Share of the evidence that a look at everything keeps."""
    memory: float
    """Share that the memory keeps."""


def beam(data: Path, numbers: Sequence[int]) -> Iterator[Case]:
    """Chats of BEAM; evidence counts by message, of which a sentence or more is kept."""
    for chat in load_chats(data, numbers):
        asked = [
            Asked(id=each.id, kind=each.ability, text=each.query, judged=partial(_messages, each, chat.documents))
            for each in chat.questions
            if each.evidence
        ]
        yield Case(name=f"beam{chat.number}", documents=chat.documents, questions=asked)


def sessions(data: Path, numbers: Sequence[int]) -> Iterator[Case]:
    """The same chats, as an export has them: twenty messages are one text."""
    for chat in load_chats(data, numbers):
        documents, places = list[Document](), dict[str, Place]()
        for number in range(-(-len(chat.documents) // MESSAGES)):
            text = ""
            for message in chat.documents[number * MESSAGES : (number + 1) * MESSAGES]:
                speaker = str(message.metadata.get("role", "user")).capitalize()
                begin = len(text) + len(speaker) + 2
                text += f"{speaker}: {' '.join(message.text.split())}\n"
                places[message.id] = (number, begin, len(text) - 1)
            documents.append(Document(text=text, id=str(number)))
        asked = [
            Asked(id=each.id, kind=each.ability, text=each.query, judged=partial(_touched, [places[name] for name in each.evidence]))
            for each in chat.questions
            if each.evidence
        ]
        yield Case(name=f"session{chat.number}", documents=documents, questions=asked)


def meetings(data: Path, count: int) -> Iterator[Case]:
    """Meetings of QMSum; evidence counts by character."""
    found = dict[str, list[dict[str, Any]]]()
    with lzma.open(data / "qmsum_val.jsonl.xz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            found.setdefault(row["documents"][0]["id"], []).append(row)
    for number, rows in enumerate(list(found.values())[:count]):
        documents = [Document(**each) for each in rows[0]["documents"]]
        asked = [
            Asked(id=row["id"], kind="meeting", text=row["query"], judged=partial(_characters, row, documents))
            for row in rows
            if row["evidence"]
        ]
        yield Case(name=f"qm{number}", documents=documents, questions=asked)


def measure(case: Case, marker: Marker, folder: Path, budgets: Sequence[int]) -> Iterator[Row]:
    """The rows of one case; its memory stays in the folder for the next run."""
    with (
        Memory.open(folder / f"{case.name}.db", namespace=NAMESPACE, marker=marker, min_score=0.0) as memory,
        Memory.open(folder / f"{case.name}.db", namespace=NAMESPACE, marker=marker, min_score=0.0, room=EVERYTHING) as whole,
    ):
        if not len(memory):
            memory.add(case.documents)
        places = {document.id: number for number, document in enumerate(case.documents)}
        shown_budgets = with_share(budgets, memory.counter.count([document.text for document in case.documents]))
        for asked in case.questions:
            for shown, budget in shown_budgets:
                results = [each.ask(asked.text, target_tokens=budget) for each in (whole, memory)]
                kept = [asked.judged([(places[one.document_id], one.start, one.end) for one in result.kept]) for result in results]
                yield Row(set=case.set, case=case.name, question=asked.id, budget=shown, whole=round(kept[0], 4), memory=round(kept[1], 4))
    marker.forget()


def with_share(budgets: Sequence[int], sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Budgets as rows show them and in tokens: those that are given, and as 0 the share of documents of these sizes."""
    return [*((budget, budget) for budget in budgets), (0, int(SHARE * sum(sizes)))]


def plain(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows for JSON."""
    return [asdict(row) for row in rows]


def _messages(question: Question, documents: Sequence[Document], places: Sequence[Place]) -> float:
    """The share of a question's messages of which something is kept."""
    return judge(question, documents, places)[TOUCHED]


def _touched(wanted: Sequence[Place], places: Sequence[Place]) -> float:
    """The share of some places of which something is kept."""
    return fmean(any(where == number and start < end and stop > begin for where, start, stop in places) for number, begin, end in wanted)


def _characters(row: dict[str, Any], documents: Sequence[Document], places: Sequence[Place]) -> float:
    """The share of a question's evidence that is kept, by character."""
    number = {document.id: place for place, document in enumerate(documents)}
    wanted = {(number[each["doc_id"]], at) for each in row["evidence"] for at in range(each["start"], each["end"])}
    there = {(place, at) for place, start, end in merged(places) for at in range(start, end)}
    return len(wanted & there) / max(len(wanted), 1)
