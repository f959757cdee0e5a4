"""What a reader can make of a kept text, and whether a row asks for something possible. White space is folded before texts are compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from attngs.protocols import TokenCounter
from benchmarks.shapes.data import SHAPES, Row

LONG_LINE, AROUND = 300, 60
"""Characters: of a longer line, only this much on either side of a string counts as needed."""

SLACK = 1.15
"""A target is at least this many times the tokens of the lines that are needed."""


class Verdict(NamedTuple):
    """Of one kept text."""

    answered: bool
    """The answer is there."""
    understood: bool
    """So is all that a reader needs to understand it, and nothing that misleads."""


def verdict(kept_text: str, row: Row) -> Verdict:
    """Judge a text that some method kept of a row."""
    kept = folded(kept_text)
    answered = all(folded(string) in kept for string in row.answer)
    misled = any(folded(string) in kept for string in row.forbidden)
    return Verdict(answered, answered and not misled and all(folded(string) in kept for string in row.understood))


def folded(text: str) -> str:
    """The text with one space for each run of white space."""
    return " ".join(text.split())


def problems(row: Row, counter: TokenCounter) -> Iterator[str]:
    """What is wrong with a row; nothing when it can be measured."""
    whole = folded("\n".join(document.text for document in row.documents))
    if row.shape not in SHAPES:
        yield f"shape {row.shape!r} is not one of {', '.join(SHAPES)}"
    if not row.answer:
        yield "there is no answer"
    for string in row.needed:
        if folded(string) not in whole:
            yield f"{string!r} stands in no document"
    for string in row.answer:
        if folded(string) in folded(row.query):
            yield f"the question contains the answer {string!r}"
    least, original = (sum(counter.count(texts)) for texts in (needed_lines(row), [document.text for document in row.documents]))
    if row.target_tokens < SLACK * least:
        yield f"target_tokens is {row.target_tokens}, but the lines that are needed have {least} tokens"
    if row.target_tokens > original / 2:
        yield f"target_tokens is {row.target_tokens}, more than half of {original}"


def needed_lines(row: Row) -> list[str]:
    """The lines that hold what is needed, in order; of long lines the stretches round it."""
    return [
        line
        for document in row.documents
        for start, end in _merged(sorted(stretches(document.text, row)))
        if (line := document.text[start:end].strip())
    ]


def stretches(text: str, row: Row) -> Iterator[tuple[int, int]]:
    """Where the strings that are needed lie in one document, widened to whole lines.

    A string that stands there more than once is taken where it is read with the answer: last before the answer's end, or else first.
    """
    until = max((place[1] for string in row.answer for place in _places(text, string)[:1]), default=len(text))
    for string in row.needed:
        places = _places(text, string)
        if not places:
            continue
        first, last = max((place for place in places if place[1] <= until), default=places[0])
        start, end = text.rfind("\n", 0, first) + 1, text.find("\n", last)
        end = len(text) if end < 0 else end
        if end - start > LONG_LINE:
            start, end = max(start, first - AROUND), min(end, last + AROUND)
        yield start, end


def _places(text: str, string: str) -> list[tuple[int, int]]:
    """Start and end of each occurrence, whatever the white space."""
    return [match.span() for match in re.finditer(r"\s+".join(map(re.escape, string.split())), text)]


def _merged(stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same characters, each once."""
    start, end = 0, 0
    for first, last in stretches:
        if first >= end:
            if end > start:
                yield start, end
            start = first
        end = max(end, last)
    if end > start:
        yield start, end
