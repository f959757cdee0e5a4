"""What is kept of a chat -> what is there of the evidence. No model judges: BEAM names the messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attngs.learning.metrics import Place, merged
from attngs.types import Document
from benchmarks.beam.data import CONTRADICTION, Question

HALF = 0.5

TOUCHED, HELD, COMPLETE, FRESH, STALE, BOTH = "touched", "held", "complete", "fresh", "old alone", "both"
MEASURES = {
    TOUCHED: "share of the evidence messages of which something is kept, a sentence or more",
    HELD: "share of the evidence messages of which at least half of the characters are kept",
    COMPLETE: "share of the questions with something of every evidence message",
    FRESH: "share of the questions about a fact that changed with something of a message that says what is true now",
    STALE: "share of them with something of a message that says what was true before, and of none that says what is true now",
    BOTH: "share of the questions about a contradiction with something of every evidence message",
}


def judge(question: Question, documents: Sequence[Document], kept: Iterable[Place]) -> dict[str, float]:
    """The measures that the question has; none where there is no evidence.

    Args:
        question: With its labels.
        documents: The messages of its chat.
        kept: Characters that were kept. White space alone counts for nothing.
    """
    if not question.evidence:
        return {}
    shares = _shares(documents, kept)
    there = shares.keys() & question.evidence
    found = {
        TOUCHED: len(there) / len(question.evidence),
        HELD: sum(shares[name] >= HALF for name in there) / len(question.evidence),
        COMPLETE: float(len(there) == len(question.evidence)),
    }
    if question.updated:
        fresh = not shares.keys().isdisjoint(question.updated)
        found |= {FRESH: float(fresh), STALE: float(not fresh and not shares.keys().isdisjoint(question.original))}
    if question.ability == CONTRADICTION:
        found[BOTH] = found[COMPLETE]
    return found


def _shares(documents: Sequence[Document], kept: Iterable[Place]) -> dict[str, float]:
    """By message, the share of its characters that is kept, white space aside; messages of which nothing is kept are left out."""
    held = dict[str, int]()
    for number, start, end in merged(kept):
        held[documents[number].id] = held.get(documents[number].id, 0) + _ink(documents[number].text[start:end])
    sizes = {document.id: _ink(document.text) for document in documents}
    return {name: ink / sizes[name] for name, ink in held.items() if ink}


def _ink(text: str) -> int:
    return len("".join(text.split()))
