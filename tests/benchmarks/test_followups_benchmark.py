"""The follow-ups benchmark: its dialogues can be measured, and messages are told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from attngs import Document, Marker, Message
from benchmarks.followups.data import KINDS, PARTS, Dialogue, load_dialogues
from benchmarks.followups.measure import OURS, measure, told_apart
from benchmarks.followups.page import write_page

NOTES = tuple(
    Document(text=text, id=str(number))
    for number, text in enumerate(
        ["Emre's aunt Selin restores clocks in a small shop.", "Vera's aunt Ludmila breeds goats.", "Emre sells carpets."] * 5, 1
    )
)


def dialogue(kind: str, *said: str, needed: int = 0) -> Dialogue:
    messages = tuple(Message(("user", "assistant")[number % 2], text) for number, text in enumerate(said))
    return Dialogue(name="n", language="en", kind=kind, sign="", documents=NOTES, messages=messages, needed=frozenset({needed}))  # type: ignore[arg-type]


@pytest.mark.parametrize("part", PARTS)
def test_the_dialogues_are_what_the_page_says(part: str) -> None:
    found = load_dialogues(part)  # type: ignore[arg-type]
    assert len(found) > 60
    assert {d.kind for d in found} == set(KINDS)
    assert len({d.language for d in found}) >= 10
    for d in found:
        assert d.messages[-1].role == "user"
        assert bool(d.needed) == (d.kind != "idle")
        assert all(0 <= number < len(d.documents) for number in d.needed)
        assert 8 <= len(d.documents) <= 25


def test_the_halves_share_no_dialogue() -> None:
    dev, final = ({d.messages for d in load_dialogues(part)} for part in PARTS)
    assert not dev & final


def test_messages_are_told_apart() -> None:
    rows = [
        dialogue("follow-up", "What does Emre sell?", "Carpets.", "And his aunt?"),
        dialogue("follow-up", "What does Emre sell?", "Carpets.", "Who breeds goats in the valley?"),
        dialogue("self-contained", "What does Emre sell?", "Carpets.", "Who breeds goats in the valley?"),
        dialogue("idle", "What does Emre sell?", "Carpets.", "thanks"),
    ]
    assert told_apart(rows) == {"follow-up": [1, 2], "self-contained": [1, 1], "idle": [1, 1]}


def test_dialogues_are_measured_and_a_page_is_made(tmp_path: Path, default_marker: Marker) -> None:
    rows = [*load_dialogues("dev")[:6], *(d for d in load_dialogues("dev") if d.kind == "idle" and d.language == "en")]
    ways = measure(default_marker, rows)
    assert ways[OURS]["follow-up"]["all"][1] > ways["last message"]["follow-up"]["all"][1]
    assert ways[OURS]["idle"] == ways["last message"]["idle"]
    machine = {"date": "today", "code": "1", "cpu": "any"}
    page = write_page({"dev": {"machine": machine, "told_apart": told_apart(rows), "ways": ways}}, tmp_path)
    assert "Development half" in page.read_text(encoding="utf-8")
