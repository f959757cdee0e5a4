"""Sentences that go on over lines with something else between them, such as the time stamps of subtitles."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.text.boundaries import sentence_ends
from attngs.text.structure.outline import Outline
from attngs.types import Span

MOST_PIECES = 3
"""A piece of a sentence is read with so many earlier ones at most: speech without stops is one endless sentence."""


def write_fragments(outline: Outline, fragments: Sequence[Span], kind: str) -> None:
    """Add the pieces of sentences that fragments hold. A piece has the earlier pieces of its sentence as heads.

    What lies before a fragment and is not yet a unit becomes markup.
    """
    text = outline.text
    joined = " ".join(text[start:end] for start, end in fragments)
    ends = sentence_ends(joined, 0, len(joined))
    sentence_end = next(ends)
    offset = 0  # of the fragment in `joined`
    pieces: tuple[int, ...] = ()
    for start, end in fragments:
        outline.add(start, "markup", ())
        last = offset + end - start
        while sentence_end < last:
            outline.add(start + sentence_end - offset, kind, outline.heads + pieces)
            pieces = ()
            sentence_end = next(ends)
        if outline.content < end:
            pieces = (*pieces, outline.add(end, kind, outline.heads + pieces))[-MOST_PIECES:]
        if sentence_end <= last + 1:
            pieces = ()
            sentence_end = next(ends, len(joined) + 2)
        offset = last + 1
