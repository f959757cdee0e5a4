"""A unit is scored together with its heads, since it is read with them.

A heading, a table's header, the question above an answer or the name above a message often holds the words that a question asks with; the
unit below holds the answer. Scores that are made of sums over a unit, such as attention, states and words, sum over its heads too, so
nothing is read twice (`Layout.total`). What remains is a lift: a unit whose best head scores higher goes part of the way to that score. It
works on the scores of any scorer, also of a decoder and a user's own. Scores stay in their range, so probabilities stay probabilities.

Heads come first. The error that ends a Python traceback stands behind its frames, so it cannot be their head, and goes ahead of them here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attngs.types import Sentence

HEAD_WEIGHT = 0.75
"""How much a head counts beside its unit: in a sum, and how far a unit is lifted to the score of its best head.

Chosen on the development half of `benchmarks/shapes`."""

Level = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Numbers of units, each once, and of one head of each."""


def head_levels(sentences: Sequence[Sentence]) -> tuple[Level, ...]:
    """Every unit with each of its heads, in as many levels as a unit has heads at most."""
    if not any(sentence.heads for sentence in sentences):
        return ()
    numbers = {(sentence.position, sentence.start): number for number, sentence in enumerate(sentences)}
    levels = list[tuple[list[int], list[int]]]()
    for number, sentence in enumerate(sentences):
        for depth, span in enumerate(sentence.heads):
            head = numbers.get((sentence.position, span.start))
            if head is None:  # the sentences are not all of a text
                continue
            while depth >= len(levels):
                levels.append(([], []))
            levels[depth][0].append(number)
            levels[depth][1].append(head)
    return tuple((np.array(units, np.int64), np.array(heads, np.int64)) for units, heads in levels)


def lift_by_heads(sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` that count the heads in; the same where no unit has any."""
    levels = head_levels(sentences)
    if not levels:
        return scores
    own = np.array(scores)
    best = own.copy()
    for units, heads in levels:
        best[units] = np.maximum(best[units], own[heads])
    return tuple((own + HEAD_WEIGHT * (best - own)).tolist())


def errors_first(sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` in which no frame of a traceback is ahead of the error that ends it.

    The two change places.
    """
    found, first = list(scores), 0
    for number, sentence in enumerate(sentences):
        begins = sentences[first]
        if begins.kind == "frame" and (sentence.position, sentence.heads) == (begins.position, begins.heads):
            if sentence.kind == "frame":
                continue
            if sentence.kind == "event":
                best = max(range(number, first - 1, -1), key=found.__getitem__)
                found[best], found[number] = found[number], found[best]
        first = number
    return tuple(found)
