"""Documents -> sentences that tile them; each text is cut once and its cuts are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from uuid import uuid4

from attngs.errors import InputError
from attngs.protocols import SentenceSplitter
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.types import Document, Sentence, Span

SPAN_BYTES = 136
"""Size of one remembered span: a tuple and its two numbers."""


class Cutter:
    """Cuts documents with a splitter and checks that the spans tile them.

    Args:
        splitter: Cuts one text into spans.
        cache: Remembers the spans of a text.

    Attributes:
        splitter: As given; it must always cut a text in the same places.
    """

    def __init__(self, splitter: SentenceSplitter, cache: ContextCache) -> None:
        self.splitter = splitter
        self._cache = cache
        self._salt = uuid4().bytes  # spans are this splitter's

    def cut(self, documents: Sequence[Document], namespace: str) -> tuple[Sentence, ...]:
        """The units of all documents, in reading order; those of one document tile its text.

        Raises:
            InputError: The splitter's spans do not tile a document.
        """

        def spans(missing: list[int]) -> list[tuple[Span, ...]]:
            return [self._spans(documents[number].text, number) for number in missing]

        keys = [Key(namespace, digest(b"spans", self._salt, document.text)) for document in documents]
        tilings = self._cache.remember(keys, spans, size=lambda spans: SPAN_BYTES * (1 + len(spans)))
        return tuple(
            Sentence(document=document, position=position, start=start, end=end)
            for position, (document, tiling) in enumerate(zip(documents, tilings, strict=True))
            for start, end in tiling
        )

    def _spans(self, text: str, number: int) -> tuple[Span, ...]:
        try:
            spans = tuple(Span(index(start), index(end)) for start, end in self.splitter(text))
        except TypeError as error:
            raise InputError(f"the splitter must cut `documents[{number}]` into pairs of whole numbers: {error}.") from error
        end = 0
        for span in spans:
            if span.start != end or span.end <= span.start:
                raise InputError(f"the splitter's spans of `documents[{number}]` do not tile its text at character {end}.")
            end = span.end
        if end != len(text):
            raise InputError(f"the splitter's spans of `documents[{number}]` end at character {end} of {len(text)}.")
        return spans
