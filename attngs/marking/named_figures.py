"""A question can name a thing by its number: "which machine does press 2 replace?".

Its neighbours, press 3 and invoice 8842, say nearly the same in nearly the same words, and states hardly tell numbers apart. So the best
units gain where they, or a head of theirs, have the number behind the same word; in a table the word may be the name of the column.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from attngs.marking.scales import raised
from attngs.text.words import words
from attngs.types import Sentence

GAIN = 1.0
"""What such a unit gains, in standard deviations of the context's scores."""
BEST = 64
"""Units that are looked at, the best first: those that a budget may hold."""
LONGEST = 600
"""Characters of a unit, a head and a question that are read."""


def lift_by_named_figures(query: str, sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` in which units gain that have a number of the question behind the same word.

    Args:
        query: The question.
        sentences: The units.
        scores: Theirs. The result stays in their range.
    """
    named = {pair for pair in pairwise(words(query[:LONGEST])) if pair[1][:1].isdigit() and not pair[0][:1].isdigit()}
    if not named or len(scores) < 2:
        return scores
    own = np.array(scores)
    gains = np.zeros(len(own))
    found = [i for i in np.argsort(-own, kind="stable")[:BEST] if _has(sentences[i], named)]
    gains[found] = GAIN
    return raised(own, gains) if found else scores


def _has(sentence: Sentence, named: set[tuple[str, str]]) -> bool:
    """Whether a unit or a head of it has one of these numbers behind its word."""
    text = sentence.document.text
    own = words(sentence.text[:LONGEST])
    above = [words(text[head.start : min(head.end, head.start + LONGEST)]) for head in sentence.heads]
    if any(not named.isdisjoint(pairwise(part)) for part in (own, *above)):
        return True
    return sentence.kind in {"row", "cell"} and bool(above) and any(number in own[:2] and word in above[-1] for word, number in named)
