"""How far a sentence's neighbourhood speaks for it: not every text stays with its subject from one sentence to the next.

A turn of a conversation, or a sentence of an article, is about what the ones around it are about. A memory that jumps from topic to topic
is not, and there what stands around a sentence says nothing about it. The question's own scores tell which it is: where sentences score
like their neighbourhood without them, a neighbourhood's score is worth something (the random-effects view: a group's mean informs about
a member as much as members of a group are alike). As far as they do not, what belongs together is found by what it says instead: facts
that one question needs stand far apart and are like each other.
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
"""Correlation at which neighbours count fully."""
SHORT = 3
"""Sentences of a document that is about one thing, as far as anyone can tell."""
LEAST = 8
"""Sentences without which no correlation can be told."""


class Coherence(NamedTuple):
    """What else speaks for a sentence, each 0 to 1."""

    neighbours: float
    """How much the sentences around it count."""
    alike: float
    """How much the sentences elsewhere count that are like it."""


def coherence(scores: Floats, layout: Layout, sentences: Sequence[Sentence]) -> Coherence:
    """What counts in this context, by how a question scores the sentences alone.

    In a conversation only neighbours do, because turns answer each other whatever words they use. Where most sentences stand in documents
    that are too short to tell, such as the items of a memory, all of both: what is kept as one note is about one thing.

    Args:
        scores: Of each sentence alone `(S,)`.
        layout: Where they stand.
        sentences: The same sentences, for their form.
    """
    if is_conversation(sentences):
        return Coherence(1.0, 0.0)
    long = layout.last - layout.first > SHORT
    if long.sum() < max(LEAST, len(long) / 2):
        return Coherence(1.0, 1.0)
    begin, end = layout.window(SCALES["passage"])
    others = (layout.total(scores, SCALES["passage"]) - scores) / np.maximum(end - begin - 1, 1)
    alone, around = scores[long], others[long]
    if min(float(alone.std()), float(around.std())) < 1e-6:
        return Coherence(0.0, 1.0)
    neighbours = float(np.clip(np.corrcoef(alone, around)[0, 1] / FULL, 0.0, 1.0))
    return Coherence(neighbours, 1.0 - neighbours)


def is_conversation(sentences: Sequence[Sentence]) -> bool:
    """Whether most sentences begin with who says them."""
    said = sum(bool(speaker_of(LABEL.match(sentence.text.lstrip()))) for sentence in sentences)
    return 2 * said > len(sentences)
