"""A piece of a sentence that says something else alone is joined with what it lacks.

"Moved to Braga" is a piece of "I do not believe that Ana has moved to Braga", and says the opposite. So no cut parts a denial, a hedge or a
condition from what it is about; a piece that is too long for the budget then stays out, and nothing false goes in.
"""

from __future__ import annotations

from collections.abc import Sequence

from attngs.checking.fragments import check_fragment
from attngs.checking.language.clauses import Clause, read_clauses
from attngs.checking.language.languages import Language, tell_language
from attngs.types import Unit

AROUND = 400
"""Characters on each side of a piece where what it lacks is looked for."""
MOST = 6
"""Pieces that may become one."""


def whole_statements(text: str, pieces: Sequence[Unit]) -> list[Unit]:
    """Join pieces until none has lost what qualifies it.

    Args:
        text: Of the pieces' document.
        pieces: They tile a sentence.

    Returns:
        Pieces that tile it. Where more than `MOST` would have to be joined, and where the language is unknown, they stay as they are.
    """
    if len(pieces) < 2:
        return list(pieces)
    passage = _Passage(text, pieces[0].start, pieces[-1].end)
    found = list[Unit]()
    for piece in pieces:  # most of what qualifies words stands before them
        found.append(piece)
        _join_last(found, passage)
    backwards = list[Unit]()
    for piece in reversed(found):
        backwards.append(piece)
        _join_last(backwards, passage)
    return backwards[::-1]


class _Passage:
    """A sentence, of which pieces are quoted."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        self._language = tell_language(text[start:end])

    def qualifies(self, piece: Unit) -> bool:
        """Whether a piece lacks a word of the sentence without which it says something else."""
        if self._language is None:
            return False
        around = self._text[max(self._start, piece.start - AROUND) : min(self._end, piece.end + AROUND)]
        quoted = _clauses(self._text[piece.start : piece.end], self._language)
        return any(True for _ in check_fragment(quoted, _clauses(around, self._language), self._language))


def _clauses(text: str, language: Language) -> list[Clause]:
    return read_clauses(text.strip(), language)


def _join_last(pieces: list[Unit], passage: _Passage) -> None:
    """Join the last of some neighbouring pieces with as many before it as it takes."""
    if not passage.qualifies(pieces[-1]):
        return
    for count in range(2, min(MOST, len(pieces)) + 1):
        first, last = sorted((pieces[-count], pieces[-1]), key=lambda piece: piece.start)
        joined = Unit(first.start, last.end, first.heads, first.kind)
        if not passage.qualifies(joined):
            pieces[-count:] = [joined]
            return
