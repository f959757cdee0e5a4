"""The table of contents of a memory.

It reads and keeps what is added, finds candidates for a question, and lets the compressor do the rest. It has over 400 lines:
half of them say what the calls take, return and raise.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import groupby
from types import TracebackType
from typing import Self

import numpy as np
from torch import Tensor

from attngs.compressor import ContextCompressor
from attngs.errors import AssetError, ConfigError, InputError, check_whole
from attngs.marking.followups import readings
from attngs.marking.marker import Marker
from attngs.marking.scorers.survey import Survey, guessed_scores, of_readings
from attngs.memory.candidates import find_candidates
from attngs.memory.catalogue import FETCHED, Catalogue, Integers
from attngs.memory.reading import UnitReader, has_same_encoder, is_same, spooled
from attngs.memory.store import VERSIONS, NewRow, Reader, Reading, Row, Store, Writer
from attngs.memory.watching import added, changed, found, marked, watched
from attngs.protocols import TokenCounter
from attngs.reading.copies import Shared
from attngs.reading.progress import Listener, listening, track
from attngs.reading.tokens import CounterLike
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector, memory_floor
from attngs.text.documents import DocumentLike, as_given, check_namespace, check_question
from attngs.types import Document, MarkedMemory, Marking, Question, Sentence, Span, Unit

LEAST_ROOM = 4_096
"""Tokens of the candidates that the marker looks at, at least."""
ROOM = 4
"""How many times the budget the candidates may have, where that is more."""
CACHE_BYTES = 2**24
"""What the default marker may keep in RAM of units that were asked for: the file has them all."""
NEAR = 2_048
"""Tokens of the units that are looked at for what is near to a text."""
READ_AT_ONCE = 512
"""Units that are read at once; bounds memory while many documents are added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What the marker has to look at."""

    documents: tuple[Document, ...]
    sentences: Sequence[Sentence]
    surveys: Sequence[Survey]
    """The question's readings to all units."""
    numbers: Integers
    """Of the sentences among all units."""
    complete: bool
    """Whether these are all units."""
    tokens: int
    """Of all documents, as the file has them counted."""
    looked_at: int
    """Of the sentences, counted alike."""


