"""Short names for documents: a reader pays for every token of an id, and one UUID has 28."""

from __future__ import annotations

from collections.abc import Iterable

from attngs.text.defusing import one_line
from attngs.types import Sentence

LONGEST_ID = 24
"""Characters. A longer id becomes the number of its document."""


def handles(sentences: Iterable[Sentence]) -> dict[int, str]:
    """What each document is called: its id on one line, or a number in place of a long id.

    The number is the document's place in the request, counted from 1; documents with equal ids have equal handles. No number is the id of
    another document.
    """
    documents = {sentence.position: sentence.document for sentence in sentences}
    ids = {position: one_line(document.id) for position, document in documents.items()}
    taken, numbers = set(ids.values()), dict[str, str]()
    for position, name in ids.items():
        if len(name) > LONGEST_ID and name not in numbers:
            free = (number for number in (f"{position + 1}", f"#{position + 1}") if number not in taken)
            numbers[name] = next(free, name)
    return {position: numbers.get(name, name) for position, name in ids.items()}
