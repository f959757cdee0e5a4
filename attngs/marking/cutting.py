"""Documents -> sentences that tile them; each text is cut once and its cuts are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from uuid import uuid4

from attngs.errors import InputError
from attngs.protocols import SentenceSplitter, StructureReader
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.documents import format_hints
from attngs.types import Document, Sentence, Span, Unit

UNIT_BYTES = 200
"""One remembered unit: a tuple, its numbers and its heads."""


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

        def units(missing: list[int]) -> list[tuple[Unit, ...]]:
            return [self._units(documents[number], number) for number in missing]

        keys = [Key(namespace, digest(b"units", self._salt, *format_hints(document), document.text)) for document in documents]
        tilings = self._cache.remember(keys, units, size=lambda units: UNIT_BYTES * (1 + len(units)))
        return tuple(
            Sentence(
                document=document,
                position=position,
                start=unit.start,
                end=unit.end,
                heads=tuple(Span(tiling[head].start, tiling[head].end) for head in unit.heads),
                kind=unit.kind,
            )
            for position, (document, tiling) in enumerate(zip(documents, tilings, strict=True))
            for unit in tiling
        )

    def _units(self, document: Document, number: int) -> tuple[Unit, ...]:
        try:
            if isinstance(self.splitter, StructureReader):
                units = tuple(self.splitter.read(document))
            else:
                units = tuple(Unit(index(start), index(end)) for start, end in self.splitter(document.text))
        except TypeError as error:
            raise InputError(f"the splitter must cut `documents[{number}]` into pairs of whole numbers: {error}.") from error
        end = 0
        for unit in units:
            if unit.start != end or unit.end <= unit.start:
                raise InputError(f"the splitter's spans of `documents[{number}]` do not tile its text at character {end}.")
            end = unit.end
        if end != len(document.text):
            raise InputError(f"the splitter's spans of `documents[{number}]` end at character {end} of {len(document.text)}.")
        return units
