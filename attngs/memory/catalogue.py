"""What a memory knows of all its units at once, in RAM: where they stand, their vectors, and an index of their words.

A catalogue never changes. After a change, `updated` makes the next one of it and of what is new in the file, so a new line is read alone.
A unit takes about 1 kB, most of it its vector of 384 numbers in half precision. Every unit is compared with each question, because that
is fast enough (benchmarks/results/memory.md), finds everything, and forgets a deleted unit at once; an approximate index does neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attngs.marking.heads import HEAD_WEIGHT
from attngs.marking.labels import Label, LabelIndex, label_of
from attngs.marking.scales import SCALES, Layout
from attngs.memory.store import Reader, Row
from attngs.types import Unit

Integers = NDArray[np.int64]
Numbers = NDArray[np.uint32]

MOST_LOOSE = 2**16
"""Words of new units that are looked through one by one, before they are sorted into the index."""

_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class UnitArrays:
    """What is known of units that follow each other."""

    vectors: Tensor
    """The sum of the states of each `(S, D)`, in half precision."""
    alone: NDArray[np.float32]
    """The length of that sum with the heads' `(S,)`."""
    around: NDArray[np.float32]
    """The length of the sum over the passage round each `(S,)`."""
    heads: Integers
    """Units and what they are read with `(H, 2)`, by unit."""
    lengths: Integers
    """Words of each `(S,)`."""
    bags: Numbers
    """Their words, one behind the other `(P,)`."""

    @classmethod
    def of(cls, units: Sequence[Unit], readings: Sequence[tuple[bytes, bytes]]) -> UnitArrays:
        """The units of one document, from the bytes of the store."""
        bags = [np.frombuffer(words, np.uint32) for words, _ in readings]
        data = bytearray().join(vector for _, vector in readings)
        width = len(readings[0][1]) // 2 if readings else 0
        vectors = torch.frombuffer(data, dtype=torch.float16).view(-1, width) if data else torch.empty(len(units), 0, dtype=torch.float16)
        heads = np.array([(number, head) for number, unit in enumerate(units) for head in unit.heads], dtype=np.int64).reshape(-1, 2)
        sums = vectors.float().numpy()  # (S, D)
        with_heads = sums.copy()
        np.add.at(with_heads, heads[:, 0], HEAD_WEIGHT * sums[heads[:, 1]])
        size = len(units)
        layout = Layout(np.zeros(size, np.int64), np.full(size, size, np.int64))
        passages = layout.total(sums.astype(np.float64), SCALES["passage"]) if size else sums
        return cls(
            vectors, _lengths(with_heads), _lengths(passages), heads, np.array([*map(len, bags)], np.int64), _joined(bags, np.uint32)
        )

    @classmethod
    def joined(cls, parts: Sequence[UnitArrays]) -> UnitArrays:
        """The units of all parts, one part behind the other."""
        filled = [part for part in parts if len(part)]
        if len(filled) == 1:
            return filled[0]
        begins = accumulate(map(len, filled), initial=0)
        return cls(
            torch.cat([part.vectors for part in filled]) if filled else torch.empty(0, 0, dtype=torch.float16),
            _joined([part.alone for part in filled], np.float32),
            _joined([part.around for part in filled], np.float32),
            _joined([part.heads + begin for part, begin in zip(filled, begins, strict=False)], np.int64).reshape(-1, 2),
            _joined([part.lengths for part in filled], np.int64),
            _joined([part.bags for part in filled], np.uint32),
        )

    def __len__(self) -> int:
        return len(self.alone)

    def between(self, begin: int, end: int) -> UnitArrays:
        """Some of the units, whose heads are among them."""
        at = np.searchsorted(self.heads[:, 0], (begin, end))
        words = np.concatenate([[0], self.lengths.cumsum()])[[begin, end]]
        return UnitArrays(
            self.vectors[begin:end],
            self.alone[begin:end],
            self.around[begin:end],
            self.heads[at[0] : at[1]] - begin,
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
        self._owners = np.repeat(np.arange(len(arrays), dtype=np.int32), arrays.lengths)  # (P,)
        self._bags = arrays.bags
        self._order: NDArray[np.int32]
        if before is not None and len(self._bags) - len(before._order) <= MOST_LOOSE:
            self._order = before._order
            self._sorted: Numbers = before._sorted
        else:
            self._order = np.argsort(self._bags, kind="stable").astype(np.int32)
            self._sorted = self._bags[self._order]

    def of(self, word: int) -> tuple[NDArray[np.int32], Integers]:
        """The units that have a word, and how often each has it."""
        begin, end = (int(np.searchsorted(self._sorted, np.uint32(word), side=side)) for side in ("left", "right"))
        sorted_in = len(self._order)
        loose = sorted_in + np.flatnonzero(self._bags[sorted_in:] == word)
        found = self._owners[np.concatenate([self._order[begin:end], loose])]
        return np.unique(found, return_counts=True)


class Catalogue:
    """All documents of a namespace at one revision.

    Args:
        revision: Of the namespace.
        rows: The documents, in reading order.
        arrays: What is known of their units, in the same order.
        words: The index of their words.
        labels: What each document is called.

    Attributes:
        revision: As given.
        rows: As given.
        units: `arrays`.
        words: As given.
        labels: The index of what the documents are called.
        starts: The number of each document's first unit, and behind them the number of all units.
        places: By id, the place of a document in `rows`.
    """

    def __init__(self, revision: int, rows: Sequence[Row], arrays: UnitArrays, words: WordPlaces, labels: Sequence[Label]) -> None:
        self.revision, self.rows, self.units, self.words, self._labels = revision, tuple(rows), arrays, words, labels
        self.labels = LabelIndex.of(labels)
        self.starts = np.array([*accumulate((len(row.units) for row in rows), initial=0)], dtype=np.int64)
        self.places = {row.id: place for place, row in enumerate(rows)}
        sizes = np.diff(self.starts)
        self.layout = Layout(np.repeat(self.starts[:-1], sizes), np.repeat(self.starts[1:], sizes))
        self.sizes = np.array([size for row in rows for size in row.sizes], dtype=np.int64)

    @classmethod
    def empty(cls) -> Catalogue:
        """The catalogue of nothing."""
        nothing = UnitArrays.joined([])
        return cls(0, (), nothing, WordPlaces(nothing), ())

    def __len__(self) -> int:
        return int(self.starts[-1])

    def updated(self, reader: Reader, revision: int) -> Catalogue:
        """The catalogue of what the store has now."""
        known = {row.number: place for place, row in enumerate(self.rows)}
        numbers = reader.numbers()
        added = {row.number: row for row in reader.rows([number for number in numbers if number not in known])}
        rows = [self.rows[known[number]] if number in known else added[number] for number in numbers]
        parts = list[UnitArrays]()
        # documents that follow each other here as they do there are taken over together
        for (is_new, _), run in groupby(enumerate(numbers), key=lambda at: (at[1] in added, known.get(at[1], 0) - at[0])):
            members = [number for _, number in run]
            if is_new:
                parts += [
                    UnitArrays.of(added[number].units, reader.readings(added[number].first, len(added[number].units))) for number in members
                ]
            else:
                parts.append(self.units.between(int(self.starts[known[members[0]]]), int(self.starts[known[members[-1]] + 1])))
        arrays = UnitArrays.joined(parts)
        appended = numbers[: len(self.rows)] == [row.number for row in self.rows]
        documents = reader.documents([*added])
        labels = [self._labels[known[number]] if number in known else Label.of(label_of(-1, documents[number])) for number in numbers]
        return Catalogue(revision, rows, arrays, WordPlaces(arrays, self.words if appended else None), labels)


def _lengths(vectors: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(np.maximum(np.linalg.norm(vectors, axis=1), _LEAST), dtype=np.float32)


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)
