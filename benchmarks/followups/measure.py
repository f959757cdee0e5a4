"""Dialogues and ways to read them -> how often the memories are kept, and idle messages shown nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attngs import ContextCompressor, GreedySelector, Marker, Question, as_question
from attngs.selection.selector import MEMORY_FLOOR
from attngs.types import Message
from benchmarks.followups.data import KINDS, Dialogue

BUDGETS = (24, 40)
"""Tokens: about two memories and about three."""
OURS = "attngs"


def _always(messages: Sequence[Message]) -> Question:
    """Read with the turn before, whatever the message is."""
    *before, last = messages
    return Question(text=last.content, background="\n".join(message.content for message in before[-2:]))


READINGS: Mapping[str, Callable[[Sequence[Message]], str | Question]] = {
    "last message": lambda messages: messages[-1].content,
    "all turns joined": lambda messages: "\n".join(message.content for message in messages),
    "always with the turn before": _always,
    OURS: as_question,
}
"""Ways to tell what is asked."""


def measure(marker: Marker, dialogues: Sequence[Dialogue]) -> dict[str, Any]:
    """By way and kind, the share of dialogues whose memories are kept, at each budget.

    Of idle messages, the share that is shown nothing.
    """
    plain, floored = (ContextCompressor(marker, selector=GreedySelector(min_score=floor)) for floor in (None, MEMORY_FLOOR))
    found: dict[str, Any] = {}
    for name, read in READINGS.items():
        for kind in KINDS:
            own = [dialogue for dialogue in dialogues if dialogue.kind == kind]
            if kind == "idle":
                silent = [not _kept(floored, dialogue, read, BUDGETS[-1]) for dialogue in own]
                found.setdefault(name, {})[kind] = {"all": _mean(silent)}
                continue
            kept = {n: [dialogue.needed <= _kept(plain, dialogue, read, n) for dialogue in own] for n in BUDGETS}
            for group, inside in (("all", None), ("English", True), ("other languages", False)):
                found.setdefault(name, {}).setdefault(kind, {})[group] = [
                    _mean([k for k, d in zip(kept[n], own, strict=True) if inside in (None, d.language == "en")]) for n in BUDGETS
                ]
    return found


def told_apart(dialogues: Sequence[Dialogue]) -> dict[str, list[int]]:
    """By kind: how many dialogues are taken for what they are, and how many there are."""
    right = {
        kind: [bool(as_question(d.messages).background) == (kind == "follow-up") for d in dialogues if d.kind == kind] for kind in KINDS
    }
    return {kind: [sum(values), len(values)] for kind, values in right.items()}


def _kept(compressor: ContextCompressor, dialogue: Dialogue, read: Callable[[Sequence[Message]], str | Question], budget: int) -> set[int]:
    """Numbers of the memories of which something is kept."""
    result = compressor.compress(dialogue.documents, read(dialogue.messages), target_tokens=budget, namespace=dialogue.name)
    return {source.position for source in result.kept}


def _mean(values: Sequence[bool]) -> float:
    return round(sum(values) / max(1, len(values)), 3)
