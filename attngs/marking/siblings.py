"""A short document is shown rather whole than in pieces: what stands beside a good sentence gains.

A memory is often a few sentences about one thing: "900 repaid to Rui. Seventeen to go." The one that shares words with the question scores
best, and what it means stands next to it. In a document of a few sentences, each is lifted part of the way to the score of the best.

It is lifted as far as sentences of one document score alike for this question. Where facts were put together that have nothing to do with
each other, they do not, and nothing is lifted. Neither is anything in a conversation, whose messages answer each other.

`LIFT` was chosen on MADial, Maren, meetings of QMSum, and chats of MemoryBank and BEAM (1 to 3), with a look at the example users;
`FEW` is a round number that was not varied.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.marking.coherence import LEAST, agreement
from attngs.marking.scales import Layout
from attngs.protocols import Floats
from attngs.types import Sentence

FEW = 5
"""Sentences of a document that is short enough to be shown whole."""
LIFT = 0.5
"""How far a sentence is lifted to the score of the best one beside it."""


def have_siblings(layout: Layout) -> NDArray[np.bool_]:
    """Which sentences stand with a few others in one document `(S,)`."""
    sizes = layout.last - layout.first
    return np.asarray((sizes > 1) & (sizes <= FEW))


def are_whole(sentences: Sequence[Sentence], layout: Layout) -> NDArray[np.bool_]:
    """Which sentences stand in a document that is there as a whole `(S,)`.

    A search may have found only some sentences of a long one.
    """
    lengths = np.array([sentence.end - sentence.start for sentence in sentences], dtype=np.float64)
    whole = np.array([len(sentence.document.text) for sentence in sentences], dtype=np.float64)
    return np.asarray(layout.total(lengths, None) == whole)


def lift_by_siblings(scores: Floats, alone: Floats, layout: Layout, siblings: NDArray[np.bool_]) -> Floats:
    """Scores `(S,)` that count the best sentence of a short document in.

    Args:
        scores: Of the sentences.
        alone: What each scores by itself, without its neighbours.
        layout: Where they stand.
        siblings: As `have_siblings` has them.
    """
    if siblings.sum() < LEAST:
        return scores
    others = (layout.total(alone, None) - alone)[siblings] / (layout.last - layout.first - 1)[siblings]
    gain = LIFT * agreement(alone[siblings], others)
    return np.where(siblings, scores + gain * (layout.highest(scores, None) - scores), scores)
