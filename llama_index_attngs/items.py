"""What the memory of a session holds: archived turns, and facts that an agent has stored.

An item is a mapping that JSON can hold. Its `text` is what was said; a turn has the `role` of its speaker, a fact has `metadata` with its
date and who stored it. `attngs.hosts.remembering` says what is written when an item changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Protocol
from uuid import uuid4

from attngs.hosts.remembering import VERSIONS, Path, Value
from attngs.text.documents import clean_text
from attngs.text.storage import SqliteFile

_SCHEMA = (
    "CREATE TABLE items (number INTEGER PRIMARY KEY, session TEXT NOT NULL, path TEXT NOT NULL, value TEXT)",
    "CREATE UNIQUE INDEX by_session ON items (session, path)",
)


class Items(Protocol):
    """Keeps items by session; safe from many threads."""

    def read(self, session: str) -> dict[Path, Value]:
        """All items, the oldest first, and what they were before their last changes."""
        ...

    def write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        """Add and change items. `None` deletes; an item that comes back has its old place."""
        ...

    def clear(self, session: str) -> None:
        """Delete everything of a session."""
        ...


class ItemsInMemory:
    """Forgotten with the process."""

    def __init__(self) -> None:
        self._sessions: dict[str, dict[Path, Value | None]] = {}

    def read(self, session: str) -> dict[Path, Value]:
        return {path: value for path, value in dict(self._sessions.get(session, {})).items() if value is not None}

    def write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        self._sessions.setdefault(session, {}).update(writes)

    def clear(self, session: str) -> None:
        self._sessions.pop(session, None)


class ItemsInFile:
    """A SQLite file that only its owner can read; threads, processes and copies of a block can share it.

    Raises:
        AssetError: While in use: the file cannot be opened, is something else, or was written by a newer attngs.
    """

    def __init__(self, path: FilePath) -> None:
        self._file = SqliteFile(path, application=0, version=2, schema=_SCHEMA, what="memory file", timeout=30.0)

    def read(self, session: str) -> dict[Path, Value]:
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT path, value FROM items WHERE session = ? AND value IS NOT NULL ORDER BY number", (clean_text(session),)
            )
            return {tuple(json.loads(path)): json.loads(value) for path, value in rows}

    def write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        rows = [(clean_text(session), json.dumps(path), None if value is None else json.dumps(value)) for path, value in writes.items()]
        with self._file.write() as connection:
            connection.executemany(
                "INSERT INTO items (session, path, value) VALUES (?, ?, ?) "
                "ON CONFLICT (session, path) DO UPDATE SET value = excluded.value",
                rows,
            )

    def clear(self, session: str) -> None:
        with self._file.write() as connection:
            connection.execute("DELETE FROM items WHERE session = ?", (clean_text(session),))
        self._file.rewrite()


def new_items(values: Sequence[Value]) -> dict[Path, Value]:
    """The values as items that no other has the path of."""
    return {(uuid4().hex[:16],): value for value in values}


def shown_items(items: Mapping[Path, Value]) -> dict[Path, Value]:
    """The items without what they were before their last changes."""
    return {path: value for path, value in items.items() if path[0] != VERSIONS}
