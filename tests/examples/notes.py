"""Memories for the people of the chatbot's tests."""

from __future__ import annotations

import json
from collections.abc import Sequence

from people import People


def write_notes(people: People, person: str, texts: Sequence[str]) -> None:
    """Keep texts as `ana-1` of 1 March 2026, `ana-2` of the day after, and so on."""
    for number, text in enumerate(texts, 1):
        write_note(people, person, f"{person}-{number}", text, f"2026-03-{number:02}")


def write_note(people: People, person: str, key: str, text: str, day: str) -> None:
    """Keep one text."""
    line = {"id": key, "text": text, "metadata": {"date": day, "source": "note"}}
    assert people.memories(person).load(json.dumps(line).encode(), "notes.jsonl") == 1