class Memory(Shared):
    """One user's documents in a file, and what is asked about them. `Memory.open` makes one.

    Many processes and threads may use a file at once: readers never wait, and writers wait for each other. A copy of a memory is the memory
    itself.

    ```python
    with Memory.open("ana.db", namespace="ana") as memory:
        memory.add("Ana is allergic to nuts.")
        result = memory.ask("What may she not eat?", target_tokens=256)
    ```

    Args:
        store: The rows.
        compressor: Marks and selects.
        namespace: Whose documents.
        room: Tokens of the candidates, at least.
        open_versions: Opens what is kept of earlier versions.
    """

    def __init__(
        self,
        store: Store,
        compressor: ContextCompressor,
        namespace: str,
        room: int,
        open_versions: Callable[[], Memory] | None = None,
    ) -> None:
        self._store, self._compressor, self._namespace, self._room = store, compressor, namespace, room
        self._open_versions = open_versions
        self._sizes = compressor.marker.counter or compressor.counter
        """Counts the units in the file: a file can be asked in the tokens of any reader."""
        self._units = UnitReader(compressor.marker, self._sizes, namespace)
        self._identity = self._units.identity()
        self._known: Catalogue | None = Catalogue.empty()

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        namespace: str,
        marker: Marker | None = None,
        min_score: float | None = None,
        counter: CounterLike | None = None,
        timeout: float = 10.0,
        room: int = LEAST_ROOM,
        progress: Listener | None = None,
    ) -> Memory:
        """Open a file, or make it; others than its owner cannot read it.

        If the file was written with another marker, splitter or version of attngs, everything of the namespace is read again, which takes
        about a minute for each 100,000 tokens.

        Args:
            path: The file. One file may have the memories of many users.
            namespace: Whose memory; nobody else's is ever seen.
            marker: Scores the sentences; the embedded marker when not given. Memories that are open at once should share one.
            min_score: The least probability, 0 to 1, that a kept sentence bears on the question; 0.1 when not given, if the marker can
                tell.
            counter: Whose tokens count; the marker's when not given.
            timeout: Seconds to wait for another writer.
            room: Tokens of the candidates that the marker looks at, at least; four times the budget, where that is more. More room finds a
                little more, and a question takes longer.
            progress: Is called with the name of the work, the steps that are done, and all steps.

        Raises:
            ConfigError: An argument is outside its range.
            InputError: The namespace is not a `str`.
            AssetError: The file is damaged, another program's, or of another version. It is left as it is.
            UnavailableError: It is locked, read-only, or its disk is full.
        """
        if not check_namespace(namespace).strip():
            raise ConfigError("`namespace` is empty; name the user whose memory it is, such as 'ana'.")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 <= timeout <= 3600:
            raise ConfigError(f"`timeout` must be 0 to 3600 seconds, got {timeout!r}.")
        marker = marker or Marker.default(cache_bytes=CACHE_BYTES)
        selector = GreedySelector(min_score=memory_floor(min_score, marker))
        compressor = ContextCompressor(marker, selector=selector, counter=counter)
        room = check_whole("room", room)

        def open_versions() -> Memory:
            versions = cls(Store(path, namespace, timeout, VERSIONS), compressor, namespace, room)
            versions._settle()
            return versions

        memory = cls(Store(path, namespace, timeout), compressor, namespace, room, open_versions)
        with listening(progress) if progress else nullcontext():
            memory._settle()
        return memory

    @property
    def namespace(self) -> str:
        """Whose memory it is."""
        return self._namespace

    @property
    def marker(self) -> Marker:
        """Scores the sentences."""
        return self._compressor.marker

    @property
    def counter(self) -> TokenCounter:
        """Whose tokens count."""
        return self._compressor.counter

    @property
    def revision(self) -> int:
        """A number that grows with each change, whoever makes it."""
        with self._store.read() as reader:
            return self._current(reader).revision

    @property
    def versions(self) -> Memory:
        """What documents were before changes that may be taken back, each under the id of its document.

        No question finds it, for it is a memory of its own, which hosts write. Who deletes a document deletes its versions.

        Raises:
            ConfigError: This memory is one of versions, which have none.
            AssetError: The file is damaged.
            UnavailableError: It cannot be read now.
        """
        if self._open_versions is None:
            raise ConfigError("this memory is one of versions, and of these no versions are kept.")
        return self._open_versions()

    @watched("create_memory", added)
    def add(self, documents: DocumentLike | Iterable[DocumentLike]) -> list[str]:
        """Keep documents behind all others, all of them or none. When this returns, they outlive a crash.

        Args:
            documents: Texts or documents. An id that is given is kept; the others get one that nothing here ever had. Metadata has to be
                what JSON can hold, or dates, which become texts. Dates in it tell which of two facts is the later one.

        Returns:
            Their ids, in their order.

        Raises:
            InputError: A document cannot be kept, or its id is taken.
            ModelError: The marker's model failed.
            AssetError: The file is damaged.
            UnavailableError: It cannot be written to now.
        """
        given = [_checked(document, number) for number, document in enumerate(as_given(documents))]
        names = [document.id for document in given if document.id]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"`documents` has the id {twice!r} twice; each document needs its own.")
        with self._store.read() as reader:
            self._refuse_taken(names, self._current(reader))
        units = self._cut(given)
        rows = [self._row(document, cut) for document, cut in zip(given, units, strict=True)]
        with spooled(self._read(units)) as kept, self._store.write() as writer:
            taken = self._current(writer)
            self._refuse_taken(names, taken)
            named = _named(rows, writer, {*taken.places, *names})
            writer.add(named, kept)
        return [row.document.id for row in named]

    @watched("update_memory", changed)
    def update(self, name: str, document: DocumentLike) -> None:
        """Put a document in the place of another, all of it or nothing. Only units that are new are read.

        Args:
            name: The id, which stays.
            document: The new text, with the metadata that is there; or a document with its own.

        Raises:
            InputError: There is no such document, or the new one cannot be kept or has another id.
            ModelError: The marker's model failed.
            AssetError: The file is damaged.
            UnavailableError: It cannot be written to now.
        """
        (new,) = as_given(document) if not isinstance(document, str) else (replace(self.get(name), text=document),)
        if new.id not in ("", name):
            raise InputError(f"`document` has the id {new.id!r} and cannot take the place of {name!r}; delete one and add the other.")
        self._rewrite([name], {name: replace(_checked(new, 0), id=name)})

    @watched("delete_memory", changed)
    def delete(self, names: str | Iterable[str]) -> None:
        """Delete documents, all of them or none. No byte of them is left in the file or beside it.

        Args:
            names: One id, or several.

        Raises:
            InputError: There is no such document.
            AssetError: The file is damaged.
            UnavailableError: It cannot be written to now; or all is deleted, but another program keeps the file's old bytes from being
                overwritten.
        """
        wanted = list(dict.fromkeys([names] if isinstance(names, str) else names))
        with self._store.write() as writer:
            known = self._current(writer)
            writer.bury([self._found(known, name) for name in wanted])
        if self._open_versions:
            versions = self.versions
            if old := [document.id for document in versions.documents() if document.id in wanted]:
                versions.delete(old)
        self.marker.forget(self._namespace)

    @watched("delete_memory_store")
    def clear(self) -> None:
        """Delete everything of this namespace, as `delete` does."""
        with self._store.write() as writer:
            writer.bury(self._current(writer).rows)
        if self._open_versions:
            self.versions.clear()
        self.marker.forget(self._namespace)

    @watched("search_memory", found)
    def ask(self, query: str | Question, *, target_tokens: int) -> CompressedContext:
        """What matters to a question, in at most `target_tokens` tokens.

        If all documents together are small, the result is what `ContextCompressor` makes of them. Otherwise it is what it makes of the
        units that a search finds: `kept` and `dropped` have only these, and `position` counts their documents.

        Args:
            query: The question; of a chat, `as_question(messages)`.
            target_tokens: Hard limit on the result, in tokens of `counter`.

        Raises:
            InputError: The question cannot be used.
            ConfigError: The budget is not a whole number of at least 1, or the memory is closed.
            ModelError: The marker's model failed.
            AssetError: The file is damaged, or another marker has read it since.
            UnavailableError: It cannot be read now.
        """
        began = time.perf_counter()
        question, target_tokens = check_question(query), check_whole("target_tokens", target_tokens)
        found = self._find(question, target_tokens)
        times = {"find": 1e3 * (time.perf_counter() - began)}
        if found.complete:
            result = self._compressor.compress(found.documents, question, target_tokens=target_tokens, namespace=self._namespace)
            return replace(result, milliseconds={**times, **result.milliseconds})
        began = time.perf_counter()
        marking = self._marked(found, question)
        times["mark"] = 1e3 * (time.perf_counter() - began)
        result = self._compressor.compress_marked(
            marking, target_tokens=target_tokens, original_tokens=self._all_tokens(found), namespace=self._namespace
        )
        return replace(result, milliseconds={**times, "select": result.milliseconds["select"]})

    @watched("search_memory", marked)
    def mark(self, query: str | Question, *, target_tokens: int) -> MarkedMemory:
        """`ask` without its last step: the scores, for whoever selects by rules of their own.

        Args:
            query: As for `ask`.
            target_tokens: About how many tokens will be selected; the more, the more is looked at.

        Raises:
            InputError: The question cannot be used.
            ConfigError: The budget is not a whole number of at least 1, or the memory is closed.
            ModelError: The marker's model failed.
            AssetError: The file is damaged, or another marker has read it since.
            UnavailableError: It cannot be read now.
        """
        question = check_question(query)
        found = self._find(question, check_whole("target_tokens", target_tokens))
        return MarkedMemory(
            documents=found.documents,
            marking=self._marked(found, question),
            complete=found.complete,
            tokens=self._all_tokens(found),
        )

    def _find(self, question: Question, target_tokens: int) -> _Found:
        """The first stage: what the marker has to look at."""
        asked = self._asked(readings(question))
        with self._store.read() as reader:
            known = self._current(reader)
            surveys = [Survey(text, states, known) for text, states in asked]
            chosen = self._candidates(known, surveys, max(self._room, ROOM * target_tokens))
            documents, sentences = self._fetched(reader, known, chosen.tolist())
        return _Found(
            documents=tuple(documents),
            sentences=sentences,
            surveys=surveys,
            numbers=chosen,
            complete=len(chosen) == len(known),
            tokens=sum(row.tokens for row in known.rows),
            looked_at=int(known.units.sizes[chosen].sum()),
        )

    def _marked(self, found: _Found, question: Question) -> Marking:
        """The second stage: the exact scores."""
        if found.complete:
            return self.marker.mark(found.documents, question, namespace=self._namespace)
        return self.marker.mark_units(found.sentences, question, surveys=found.surveys, numbers=found.numbers, namespace=self._namespace)

    def _asked(self, texts: Sequence[str]) -> list[tuple[str, Tensor]]:
        """The texts that a question is scored by, each with its states."""
        return list(zip(texts, self._units.states(texts), strict=True))

    def _candidates(self, known: Catalogue, surveys: Sequence[Survey], room: int) -> Integers:
        """The units to look at: all of them, if there is room."""
        if int(known.units.sizes.sum()) <= room:
            return np.arange(len(known))
        guesses = of_readings([guessed_scores(self.marker.scorer, survey) for survey in surveys])
        return find_candidates(known, guesses, surveys[-1].named, room)

    def _all_tokens(self, found: _Found) -> int:
        """Tokens of all documents.

        Where the reader counts otherwise than the file, they are estimated from the candidates, which it has counted.
        """
        if self.counter is self._sizes:
            return found.tokens
        counted = sum(self.counter.count([sentence.text for sentence in found.sentences]))
        return math.ceil(found.tokens * counted / max(1, found.looked_at))

    async def aask(self, query: str | Question, *, target_tokens: int) -> CompressedContext:
        """`ask`, awaited."""
        return await asyncio.to_thread(self.ask, query, target_tokens=target_tokens)

    def get(self, name: str) -> Document:
        """A document by its id.

        Raises:
            InputError: There is no such document.
        """
        with self._store.read() as reader:
            number = self._found(self._current(reader), name).number
            return reader.documents([number])[number]

    def near(self, text: str) -> list[Document]:
        """The documents that are nearest to a text, in reading order; all of them where they are few.

        What they are near in, a reader has to see: it is where to look for something that is said already.

        Raises:
            InputError: The text is blank or too long.
            ModelError: The marker's model failed.
            AssetError: The file is damaged, or another marker has read it since.
            UnavailableError: It cannot be read now.
        """
        sought = check_question(text).text
        [(_, states)] = self._asked([sought])
        with self._store.read() as reader:
            known = self._current(reader)
            units = self._candidates(known, [Survey(sought, states, known)], NEAR)
            places = np.unique(np.searchsorted(known.starts, units, side="right") - 1)
            rows = [known.rows[place] for place in places.tolist()]
            found = reader.documents([row.number for row in rows])
        return [found[row.number] for row in rows]

    def documents(self) -> Iterator[Document]:
        """All documents, in reading order; those that are deleted meanwhile may be left out."""
        with self._store.read() as reader:
            numbers = [row.number for row in self._current(reader).rows]
        for begin in range(0, len(numbers), FETCHED):
            some = numbers[begin : begin + FETCHED]
            with self._store.read() as reader:
                there = set(reader.numbers())
                found = reader.documents([number for number in some if number in there])
            yield from (found[number] for number in some if number in found)

    def __len__(self) -> int:
        with self._store.read() as reader:
            return len(self._current(reader).rows)

    def __bool__(self) -> bool:
        return True  # an empty memory is one

    def __contains__(self, name: object) -> bool:
        with self._store.read() as reader:
            return name in self._current(reader).places

    def close(self) -> None:
        """Let go of what is in RAM. The file is open only while it is used."""
        self._known = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(marker={self.marker.name!r})"

    def _current(self, reader: Reader) -> Catalogue:
        """The catalogue of what the store has now.

        Raises:
            ConfigError: The memory is closed.
            AssetError: Another marker has read the units since this memory was opened.
        """
        known, now = self._known, reader.namespace()
        if known is None:
            raise ConfigError("the memory is closed; open it again.")
        if now is None or not is_same(now.reader, self._identity):
            raise AssetError("the memory was read anew with another marker or version of attngs since it was opened; open it again.")
        if known.revision != now.revision:
            self._known = known = known.updated(reader, now.revision)
        return known

    def _settle(self) -> None:
        """Make sure that all units were read by this marker."""
        with self._store.read() as reader:
            before = reader.namespace()
        if before is None:
            with self._store.write() as writer:
                if writer.namespace() is None:
                    writer.rename_reader(self._identity)
        elif not is_same(before.reader, self._identity):
            self._rewrite(None, {})

    def _rewrite(self, names: Sequence[str] | None, changes: Mapping[str, Document]) -> None:
        """Write documents anew, some of them changed; all of them, for a new reader, if no names are given."""
        with self._store.read() as reader:
            known = self._current(reader) if names is not None else Catalogue.empty().updated(reader, 0)
            before = reader.namespace()
            rows = known.rows if names is None else [self._found(known, name) for name in names]
            old = reader.documents([row.number for row in rows])
        useful = before is not None and has_same_encoder(before.reader, self._identity)

        def recall(number: int) -> None:
            if useful:
                self._recall(rows[number], old[rows[number].number])

        new = [changes.get(row.id, old[row.number]) for row in rows]
        units = self._cut(new)
        written = [replace(self._row(document, cut), place=row.place) for document, cut, row in zip(new, units, rows, strict=True)]
        with spooled(self._read(units, recall)) as kept, self._store.write() as writer:
            if names is not None:
                rows = [self._found(self._current(writer), name) for name in names]
            elif writer.numbers() == [row.number for row in rows]:
                writer.rename_reader(self._identity)
            else:
                raise AssetError("another process changed the memory while it was read with a new marker; open it again.")
            writer.bury(rows)
            writer.add(written, kept)
        self.marker.forget(self._namespace)

    def _recall(self, row: Row, document: Document) -> None:
        """Have the marker find what was read of a document."""
        numbers = range(row.first, row.first + len(row.units))
        with self._store.read() as reader:
            states = reader.states(numbers)
        self._units.recall([document.text[unit.start : unit.end] for unit in row.units], partial(_loaded, states, numbers))

    def _read(self, units: Sequence[Sequence[Sentence]], recall: Callable[[int], None] = lambda number: None) -> Iterator[Reading]:
        """What is kept of all units, a few documents at a time.

        Args:
            units: Of each document.
            recall: Is called with the number of a document before it is read.
        """
        for block in track(_blocks(units), "reading documents"):
            for number in block:
                recall(number)
            yield from self._units.read([unit for number in block for unit in units[number]])

    def _cut(self, documents: Sequence[Document]) -> list[list[Sentence]]:
        """The units of each document."""
        units: list[list[Sentence]] = [[] for _ in documents]
        for unit in self.marker.split(documents, namespace=self._namespace):
            units[unit.position].append(unit)
        return units

    def _row(self, document: Document, cut: Sequence[Sentence]) -> NewRow:
        """A document as it is written."""
        numbers = {unit.start: number for number, unit in enumerate(cut)}
        units = [Unit(unit.start, unit.end, tuple(numbers[head.start] for head in unit.heads), unit.kind) for unit in cut]
        tokens, *sizes = self._sizes.count([document.text, *(unit.text for unit in cut)])
        return NewRow(document=document, units=units, sizes=sizes, tokens=tokens)

    def _fetched(self, reader: Reader, known: Catalogue, chosen: Sequence[int]) -> tuple[list[Document], list[Sentence]]:
        """The candidates and their documents; the marker finds what was read of them before."""
        places = (np.searchsorted(known.starts, chosen, side="right") - 1).tolist()
        rows = [known.rows[place] for place in dict.fromkeys(places)]
        documents = reader.documents([row.number for row in rows])
        sentences, numbers = list[Sentence](), list[int]()
        for position, (place, run) in enumerate(groupby(zip(places, chosen, strict=True), key=lambda at: at[0])):
            row, begin = known.rows[place], int(known.starts[place])
            for _, unit in run:
                sentences.append(_sentence(documents[row.number], row, int(unit) - begin, position))
                numbers.append(row.first + int(unit) - begin)

        def load(missing: list[int]) -> list[bytes | None]:
            return _loaded(reader.states([numbers[i] for i in missing]), numbers, missing)

        self._units.recall([sentence.text for sentence in sentences], load)
        return [documents[row.number] for row in rows], sentences

    def _found(self, known: Catalogue, name: str) -> Row:
        if name not in known.places:
            raise InputError(f"there is no document {name!r} in this namespace; `documents()` has all.")
        return known.rows[known.places[name]]

    def _refuse_taken(self, names: Sequence[str], known: Catalogue) -> None:
        if taken := next((name for name in names if name in known.places), None):
            raise InputError(f"there is a document {taken!r} already; change it with `update`, or leave the id out.")


