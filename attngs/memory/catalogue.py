"""What a memory knows of all its units at once, in RAM.

Where they stand, their vectors, and an index of their words.

A catalogue never changes. After a change, `updated` makes the next one of it and of what is new in the file, so a new line is read alone.
A unit takes about 1 kB, most of it its vector of 384 numbers in half precision. Every unit is compared with each question, because that
is fast enough (benchmarks/results/memory.md), finds everything, and forgets a deleted unit at once; an approximate index does neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attngs.marking.coherence import begins_with_speaker
from attngs.marking.cover import USERS
from attngs.marking.heads import HEAD_WEIGHT, Level
from attngs.marking.labels import Label, LabelIndex, label_of
from attngs.marking.scales import SCALES, Layout
from attngs.marking.siblings import have_siblings
from attngs.memory.reading import numbered
from attngs.memory.store import Reader, Row
from attngs.protocols import Floats
from attngs.reading.forks import computed_once
from attngs.types import Document, Unit

Integers = NDArray[np.int64]
Numbers = NDArray[np.uint32]

MOST_LOOSE = 2**16
"""Words of new units that are looked through one by one, before they are sorted into the index."""

SPARE = 1.06
"""How much more room than is needed is made for vectors, so that a new line does not move all of them."""

FETCHED = 256
"""Documents whose texts are read at once."""

_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class UnitArrays:
    """What is known of units that follow each other."""

    vectors: Tensor
    """The sum of the states of each `(S, D)`, in half precision."""
    buffer: Tensor
    """The memory that they stand in, with room behind them."""
    alone: NDArray[np.float32]
    """The length of that sum with the heads' `(S,)`."""
    around: NDArray[np.float32]
    """The length of the sum over the passage round each `(S,)`."""
    heads: Integers
    """Units and what they are read with `(H, 2)`, by unit."""
    sizes: Integers
    """Tokens of each `(S,)`."""
    lengths: Integers
    """Words of each `(S,)`."""
    bags: Numbers
    """Their words, one behind the other `(P,)`."""

    @classmethod
    def of(cls, units: Sequence[Unit], sizes: Sequence[int], readings: Sequence[tuple[bytes, bytes]]) -> UnitArrays:
        """The units of one document, from the bytes of the store."""
        count, width = len(units), len(readings[0][1]) // 2 if readings else 0
        data = bytearray().join(vector for _, vector in readings)
        vectors = torch.frombuffer(data, dtype=torch.float16).view(-1, width) if data else torch.empty(count, 0, dtype=torch.float16)
        heads = np.array([(number, head) for number, unit in enumerate(units) for head in unit.heads], dtype=np.int64).reshape(-1, 2)
        sums = vectors.double().numpy()  # (S, D)
        with_heads = sums.copy()
        np.add.at(with_heads, heads[:, 0], HEAD_WEIGHT * sums[heads[:, 1]])
        layout = Layout(np.zeros(count, np.int64), np.full(count, count, np.int64))
        return cls(
            vectors,
            vectors,
            _lengths(with_heads),
            _lengths(layout.total(sums, SCALES["passage"]) if count else sums),
            heads,
            np.array(sizes, dtype=np.int64),
            np.array([len(words) // 4 for words, _ in readings], dtype=np.int64),
            np.frombuffer(b"".join(words for words, _ in readings), np.uint32),
        )

    @classmethod
    def nothing(cls) -> UnitArrays:
        """No units."""
        return cls.of((), (), ())

    def followed_by(self, parts: Iterable[UnitArrays], count: int) -> UnitArrays:
        """These units and those of all parts, `count` in all, one part behind the other.

        New vectors stand in the same memory behind the old ones, where there is room. So only the latest arrays may be followed.
        """
        begin, buffer, small = len(self), self.buffer, [self]
        begins = [0]
        for part in parts:
            if not len(part):
                continue
            width = part.vectors.shape[1]
            if buffer.shape[1] != width or len(buffer) < len(self) + count:
                wider = torch.empty(int(SPARE * (len(self) + count)), width, dtype=torch.float16)
                if begin:
                    wider[:begin] = buffer[:begin]
                buffer = wider
            buffer[begin : begin + len(part)] = part.vectors
            begins.append(begin)
            begin += len(part)
            small.append(replace(part, vectors=buffer[:0], buffer=buffer[:0]))  # a part of none of its own vectors would keep all of them
        return UnitArrays(
            buffer[:begin],
            buffer,
            np.concatenate([part.alone for part in small]),
            np.concatenate([part.around for part in small]),
            np.concatenate([part.heads + at for part, at in zip(small, begins, strict=True)]),
            np.concatenate([part.sizes for part in small]),
            np.concatenate([part.lengths for part in small]),
            np.concatenate([part.bags for part in small]),
        )

    def __len__(self) -> int:
        return len(self.alone)

    def between(self, begin: int, end: int) -> UnitArrays:
        """Some of the units, whose heads are among them."""
        at = np.searchsorted(self.heads[:, 0], (begin, end))
        words = np.concatenate([[0], self.lengths.cumsum()])[[begin, end]]
        return UnitArrays(
            self.vectors[begin:end],
            self.vectors[begin:end],
            self.alone[begin:end],
            self.around[begin:end],
            self.heads[at[0] : at[1]] - begin,
            self.sizes[begin:end],
            self.lengths[begin:end],
            self.bags[words[0] : words[1]],
        )


class WordPlaces:
    """Which units have a word, and how often.

    Args:
        arrays: The units.
        before: The index of the first of them, where there is one; then only the words of the others are looked at.
    """

    def __init__(self, arrays: UnitArrays, before: WordPlaces | None = None) -> None:
        self._arrays = arrays
        self._owners = np.repeat(np.arange(len(arrays), dtype=np.int32), arrays.lengths)  # (P,)
        self._bags = arrays.bags
        self._order: NDArray[np.int32]
        if before is not None and len(self._bags) - len(before._order) <= MOST_LOOSE:
            self._order = before._order
            self._sorted: Numbers = before._sorted
        else:
            self._order = np.argsort(self._bags, kind="stable").astype(np.int32)
            self._sorted = self._bags[self._order]

    @computed_once
    def lengths(self) -> Floats:
        """Words of each unit `(S,)`."""
        return self._arrays.lengths.astype(np.float64)

    def counts(self, word: str) -> Floats:
        """How often a word stands in each unit `(S,)`."""
        having, counts = self._having(word)
        found = np.zeros(len(self._arrays))
        found[having] = counts
        return found

    def found(self, word: str) -> int:
        """How many units have a word."""
        return len(self._having(word)[0])

    def _having(self, text: str) -> tuple[NDArray[np.int32], Integers]:
        """The units that have a word, and how often each has it."""
        (word,) = numbered([text])
        begin, end = (int(np.searchsorted(self._sorted, word, side=side)) for side in ("left", "right"))
        sorted_in = len(self._order)
        loose = sorted_in + np.flatnonzero(self._bags[sorted_in:] == word)
        places = np.concatenate([self._order[begin:end], loose]) if len(loose) else self._order[begin:end]
        owners = self._owners[places]  # in order, as the sort was stable
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        return owners[first], np.diff(first, append=len(owners))


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a document's text and metadata."""

    label: Label
    """What it is called."""
    speakers: int
    """How many of its units begin with the name of a speaker."""
    role: str | None
    """Whose message it is, in a chat."""

    @classmethod
    def of(cls, document: Document, units: Sequence[Unit]) -> About:
        role = document.metadata.get("role")
        speakers = sum(begins_with_speaker(document.text[unit.start : unit.end]) for unit in units)
        return cls(Label.of(label_of(-1, document)), speakers, None if role is None else str(role))


class Catalogue:
    """All documents of a namespace at one revision.

    Args:
        revision: Of the namespace.
        rows: The documents, in reading order.
        arrays: What is known of their units, in the same order.
        words: The index of their words.
        about: What is known of each document.

    Attributes:
        revision: As given.
        rows: As given.
        units: `arrays`.
        words: As given.
        labels: The index of what the documents are called.
        conversation: Whether most units begin with the name of a speaker.
        siblings: Which units stand with a few others in a short document `(S,)`; none in a conversation.
        layout: Where the units stand, and what they are read with.
        starts: The number of each document's first unit, and behind them the number of all units.
        places: By id, the place of a document in `rows`.
    """

    def __init__(self, revision: int, rows: Sequence[Row], arrays: UnitArrays, words: WordPlaces, about: Sequence[About]) -> None:
        self.revision, self.rows, self.units, self.words, self._about = revision, tuple(rows), arrays, words, about
        self.labels = LabelIndex.of([each.label for each in about])
        self.starts = np.array([*accumulate((len(row.units) for row in rows), initial=0)], dtype=np.int64)
        self.places = {row.id: place for place, row in enumerate(rows)}
        sizes = np.diff(self.starts)
        self.layout = Layout(np.repeat(self.starts[:-1], sizes), np.repeat(self.starts[1:], sizes), _levels(arrays.heads))
        self.conversation = 2 * sum(each.speakers for each in about) > len(self)
        self.siblings = have_siblings(self.layout) & (not self.conversation)

    @classmethod
    def empty(cls) -> Catalogue:
        """The catalogue of nothing."""
        nothing = UnitArrays.nothing()
        return cls(0, (), nothing, WordPlaces(nothing), ())

    def __len__(self) -> int:
        return int(self.starts[-1])

    @computed_once
    def documents(self) -> Integers:
        """The place of each unit's document in `rows` `(S,)`."""
        return np.repeat(np.arange(len(self.rows)), np.diff(self.starts))

    @computed_once
    def others(self) -> NDArray[np.bool_] | None:
        """Whether anybody but the user says each unit `(S,)`.

        `None` where not all documents are messages of a chat.
        """
        if any(each.role is None for each in self._about):
            return None
        return np.array([each.role not in USERS for each in self._about], dtype=np.bool_)[self.documents]

    @computed_once
    def tokens(self) -> Floats:
        """Tokens of each unit `(S,)`."""
        return self.units.sizes.astype(np.float64)

    def named(self, query: str) -> Floats:
        """How much a question asks for the document of each unit `(S,)`."""
        return self.labels.asked_for(query)[self.documents]

    def lengths(self, scale: str) -> Floats:
        """The length of the sum of states over a unit and its heads, or over the passage round it `(S,)`."""
        return {"sentence": self.units.alone, "passage": self.units.around}[scale].astype(np.float64)

    def products(self, direction: Floats) -> Floats:
        """The sum of each unit's states, times a direction `(D,)`: `(S,)`."""
        return self.units.vectors.matmul(torch.from_numpy(direction).half()).double().numpy()

    def sums(self, numbers: Integers) -> Floats:
        """The sums of the states of some units and of their heads `(N, D)`."""
        found = self.units.vectors[numbers].double().numpy()
        for place, number in enumerate(numbers.tolist()):
            begin, end = np.searchsorted(self.units.heads[:, 0], (number, number + 1))
            for _, head in self.units.heads[begin:end].tolist():
                found[place] += HEAD_WEIGHT * self.units.vectors[head].double().numpy()
        return found

    def updated(self, reader: Reader, revision: int) -> Catalogue:
        """The catalogue of what the store has now."""
        known = {row.number: place for place, row in enumerate(self.rows)}
        numbers = reader.numbers()
        added = {row.number: row for row in reader.rows([number for number in numbers if number not in known])}
        rows = [self.rows[known[number]] if number in known else added[number] for number in numbers]
        count = sum(len(row.units) for row in rows)
        appended = numbers[: len(self.rows)] == [row.number for row in self.rows]
        if appended:
            arrays = self.units.followed_by(_read(reader, rows[len(self.rows) :]), count - len(self))
        else:
            arrays = UnitArrays.nothing().followed_by(self._arrays_of(reader, rows, known), count)
        told = _told(reader, added)
        about = [self._about[known[row.number]] if row.number in known else told[row.number] for row in rows]
        return Catalogue(revision, rows, arrays, WordPlaces(arrays, self.words if appended else None), about)

    def _arrays_of(self, reader: Reader, rows: Sequence[Row], known: Mapping[int, int]) -> Iterator[UnitArrays]:
        """The units of documents; those that follow each other here as they do there are taken over together."""
        for (is_known, _), run in groupby(enumerate(rows), key=lambda at: (at[1].number in known, known.get(at[1].number, 0) - at[0])):
            members = [row for _, row in run]
            if is_known:
                first, last = known[members[0].number], known[members[-1].number]
                yield self.units.between(int(self.starts[first]), int(self.starts[last + 1]))
            else:
                yield from _read(reader, members)


def _read(reader: Reader, rows: Iterable[Row]) -> Iterator[UnitArrays]:
    """The units of new documents, one document after the other."""
    return (UnitArrays.of(row.units, row.sizes, reader.readings(row.first, len(row.units))) for row in rows)


def _told(reader: Reader, rows: Mapping[int, Row]) -> dict[int, About]:
    """What is known of new documents by number; their texts are in RAM a few at a time."""
    numbers, told = [*rows], dict[int, About]()
    for begin in range(0, len(numbers), FETCHED):
        for number, document in reader.documents(numbers[begin : begin + FETCHED]).items():
            told[number] = About.of(document, rows[number].units)
    return told


def _lengths(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(np.maximum(np.linalg.norm(vectors, axis=1), _LEAST), dtype=np.float32)


def _levels(heads: Integers) -> tuple[Level, ...]:
    """Pairs of a unit and its head `(H, 2)`, by unit, as levels in which each unit stands once."""
    first = np.searchsorted(heads[:, 0], heads[:, 0])
    depth = np.arange(len(heads)) - first
    return tuple((heads[depth == level, 0], heads[depth == level, 1]) for level in range(int(depth.max(initial=-1)) + 1))
