"""A unit is read with its heads, so what they are worth counts for it.

A heading, a table's header, the question above an answer or the name above a message often holds the words that a question asks with; the
unit below holds the answer. A unit whose best head scores higher is lifted most of the way to that score. Scores stay in their range, so
probabilities stay probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.types import Sentence

HEAD_WEIGHT = 0.75
"""How far a unit is lifted from its own score to that of its best head; chosen on the development half of `benchmarks/shapes`."""


def lift_by_heads(sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` that count the heads in; the same where no unit has any."""
    if not any(sentence.heads for sentence in sentences):
        return scores
    places = {(sentence.position, sentence.start): score for sentence, score in zip(sentences, scores, strict=True)}

    def lifted(sentence: Sentence, score: float) -> float:
        heads = (places.get((sentence.position, head.start), score) for head in sentence.heads)
        return score + HEAD_WEIGHT * max(0.0, max(heads, default=score) - score)

    return tuple(lifted(sentence, score) for sentence, score in zip(sentences, scores, strict=True))