def _sentence(document: Document, row: Row, number: int, position: int) -> Sentence:
    unit = row.units[number]
    heads = tuple(Span(row.units[head].start, row.units[head].end) for head in unit.heads)
    return Sentence(document=document, position=position, start=unit.start, end=unit.end, heads=heads, kind=unit.kind)


def _loaded(states: Mapping[int, bytes], numbers: Sequence[int], missing: Sequence[int]) -> list[bytes | None]:
    """The states of those units that are missing; `None` where none were kept."""
    return [states.get(numbers[i]) for i in missing]


def _blocks(units: Sequence[Sequence[Sentence]]) -> list[list[int]]:
    """Numbers of documents that follow each other, with about as many units as are read at once."""
    blocks, room = list[list[int]](), 0
    for number, own in enumerate(units):
        if room <= 0:
            blocks.append([])
            room = READ_AT_ONCE
        blocks[-1].append(number)
        room -= len(own)
    return blocks


def _named(rows: Sequence[NewRow], writer: Writer, taken: set[str]) -> list[NewRow]:
    """The rows, each with an id."""
    named = list[NewRow]()
    for row in rows:
        name = row.document.id
        while not name:
            (made,) = writer.new_ids(1)
            name = made if made not in taken else ""
        named.append(replace(row, document=replace(row.document, id=name)))
    return named


def _checked(document: Document, number: int) -> Document:
    """A document that can be kept.

    Raises:
        InputError: It has no text, or metadata that JSON cannot hold.
    """
    if not document.text.strip():
        raise InputError(f"`documents[{number}]` has no text; there is nothing to keep.")
    try:
        metadata = json.loads(json.dumps(dict(document.metadata), default=_plain))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"`documents[{number}].metadata` cannot be kept as JSON: {error}. Make it texts, numbers, lists or mappings."
        ) from error
    return replace(document, metadata=metadata)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")
