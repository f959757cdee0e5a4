"""The memories of many users in one file.

Each is opened when it is first needed, and the last ones used stay open.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attngs.errors import AssetError
from attngs.reading.copies import Shared
from attngs.reading.forks import ForkSafeLock
from attngs.types import Document, MarkedMemory, Question

if TYPE_CHECKING:
    from attngs.marking.marker import Marker
    from attngs.memory.memory import Memory
    from attngs.reading.tokens import CounterLike

Value = TypeVar("Value")

MOST_OPEN = 64
"""Memories that stay open. What a memory has in RAM grows with its documents; the file is open only while it is used."""


@dataclass(slots=True)
class _Place:
    """Where an open memory is kept."""

    lock: ForkSafeLock = field(default_factory=ForkSafeLock)
    """Held while it is opened, which may take a while."""
    memory: Memory | None = None


class OpenMemories(Shared):
    """Memories by namespace, safe from many threads.

    Args:
        open_memory: From a namespace to its memory.
        most_open: How many stay open.
    """

    def __init__(self, open_memory: Callable[[str], Memory], *, most_open: int = MOST_OPEN) -> None:
        self._open_memory, self._most_open = open_memory, most_open
        self._places = OrderedDict[str, _Place]()
        self._lock = ForkSafeLock()

    @classmethod
    def of_file(
        cls, path: str | os.PathLike[str], marker: Marker | Callable[[], Marker], *, counter: CounterLike | None = None
    ) -> OpenMemories:
        """The memories that a file holds, or will hold.

        Args:
            path: The file; made when the first memory is opened.
            marker: Scores the sentences of everybody's memory, so its weights are in RAM once; a function is called whenever a memory is
                opened.
            counter: Whose tokens count; the marker's when not given.
        """

        def open_memory(namespace: str) -> Memory:
            from attngs.memory.memory import Memory  # brings torch, and a server over standard input answers before that is there

            return Memory.open(path, namespace=namespace, marker=marker() if callable(marker) else marker, counter=counter)

        return cls(open_memory)

    @contextmanager
    def of(self, namespace: str) -> Iterator[Memory]:
        """The memory of a namespace, opened if it is not open.

        After an `AssetError` in the block, it is opened anew for the next one: the file may be another one by now, or be read by another
        marker.

        Raises:
            AttngsError: It cannot be opened; see `Memory.open`.
        """
        place = self._place(namespace)
        with place.lock.held():
            memory = place.memory = place.memory or self._open_memory(namespace)
        try:
            yield memory
        except AssetError:
            if place.memory is memory:
                place.memory = None
            raise

    async def use(self, namespace: str, work: Callable[[Memory], Value]) -> Value:
        """What comes of some work with a memory, in a thread.

        The memory may have to be opened, or to wait for another writer.

        Raises:
            AttngsError: The memory cannot be opened, or the work failed.
        """

        def run() -> Value:
            with self.of(namespace) as memory:
                return work(memory)

        return await asyncio.to_thread(run)

    def later(self, namespace: str) -> LaterMemory:
        """The memory of a namespace, which is opened when it is used."""
        return LaterMemory(self, namespace)

    def _place(self, namespace: str) -> _Place:
        with self._lock.held():
            place = self._places.setdefault(namespace, _Place())
            self._places.move_to_end(namespace)
            while len(self._places) > self._most_open:
                self._places.popitem(last=False)  # whoever uses its memory can go on
        return place


def open_memories(path: Path, marker: Marker, counter: CounterLike | None) -> OpenMemories:
    """The memories of a file, the same ones for all that read it by this marker and count alike."""
    if not isinstance(counter, Hashable):
        return OpenMemories.of_file(path, marker, counter=counter)
    return _shared(path.absolute(), marker, counter)


@lru_cache(maxsize=16)
def _shared(path: Path, marker: Marker, counter: CounterLike | None) -> OpenMemories:
    return OpenMemories.of_file(path, marker, counter=counter)


@dataclass(frozen=True, slots=True)
class LaterMemory:
    """One user's memory, opened when it is used. That can take a while, and is best done in a thread."""

    memories: OpenMemories
    namespace: str

    def mark(self, query: str | Question, *, target_tokens: int) -> MarkedMemory:
        """As `Memory.mark`."""
        with self.memories.of(self.namespace) as memory:
            return memory.mark(query, target_tokens=target_tokens)

    def get(self, name: str) -> Document:
        """As `Memory.get`."""
        with self.memories.of(self.namespace) as memory:
            return memory.get(name)

    def __contains__(self, name: object) -> bool:
        with self.memories.of(self.namespace) as memory:
            return name in memory
