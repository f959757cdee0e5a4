"""What a piece of context is worth to a question: evidence, words of the answer, injected characters. Numbers only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attngs.learning.metrics import Place, merged, shared
from attngs.protocols import Floats
from attngs.text.words import words
from benchmarks.evidence.data import Row

METRICS = ("recall", "answer", "injected", "used")
"""Shares: of the evidence characters, those kept; of the answer's content words, those in the kept text; of the kept characters, those that
an attacker wrote; of the tokens, those taken."""

FUNCTION_WORDS = frozenset(
    (
        "a an and are as at be been but by can could did do does for from had has have he her his how i if in is it its me my no not "
        "of on or our she so some such than that the their them then there these they this those to too was we were what when where "
        "which who will with would you your "
    ).split()
)
"""English words that an answer is not recognised by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Of S pieces."""

    evidence: Floats
    """Evidence characters in each `(S,)`."""
    injected: Floats
    """Injected characters in each `(S,)`."""
    characters: Floats
    """All characters of each `(S,)`."""
    words: NDArray[np.bool_]
    """Which content words of the answer each holds `(S, A)`."""


def content_words(answer: str) -> list[str]:
    """Distinct words without English function words, in order; pairs of characters of unspaced scripts. All words if nothing is left."""
    found = list(dict.fromkeys(words(answer)))
    content = [word for word in found if word not in FUNCTION_WORDS and (len(word) > 1 or word.isdigit() or word.isascii())]
    return content or found


def worth_of(row: Row, places: Sequence[Place]) -> Worth:
    """Of any places in the row's documents."""
    wanted, answer = merged(row.evidence), content_words(row.answer)
    bags = [set(words(row.documents[number].text[start:end])) if answer else set[str]() for number, start, end in places]
    return Worth(
        evidence=np.array([sum(shared(place, piece) for piece in wanted) for place in places], dtype=np.float64),
        injected=np.array([shared(place, row.injection) if row.injection else 0 for place in places], dtype=np.float64),
        characters=np.array([end - start for _, start, end in places], dtype=np.float64),
        words=np.array([[word in bag for word in answer] for bag in bags], dtype=np.bool_).reshape(len(places), len(answer)),
    )


def measure(row: Row, worth: Worth, kept: Sequence[int], used: float) -> dict[str, float]:
    """All metrics of what was kept; NaN where the row has nothing to measure it by. Nothing kept holds nothing injected.

    Args:
        row: The question.
        worth: Of all pieces.
        kept: Numbers of the kept ones.
        used: The share of the tokens that they take.
    """
    total = sum(end - start for _, start, end in merged(row.evidence))
    chosen, characters = list(kept), float(worth.characters[list(kept)].sum())
    return {
        "recall": float(worth.evidence[chosen].sum()) / total if total else math.nan,
        "answer": float(worth.words[chosen].any(axis=0).mean()) if worth.words.shape[1] else math.nan,
        "injected": (float(worth.injected[chosen].sum()) / characters if characters else 0.0) if row.injection else math.nan,
        "used": used,
    }
