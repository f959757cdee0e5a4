"""Where archived chat turns are kept: by session, in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from attngs.text.documents import clean_text
from attngs.text.storage import SqliteFile

_SCHEMA = (
    "CREATE TABLE turns (number INTEGER PRIMARY KEY, session TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL)",
    "CREATE INDEX by_session ON turns (session, number)",
)


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
    """A SQLite file that only its owner can read; threads, processes and copies of a block can share it.

    Raises:
        AssetError: While in use: the file cannot be opened, is something else, or was written by a newer attngs.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, application=0, version=1, schema=_SCHEMA, what="memory file", timeout=30.0)

    def append(self, session: str, turns: Sequence[Turn]) -> None:
        rows = [(clean_text(session), turn.role, clean_text(turn.text)) for turn in turns]
        with self._file.write() as connection:
            connection.executemany("INSERT INTO turns (session, role, text) VALUES (?, ?, ?)", rows)

    def read(self, session: str) -> list[Turn]:
        with self._file.read() as connection:
            rows = connection.execute("SELECT role, text FROM turns WHERE session = ? ORDER BY number", (clean_text(session),))
            return [Turn(*row) for row in rows]

    def clear(self, session: str) -> None:
        with self._file.write() as connection:
            connection.execute("DELETE FROM turns WHERE session = ?", (clean_text(session),))
        self._file.rewrite()
