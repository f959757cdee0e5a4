"""Questions that a context can answer, and messages that have nothing to do with it.

Contexts are the example users, Maren, and the sets in files (BEAM, MemoryBank, MADial, XQuAD, ExpMRC, QMSum); `notes` are small memories,
drawn from those of users; `small` are a few facts each, written for this benchmark, with questions that share no word with the fact.
Messages that a context has nothing on are the *idle turns* of `idle.jsonl`, written for this benchmark too, and *others'
questions*, which other contexts can answer. BEAM has questions of a third kind: on what the chat is about, but not answered there.
"""

from __future__ import annotations

import io
import json
import lzma
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from attngs.learning.metrics import Place
from attngs.text.files import read_documents
from attngs.types import Document
from benchmarks.evidence.data import load_maren

Part = Literal["dev", "final"]
Kind = Literal["answerable", "unanswered", "idle", "other"]

CHATBOT = Path(__file__).parents[2] / "examples" / "chatbot"
SETS = ("users", "maren", "notes", "small", "memorybank", "madial", "xquad", "expmrc", "qmsum", "beam")
NOTES = (1, 2, 3, 5, 8, 13, 20)
"""Sizes of the small memories."""
LONGEST = 300
"""Characters of others' questions; MADial asks with whole dialogues, which stand out by their length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question that the context can answer, or that is at least on its subject."""

    query: str
    evidence: tuple[Place, ...] = ()
    """Empty where nobody marked any."""
    answered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Documents, with the questions on them."""

    set: str
    name: str
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a user may say while a context is there."""

    context: Context
    kind: Kind
    query: str
    evidence: tuple[Place, ...] = ()


