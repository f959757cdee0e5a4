"""How much a sentence's neighbourhood says about it: not every text stays with its subject.

A turn of a conversation, or a sentence of an article, is about the same thing as those around it. In a memory that jumps from topic to
topic, neighbours say nothing about each other. The question's own scores tell the two apart: where sentences score like the rest of their
neighbourhood, a neighbourhood's score is worth something (the random-effects view: a group's mean informs about a member as much as members
of a group are alike). Where they do not, likeness takes its place: facts that one question needs stand far apart and are like each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from attngs.marking.scales import SCALES, Layout
from attngs.protocols import Floats
from attngs.text.speakers import LABEL, speaker_of
from attngs.types import Sentence

FULL = 0.2
"""Correlation from which neighbours count fully."""
SHORT = 3
"""Sentences of a document that is too short to change its subject."""
LEAST = 8
"""Fewest sentences from which a correlation means something."""
APART = 0.9
"""Share of the sentences that are documents of their own, from which there are no neighbours to speak of."""


class Coherence(NamedTuple):
    """How much other sentences count for a sentence, each 0 to 1."""

    neighbours: float
    """Weight of the sentences around it."""
    alike: float
    """Weight of sentences elsewhere that are like it."""


def coherence(scores: Floats, layout: Layout, *, conversation: bool) -> Coherence:
    """How much neighbours and likeness count in this context, judged by the scores of single sentences.

    In a conversation only neighbours count, because turns answer each other whatever words they use. Where most sentences stand in short
    documents, such as the items of a memory, both count fully: one note is about one thing. Where nearly every sentence is a document, all
    scales would say the same again, so only likeness counts.

    Args:
        scores: The question's score of each sentence by itself `(S,)`.
        layout: Where the sentences stand.
        conversation: Whether the context is one (`is_conversation`).
    """
    if conversation:
        return Coherence(1.0, 0.0)
    sizes = layout.last - layout.first
    if len(sizes) and (sizes == 1).mean() >= APART:
        return Coherence(0.0, 1.0)
    long = sizes > SHORT
    if long.sum() < max(LEAST, len(long) / 2):
        return Coherence(1.0, 1.0)
    begin, end = layout.window(SCALES["passage"])
    others = (layout.total(scores, SCALES["passage"]) - scores) / np.maximum(end - begin - 1, 1)
    neighbours = agreement(scores[long], others[long])
    return Coherence(neighbours, 1.0 - neighbours)


def agreement(alone: Floats, around: Floats) -> float:
    """How far sentences score like those around them, 0 to 1, both `(S,)`; 0 where all score the same."""
    if min(float(alone.std()), float(around.std())) < 1e-6:
        return 0.0
    return float(np.clip(np.corrcoef(alone, around)[0, 1] / FULL, 0.0, 1.0))


def is_conversation(sentences: Sequence[Sentence]) -> bool:
    """Whether most sentences begin with the name of a speaker."""
    return 2 * sum(begins_with_speaker(sentence.text) for sentence in sentences) > len(sentences)


def begins_with_speaker(text: str) -> bool:
    """Whether a unit begins with the name of a speaker."""
    return bool(speaker_of(LABEL.match(text.lstrip())))
