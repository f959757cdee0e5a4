"""A piece of a sentence that says something else alone is joined with what it lacks.

"Moved to Braga" is a piece of "I do not believe that Ana has moved to Braga", and says the opposite. So no cut parts a denial, a hedge or a
condition from what it is about; a piece that is too long for the budget then stays out, and nothing false goes in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from attngs.checking.fragments import QualifiedSentence
from attngs.checking.language.clauses import read_clauses
from attngs.checking.language.languages import tell_language
from attngs.types import Unit

MOST = 6
"""Pieces that may become one."""
LEAST = 3
"""Words that may state something."""


def whole_statements(text: str, pieces: Sequence[Unit]) -> list[Unit]:
    """Join pieces until none has lost what qualifies it.

    Args:
        text: Of the pieces' document.
        pieces: They tile a sentence.

    Returns:
        Pieces that tile it. Where more than `MOST` would have to be joined, and where the language is unknown, they stay as they are.
    """
    sentence = _Sentence(text, pieces[0].start, pieces[-1].end)
    if len(pieces) < 2 or not sentence.qualifies_something:
        return list(pieces)
    found = list[Unit]()
    for piece in pieces:  # most of what qualifies words stands before them
        found.append(piece)
        _join_last(found, sentence)
    backwards = list[Unit]()
    for piece in reversed(found):
        backwards.append(piece)
        _join_last(backwards, sentence)
    return backwards[::-1]


class _Sentence:
    """A sentence, of which pieces are quoted."""

    def __init__(self, text: str, start: int, end: int) -> None:
        language = tell_language(text[start:end])
        tokens = [token for clause in read_clauses(text[start:end], language) for token in clause.tokens] if language else []
        self._starts = [start + token.start for token in tokens]
        self._spoken = [token.is_word for token in tokens]
        self._qualified = QualifiedSentence.of(tokens, language) if language else None

    @property
    def qualifies_something(self) -> bool:
        """Whether it has words that deny, hedge or limit others."""
        return self._qualified is not None and bool(self._qualified.denials or self._qualified.cues)

    def leaves_out(self, piece: Unit) -> bool:
        """Whether a piece lacks a word of the sentence without which it says something else."""
        first, last = (bisect_left(self._starts, place) for place in (piece.start, piece.end))
        spoken = [number for number in range(first, last) if self._spoken[number]]
        if self._qualified is None or len(spoken) < LEAST:
            return False
        return self._qualified.lost(spoken[0], spoken[-1] + 1) is not None


def _join_last(pieces: list[Unit], sentence: _Sentence) -> None:
    """Join the last of some neighbouring pieces with as many before it as it takes."""
    if not sentence.leaves_out(pieces[-1]):
        return
    for count in range(2, min(MOST, len(pieces)) + 1):
        first, last = sorted((pieces[-count], pieces[-1]), key=lambda piece: piece.start)
        joined = Unit(first.start, last.end, first.heads, first.kind)
        if not sentence.leaves_out(joined):
            pieces[-count:] = [joined]
            return
