"""The sets: where their questions come from, and which of them are left out together.

Most sets mark whole memories, messages or stretches of a meeting as evidence, which favours scores that look at a sentence's neighbours.
So there are two more kinds. `*_apart` makes every sentence a document of its own, as memories are that an assistant wrote down one by one.
MemoryBank's chats have no labels of their own; `memorybank.json` names the lines that answer each question. They were read and chosen for
this benchmark by a language model, before anything was measured on them.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from attngs import Document
from attngs.marking.cutting import Cutter
from attngs.reading.context_cache import ContextCache
from attngs.text.sentences import Splitter
from benchmarks.beam.data import DEVELOPMENT, Chat, load_chats
from benchmarks.evidence.data import Row
from benchmarks.evidence.sets import load_set
from benchmarks.floor.data import load_contexts

Load = Callable[[Path], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One set."""

    title: str
    fold: str
    """Sets of one fold share texts or authors, and are left out together."""
    load: Load
    """From the data folder."""
    personal: bool = True
    """Whether it is about a person's memory or a conversation."""


def _evidence_set(name: str) -> Load:
    def load(folder: Path) -> list[Row]:
        found = load_set(name, folder, None, 0)
        return [] if isinstance(found, str) else [row for row in found if row.evidence]

    return load


def _apart(whole: Load) -> Load:
    return lambda folder: apart(whole(folder))


def apart(rows: Sequence[Row]) -> list[Row]:
    """The same questions, with every unit of the documents as a document of its own."""
    cutter, found = Cutter(Splitter(), ContextCache()), list[Row]()
    for row in rows:
        documents, evidence = list[Document](), list[tuple[int, int, int]]()
        for unit in cutter.cut(row.documents, ""):
            text = unit.text.rstrip()
            if not text:
                continue
            for number, start, end in row.evidence:
                begin, stop = max(start - unit.start, 0), min(end - unit.start, len(text))
                if number == unit.position and begin < stop:
                    evidence.append((len(documents), begin, stop))
            documents.append(Document(text=text, id=f"document-{len(documents) + 1}"))
        found.append(replace(row, documents=tuple(documents), evidence=tuple(evidence)))
    return found


def _users(folder: Path) -> list[Row]:
    return [
        Row(query=question.query, documents=context.documents, evidence=question.evidence, cluster=context.name)
        for context in load_contexts(folder, "dev", ["users"])
        for question in context.questions
        if question.evidence
    ]


def _memorybank(folder: Path) -> list[Row]:
    labels: dict[str, list[list[int]]] = json.loads(Path(__file__).with_name("memorybank.json").read_text(encoding="utf-8"))
    with lzma.open(folder / "memorybank_en.jsonl.xz", "rt", encoding="utf-8") as lines:
        raw = [row for row in map(json.loads, lines) if row["id"] in labels]
    found = list[Row]()
    for row in raw:
        documents = tuple(Document(text=document["text"], id=document["id"]) for document in row["documents"])
        evidence = tuple((day, *_line(documents[day].text, number)) for day, number in labels[row["id"]])
        found.append(Row(query=row["query"], documents=documents, evidence=evidence, cluster=row["id"].split("-")[1]))
    return found


def _line(text: str, number: int) -> tuple[int, int]:
    """Start and end of a line."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[:number])
    return start, start + len(lines[number])


def _beam(folder: Path) -> list[Row]:
    return [row for chat in load_chats(folder, DEVELOPMENT) for row in _asked(chat)]


def _asked(chat: Chat) -> Iterator[Row]:
    numbers = {document.id: number for number, document in enumerate(chat.documents)}
    for question in chat.questions:
        messages = sorted(numbers[name] for name in question.evidence if chat.documents[numbers[name]].metadata["role"] == "user")
        evidence = tuple((number, 0, len(chat.documents[number].text)) for number in messages)
        if evidence:
            yield Row(query=question.query, documents=chat.documents, evidence=evidence, cluster=str(chat.number))


SETS: dict[str, Source] = {
    "users": Source(title="example users", fold="users", load=_users),
    "users_apart": Source(title="example users, apart", fold="users", load=_apart(_users)),
    "maren": Source(title="Maren", fold="maren", load=_evidence_set("maren")),
    "madial": Source(title="MADial", fold="madial", load=_evidence_set("madial_user1")),
    "memorybank": Source(title="MemoryBank", fold="memorybank", load=_memorybank),
    "beam": Source(title="BEAM, chats 1-3", fold="beam", load=_beam),
    "qmsum": Source(title="QMSum", fold="qmsum", load=_evidence_set("qmsum_val")),
    "memory_en": Source(title="generated", fold="generated", load=_evidence_set("memory_en")),
    "memory_apart": Source(title="generated, apart", fold="generated", load=_apart(_evidence_set("memory_en"))),
    "memory_hop": Source(title="generated, two facts", fold="generated", load=_evidence_set("memory_hop")),
    "memory_chat": Source(title="generated, chats", fold="generated", load=_evidence_set("memory_chat")),
    "expmrc": Source(title="ExpMRC", fold="expmrc", load=_evidence_set("expmrc"), personal=False),
    "xquad": Source(title="XQuAD", fold="xquad", load=_evidence_set("xquad12_a"), personal=False),
}
