"""Sentences that go on over something else.

Over the time stamps of subtitles, or over the other column of a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from attngs.text.boundaries import sentence_ends
from attngs.text.structure.outline import Outline
from attngs.types import Span

MOST_PIECES = 3
"""A piece of a sentence is read with so many earlier ones at most: speech without stops is one endless sentence."""


class _Piece(NamedTuple):
    start: int
    end: int
    sentence: tuple[int, int]
    """Numbers of its stream and of its sentence there."""


def write_fragments(outline: Outline, streams: Sequence[Sequence[Span]], kind: str) -> None:
    """Add the pieces of sentences that fragments hold.

    A piece has the earlier pieces of its sentence as heads.

    What lies before a fragment and is not yet a unit becomes markup.

    Args:
        outline: Where the units go.
        streams: Texts in fragments, each in its reading order. Fragments of two streams may alternate, as the lines of two columns do.
        kind: Of the units.
    """
    read: dict[tuple[int, int], tuple[int, ...]] = {}
    pieces = sorted(piece for number, fragments in enumerate(streams) for piece in _pieces(outline.text, fragments, number))
    for start, end, sentence in pieces:
        outline.add(start, "markup", ())
        before = read.get(sentence, ())
        read[sentence] = (*before, outline.add(end, kind, outline.heads + before))[-MOST_PIECES:]


def _pieces(text: str, fragments: Sequence[Span], stream: int) -> Iterator[_Piece]:
    joined = " ".join(text[start:end] for start, end in fragments)
    ends = sentence_ends(joined, 0, len(joined))
    sentence, sentence_end = 0, next(ends)
    offset = 0  # of the fragment in `joined`
    for start, end in fragments:
        last = offset + end - start
        while sentence_end < last:
            stop = start + sentence_end - offset
            yield _Piece(start, stop, (stream, sentence))
            start, offset = stop, sentence_end
            sentence, sentence_end = sentence + 1, next(ends)
        yield _Piece(start, end, (stream, sentence))
        if sentence_end <= last + 1:
            sentence, sentence_end = sentence + 1, next(ends, len(joined) + 2)
        offset = last + 1
