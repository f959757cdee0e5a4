"""A unit is read with its heads, so what they are worth counts for it.

A heading, a table's header, the question above an answer or the name above a message often holds the words that a question asks with; the
unit below holds the answer. A unit whose best head scores higher is lifted part of the way towards it. Scores stay in their range, so
probabilities stay probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.types import Sentence

HEAD_WEIGHT = 0.75
"""Part of the way from a unit's own score to that of its best head."""


def lift_by_heads(sentences: Sequence[Sentence], scores: Sequence[float]) -> tuple[float, ...]:
    """Scores `(S,)` that count the heads in; equal to `scores` where no unit has any."""
    if not any(sentence.heads for sentence in sentences):
        return tuple(scores)
    places = {(sentence.position, sentence.start): score for sentence, score in zip(sentences, scores, strict=True)}
    lifted = list[float]()
    for sentence, score in zip(sentences, scores, strict=True):
        heads = [places[key] for head in sentence.heads if (key := (sentence.position, head.start)) in places]
        lifted.append(score + HEAD_WEIGHT * max(0.0, max(heads) - score) if heads else score)
    return tuple(lifted)