def idle_turns(part: Part) -> list[str]:
    """Greetings, sums, code, translations, general knowledge: in 17 languages, one half for each part."""
    lines = (Path(__file__).parent / "idle.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(row["text"]) for row in map(json.loads, lines) if row["part"] == part]


def load_contexts(folder: Path, part: Part, sets: Sequence[str] = SETS, seed: int = 0) -> list[Context]:
    """The contexts of a part. The final part has the conversations that no constant was chosen on: the last of BEAM and MemoryBank."""
    draw = random.Random(seed)
    final = part == "final"
    found = list[Context]()
    if not final and {"users", "notes"} & set(sets):
        users = list(_users())
        found += users if "users" in sets else []
        found += _notes([*users, *_grouped(folder, "madial_user1", "madial", draw, None)], draw) if "notes" in sets else []
    if "small" in sets:
        found += _small(part)
    if not final and "maren" in sets:
        rows = load_maren()
        questions = tuple(Question(query=row.query, evidence=row.evidence) for row in rows)
        found.append(Context(set="maren", name="maren", documents=rows[0].documents, questions=questions))
    if "memorybank" in sets:
        people = _grouped(folder, "memorybank_en", "memorybank", draw, None)
        found += people[6:] if final else people[:6]
    if not final:
        for name, file, most in (
            ("madial", "madial_user1", None),
            ("xquad", "xquad12_a", 48),
            ("expmrc", "expmrc", 40),
            ("qmsum", "qmsum_train", 3),
        ):
            found += _grouped(folder, file, name, draw, most) if name in sets else []
    if "beam" in sets:
        found += _beam(folder, (4, 5, 6) if final else (1, 2, 3))
    return found


def messages(contexts: Sequence[Context], idle: Sequence[str], seed: int = 0) -> list[Message]:
    """Every question, and in each context a share of the idle turns and of others' questions: more where there are few contexts."""
    draw = random.Random(seed)
    sizes = {name: sum(context.set == name for context in contexts) for name in SETS}
    found = list[Message]()
    for context in contexts:
        for question in context.questions:
            kind: Kind = "answerable" if question.answered else "unanswered"
            found.append(Message(context=context, kind=kind, query=question.query, evidence=question.evidence))
        most = 40 if context.set == "beam" else 200
        share = max(4, min(most // sizes[context.set], len(idle)))
        found += [Message(context=context, kind="idle", query=turn) for turn in draw.sample(list(idle), share)]
        theirs = {document.text for document in context.documents}
        others = [
            question.query
            for other in contexts
            if other.set not in ("notes", context.set if context.set in ("madial", "notes") else "")
            and not theirs & {d.text for d in other.documents}
            for question in other.questions
            if question.answered and len(question.query) <= LONGEST
        ]
        found += [Message(context=context, kind="other", query=query) for query in draw.sample(others, min(len(others), share // 2 + 1))]
    return found


def _small(part: Part) -> Iterator[Context]:
    """A few facts each, as assistants write them down."""
    lines = (Path(__file__).parent / "small.jsonl").read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(map(json.loads, lines)):
        if row["part"] == part:
            documents = tuple(Document(id=str(place), text=text) for place, text in enumerate(row["facts"]))
            questions = tuple(Question(query=query) for query in row["questions"])
            yield Context(set="small", name=f"small-{number}", documents=documents, questions=questions)


def _users() -> Iterator[Context]:
    """The example users, each memory a document under its day."""
    asked = [json.loads(line) for line in (CHATBOT / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    for file in sorted((CHATBOT / "users").glob("*.jsonl")):
        memories = read_documents([file], io.BytesIO())
        numbers = {memory.id.rpartition("#")[2]: number for number, memory in enumerate(memories)}
        documents = tuple(Document(id=str(memory.metadata.get("date", memory.id)), text=memory.text) for memory in memories)
        questions = tuple(
            Question(query=row["query"], evidence=tuple((numbers[key], 0, len(documents[numbers[key]].text)) for key in row["memories"]))
            for row in asked
            if row["user"] == file.stem
        )
        yield Context(set="users", name=file.stem, documents=documents, questions=questions)


def _notes(contexts: Sequence[Context], draw: random.Random) -> Iterator[Context]:
    """Small memories: the documents that answer a question, and others of the same person."""
    for context in contexts:
        for question in draw.sample(context.questions, min(24, len(context.questions))):
            needed = sorted({number for number, _, _ in question.evidence})
            size = draw.choice(NOTES)
            rest = draw.sample([n for n in range(len(context.documents)) if n not in needed], max(0, size - len(needed)))
            kept = sorted([*needed, *rest])
            evidence = tuple((kept.index(number), start, end) for number, start, end in question.evidence)
            documents = tuple(context.documents[number] for number in kept)
            name = f"notes {context.name} {question.query}"
            yield Context(set="notes", name=name, documents=documents, questions=(Question(query=question.query, evidence=evidence),))


def _rows(folder: Path, file: str) -> Iterator[Mapping[str, Any]]:
    with lzma.open(folder / f"{file}.jsonl.xz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _grouped(folder: Path, file: str, name: str, draw: random.Random, most: int | None) -> list[Context]:
    """The rows of a file by their documents; a sample of at most so many."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in _rows(folder, file):
        groups.setdefault("\n".join(document["text"] for document in row["documents"]), []).append(row)
    chosen = list(groups.values())
    chosen = draw.sample(chosen, min(most or len(chosen), len(chosen)))
    return [
        Context(
            set=name,
            name=str(rows[0]["id"]),
            documents=tuple(Document(text=document["text"], id=document["id"]) for document in rows[0]["documents"]),
            questions=tuple(Question(query=row["query"], evidence=_places(row, rows[0]["documents"])) for row in rows),
        )
        for rows in chosen
    ]


def _beam(folder: Path, numbers: Sequence[int]) -> Iterator[Context]:
    rows = list(_rows(folder, "beam_100k_a"))
    for chat in (row for row in rows if row.get("chat") in numbers):
        asked = [row for row in rows if "query" in row and row["documents"] == chat["chat"]]
        yield Context(
            set="beam",
            name=f"beam {chat['chat']}",
            documents=tuple(Document(text=message["text"], id=message["id"]) for message in chat["documents"]),
            questions=tuple(
                Question(query=row["query"], evidence=_places(row, chat["documents"]), answered=bool(row["evidence"])) for row in asked
            ),
        )


def _places(row: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> tuple[Place, ...]:
    numbers = {document["id"]: number for number, document in enumerate(documents)}
    return tuple((numbers[piece["doc_id"]], piece["start"], piece["end"]) for piece in row["evidence"])
