"""The memories of many users in one file.

Each is opened when it is first needed, and the last ones used stay open.
"""

from __future__ import annotations

import os
from collections import OrderedDict

from attngs.marking.marker import Marker
from attngs.memory.memory import Memory
from attngs.reading.copies import Shared
from attngs.reading.forks import ForkSafeLock
from attngs.reading.tokens import CounterLike

MOST_OPEN = 64
"""Memories that stay open. What a memory has in RAM grows with its documents; the file is open only while it is used."""


class OpenMemories(Shared):
    """Memories by namespace, safe from many threads.

    All share a marker, so its weights are in memory once.

    Args:
        path: The file; made when something is first remembered.
        marker: Scores the sentences of everybody's memory.
        counter: Whose tokens count; the marker's when not given.
        most_open: How many stay open.
    """

    def __init__(
        self, path: str | os.PathLike[str], marker: Marker, *, counter: CounterLike | None = None, most_open: int = MOST_OPEN
    ) -> None:
        self._path, self._marker, self._counter, self._most_open = path, marker, counter, most_open
        self._open = OrderedDict[str, Memory]()
        self._lock = ForkSafeLock()

    def of(self, namespace: str) -> Memory:
        """The memory of a namespace.

        Two threads that ask for a closed one at the same time both open it, and one of the two memories stays.

        Raises:
            AttngsError: It cannot be opened; see `Memory.open`.
        """
        with self._lock.held():
            memory = self._open.get(namespace)
        if memory is None:
            memory = Memory.open(self._path, namespace=namespace, marker=self._marker, counter=self._counter)
        with self._lock.held():
            memory = self._open.setdefault(namespace, memory)
            self._open.move_to_end(namespace)
            while len(self._open) > self._most_open:
                self._open.popitem(last=False)  # not closed: somebody may be using it
        return memory
