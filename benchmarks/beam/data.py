"""BEAM (Tavakoli et al., ICLR 2026): chats of about 140,000 tokens, twenty questions each, and the messages that answer them.

The file has one JSON object a line: `{chat, documents}` for a chat, with a document for each message, and a question with the number of its
chat under `documents`. Constants may be chosen on the chats of `DEVELOPMENT`; the number that counts is that of `FINAL`.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attngs.types import Document

FILE = "beam_100k_a.jsonl.xz"
DEVELOPMENT, FINAL = (1, 2, 3), (4, 5, 6)
ABSTENTION, UPDATE, CONTRADICTION = "abstention", "knowledge_update", "contradiction_resolution"
ABILITIES = {
    "information_extraction": "one fact",
    UPDATE: "a fact that changed",
    CONTRADICTION: "both sides of a contradiction",
    "preference_following": "a preference",
    "instruction_following": "a standing instruction",
    "temporal_reasoning": "time between events",
    "multi_session_reasoning": "facts of several sessions",
    "event_ordering": "the order of events",
    "summarization": "a summary",
    ABSTENTION: "no answer in the chat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about a chat."""

    id: str
    ability: str
    query: str
    chat: int
    evidence: frozenset[str]
    """The messages that BEAM names, of user and assistant; none for a question that the chat does not answer."""
    original: frozenset[str] = frozenset()
    """Of a fact that changed: the messages that say what was true before."""
    updated: frozenset[str] = frozenset()
    """Of a fact that changed: the messages that say what is true now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One chat with its questions."""

    number: int
    documents: tuple[Document, ...]
    """The messages, in order."""
    questions: tuple[Question, ...]


def load_chats(path: Path, numbers: Collection[int] | None = None, limit: int | None = None) -> list[Chat]:
    """The chats with their questions.

    Args:
        path: The file, or its folder.
        numbers: Which chats; all when not given.
        limit: Questions of each chat, from the front; all when not given.
    """
    chats: dict[int, tuple[Document, ...]] = {}
    questions: dict[int, list[Question]] = {}
    for row in _rows(path / FILE if path.is_dir() else path):
        if "chat" in row:
            chats[int(row["chat"])] = tuple(Document(**document) for document in row["documents"])
        else:
            question = _question(row)
            questions.setdefault(question.chat, []).append(question)
    return [
        Chat(number=number, documents=documents, questions=tuple(questions.get(number, ())[:limit]))
        for number, documents in sorted(chats.items())
        if numbers is None or number in numbers
    ]


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _question(row: Mapping[str, Any]) -> Question:
    meta = row["meta"]
    return Question(
        id=row["id"],
        ability=row["task"].rpartition("/")[2],
        query=row["query"],
        chat=int(row["documents"]),
        evidence=frozenset(meta["evidence_messages"]),
        original=frozenset(meta["original"]),
        updated=frozenset(meta["updated"]),
    )
