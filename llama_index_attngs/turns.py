"""Where archived chat turns are kept: by session, in the order in which they came."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from attngs.errors import AssetError

VERSION = 1
"""Of the file's table, in its `user_version`."""

WAIT = 30.0
"""Seconds to wait for another process that writes."""


class Turn(NamedTuple):
    """What one side said."""

    role: str
    text: str


class Turns(Protocol):
    """Keeps turns; safe from many threads."""

    def append(self, session: str, turns: Sequence[Turn]) -> None: ...

    def read(self, session: str) -> list[Turn]: ...

    def clear(self, session: str) -> None: ...


class TurnsInMemory:
    """Forgotten with the process."""

    def __init__(self) -> None:
        self._sessions: dict[str, list[Turn]] = {}

    def append(self, session: str, turns: Sequence[Turn]) -> None:
        self._sessions.setdefault(session, []).extend(turns)

    def read(self, session: str) -> list[Turn]:
        return list(self._sessions.get(session, ()))

    def clear(self, session: str) -> None:
        self._sessions.pop(session, None)


class TurnsInFile:
    """A SQLite file that only its owner can read. Every call opens it anew, so that threads, processes and copies of a block can share it.

    Raises:
        AssetError: While in use: the file cannot be opened, is something else, or is of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, session: str, turns: Sequence[Turn]) -> None:
        with self._open() as file:
            rows = [(_readable(session), turn.role, _readable(turn.text)) for turn in turns]
            file.executemany("INSERT INTO turns (session, role, text) VALUES (?, ?, ?)", rows)

    def read(self, session: str) -> list[Turn]:
        with self._open() as file:
            rows = file.execute("SELECT role, text FROM turns WHERE session = ? ORDER BY number", (_readable(session),))
            return [Turn(*row) for row in rows]

    def clear(self, session: str) -> None:
        with self._open() as file:
            file.execute("PRAGMA secure_delete = ON")
            file.execute("DELETE FROM turns WHERE session = ?", (_readable(session),))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        try:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self._path, timeout=WAIT)) as connection, connection as file:
                self._prepare(file)
                yield file
        except (OSError, sqlite3.Error) as error:
            raise AssetError(
                f"the memory file `{self._path}` cannot be used: {error}. Name one that this program wrote, or one that is not there yet."
            ) from error

    def _prepare(self, file: sqlite3.Connection) -> None:
        """Make the table, unless it is there."""
        if _version(file) == VERSION:
            return
        file.execute("BEGIN IMMEDIATE")  # another process may be at it as well
        version = _version(file)
        if version == 0 and file.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
            file.execute("CREATE TABLE turns (number INTEGER PRIMARY KEY, session TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL)")
            file.execute("CREATE INDEX by_session ON turns (session, number)")
            file.execute(f"PRAGMA user_version = {VERSION}")
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"it holds something else, or memories of version {version}, and this is version {VERSION}")
        file.commit()


def _version(file: sqlite3.Connection) -> int:
    return int(file.execute("PRAGMA user_version").fetchone()[0])


def _readable(text: str) -> str:
    """Lone surrogates, which no file can hold, become question marks."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
