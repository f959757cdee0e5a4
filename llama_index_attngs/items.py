"""What the memory of a session holds: archived turns, and facts that an agent has stored.

An item has a `text`, which is what was said, and `metadata`: a turn's has the `role` of its speaker, a fact's has its date and who stored
it. `attngs.hosts.remembering` says what is written when an item changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import uuid4

from attngs.errors import ConfigError
from attngs.hosts.items import MemoryItems, value_of
from attngs.hosts.remembering import VERSIONS, Path, Value
from attngs.memory.opened import OpenMemories
from attngs.reading.context_cache import digest
from attngs.types import Marking, Question


class FoundItems(NamedTuple):
    """What is looked at for a question."""

    items: Sequence[Value]
    marking: Marking | None = None
    """Of these items, in their order, where they are marked already."""
    tokens: int = 0
    """Of all there are, where these are some of them."""


class Items(Protocol):
    """Keeps items by session; safe from many threads."""

    def state(self, session: str) -> bytes:
        """A name for all items as they are now, which changes when one of them does."""
        ...

    def find(self, session: str, query: Question, target_tokens: int) -> FoundItems:
        """What may be shown for a question; all items without one."""
        ...

    def read(self, session: str) -> dict[Path, Value]:
        """All items, the oldest first, and what they were before their last changes."""
        ...

    def write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        """Add and change items. `None` deletes."""
        ...

    def clear(self, session: str) -> None:
        """Delete everything of a session."""
        ...


class ItemsInMemory:
    """Forgotten with the process. An item that comes back has its old place."""

    def __init__(self) -> None:
        self._sessions: dict[str, dict[Path, Value | None]] = {}

    def state(self, session: str) -> bytes:
        return digest(*(str(part) for item in self._shown(session) for part in (item["text"], item["metadata"])))

    def find(self, session: str, query: Question, target_tokens: int) -> FoundItems:
        return FoundItems(self._shown(session))

    def read(self, session: str) -> dict[Path, Value]:
        return {path: value for path, value in dict(self._sessions.get(session, {})).items() if value is not None}

    def write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        self._sessions.setdefault(session, {}).update(writes)

    def clear(self, session: str) -> None:
        self._sessions.pop(session, None)

    def _shown(self, session: str) -> list[Value]:
        return [value for path, value in self.read(session).items() if path[0] != VERSIONS]


@dataclass(frozen=True, slots=True)
class ItemsInFile:
    """In a file of `attngs.Memory`, which threads, processes and copies of a block can share.

    An item that comes back is the newest.

    Args:
        memories: Those of the file.
        namespace: Whose memory it is in every session; `None`: each session has one, named after it.
    """

    memories: OpenMemories
    namespace: str | None

    def state(self, session: str) -> bytes:
        with self.memories.of(self._whose(session)) as memory:
            return digest(str(memory.revision))

    def find(self, session: str, query: Question, target_tokens: int) -> FoundItems:
        with self.memories.of(self._whose(session)) as memory:
            if not query.text:
                return FoundItems([value_of(document) for document in memory.documents()])
            found = memory.mark(query, target_tokens=target_tokens)
        return FoundItems([value_of(document) for document in found.documents], found.marking, 0 if found.complete else found.tokens)

    def read(self, session: str) -> dict[Path, Value]:
        with self.memories.of(self._whose(session)) as memory:
            return MemoryItems(memory).read()

    def write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        with self.memories.of(self._whose(session)) as memory:
            MemoryItems(memory).write(writes)

    def clear(self, session: str) -> None:
        with self.memories.of(self._whose(session)) as memory:
            memory.clear()

    def _whose(self, session: str) -> str:
        """The namespace.

        Raises:
            ConfigError: Nobody has said whose it is.
        """
        found = self.namespace or session
        if not found.strip():
            raise ConfigError("a memory in a file is somebody's, and this session has no name; pass `session_id`, or set `namespace`.")
        return found


def new_items(values: Sequence[Value]) -> dict[Path, Value]:
    """The values as items that no other has the path of."""
    return {(uuid4().hex[:16],): value for value in values}
