"""Dialogues about small memories: what was said, the user's next message, and the memories that it needs.

`follow-up`s need what was said before them: pronouns, ellipses, offers that are agreed to, choices, corrections, "why?". `self-contained`
messages change the subject in the middle of a dialogue. `idle` ones need nothing: thanks, farewells, sums. All of them were
written for this benchmark, about invented people.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from attngs.types import Document, Message

Part = Literal["dev", "final"]
Kind = Literal["follow-up", "self-contained", "idle"]
PARTS: tuple[Part, ...] = ("dev", "final")
KINDS: tuple[Kind, ...] = ("follow-up", "self-contained", "idle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """What was said, the message that is to be understood, and what it needs."""

    name: str
    """Of the memory."""
    language: str
    kind: Kind
    sign: str
    """What makes it a follow-up, such as a pronoun."""
    documents: tuple[Document, ...]
    messages: tuple[Message, ...]
    """User and assistant by turns; the last one is to be understood."""
    needed: frozenset[int]
    """Numbers of the memories."""


def load_dialogues(part: Part) -> list[Dialogue]:
    """The dialogues of one half."""
    folder = Path(__file__).parent
    memories: dict[str, list[str]] = json.loads((folder / "memories.json").read_text(encoding="utf-8"))
    documents = {name: tuple(Document(text=text, id=str(n)) for n, text in enumerate(texts, 1)) for name, texts in memories.items()}
    rows = map(json.loads, (folder / "dialogues.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Dialogue(
            name=row["memory"],
            language=row["language"],
            kind=row["kind"],
            sign=row["sign"],
            documents=documents[row["memory"]],
            messages=_by_turns([*row["said"], row["message"]]),
            needed=frozenset(row["needed"]),
        )
        for row in rows
        if row["part"] == part
    ]


def _by_turns(texts: Sequence[str]) -> tuple[Message, ...]:
    return tuple(Message(("user", "assistant")[number % 2], text) for number, text in enumerate(texts))
