"""`Persistence`: an agent's store and checkpointer in one place, from which one user can be erased."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from attngs.errors import AssetError, ConfigError, MissingDependencyError
from attngs.text.storage import explained, failure, make_private, rewrite
from langchain_attngs.memory import Namespace, UserMemory

_WHAT = "memory file"
_POSTGRES = ("postgres://", "postgresql://")
_SECRETS = re.compile(r"(?<=://)[^/]*@|\?.*")


class Persistence:
    """LangGraph's own store and checkpointer in one SQLite file, or in a PostgreSQL database.

    Safe from any number of threads.

    ```python
    kept = Persistence("memory.sqlite")
    agent = create_agent(model, middleware=[middleware], store=kept.store, checkpointer=kept.saver)
    ```

    Args:
        place: A file, or `postgresql://...`. They need `langgraph-checkpoint-sqlite` (extra `app`) and `langgraph-checkpoint-postgres`.
            A file that does not exist is made, with its folder, readable by its owner only; an existing one keeps its permissions.
        timeout: Seconds to wait for other programs that use the file.

    Attributes:
        place: As given, but without the user, password and settings that are for PostgreSQL only.
        store: Holds memories.
        saver: Holds threads of messages.

    Raises:
        ConfigError: The place is empty, or a connection string of another kind.
        AssetError: The file cannot be opened, is damaged, or is something else. The store and the saver raise it too, while in use.
        MissingDependencyError: The package that it needs is not installed.
    """

    def __init__(self, place: str, *, timeout: float = 10.0) -> None:
        if not place.strip():
            raise ConfigError("`place` is empty; name a file, or give a connection string that begins with postgresql://.")
        if "://" in place and not place.startswith(_POSTGRES):
            raise ConfigError(f"`place` must be a file or begin with postgresql://, got {place.partition(':')[0]!r} before the colon.")
        self._path = None if place.startswith(_POSTGRES) else Path(place).absolute()
        self.place = place if self._path else _SECRETS.sub("", place)
        self._timeout, self._resources = timeout, ExitStack()
        self.store: BaseStore
        self.saver: BaseCheckpointSaver[Any]
        try:
            self.store, self.saver = self._in_file(self._path) if self._path else self._in_postgres(place)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close both connections."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def said(self, thread_id: str) -> list[BaseMessage]:
        """The messages of a thread, as they are now."""
        state = self.saver.get({"configurable": {"thread_id": thread_id}})
        return list(state["channel_values"].get("messages", [])) if state else []

    def erase(self, namespace: Namespace, threads: Sequence[str] = ()) -> None:
        """Delete what is in this namespace and below, and these threads.

        A SQLite file is then written anew, so that no deleted byte is left in it or beside it. PostgreSQL takes care of its own files;
        backups are up to you.

        Args:
            namespace: Such as `("users", "ana")`.
            threads: Their ids.

        Raises:
            ConfigError: The namespace is empty.
            AssetError: It is deleted, but another program keeps the file's old bytes from being overwritten; try again later.
        """
        for thread in threads:
            self.saver.delete_thread(thread)
        UserMemory(self.store, namespace).clear()
        if self._path:
            rewrite(self._path, what=_WHAT, timeout=self._timeout)

    def _in_postgres(self, place: str) -> tuple[Any, Any]:
        opened = []
        for part, kind in (("store", "PostgresStore"), ("checkpoint", "PostgresSaver")):
            made = _load(f"langgraph.{part}.postgres", kind, package="langgraph-checkpoint-postgres 'psycopg[binary]'")
            opened.append(self._resources.enter_context(made.from_conn_string(place)))
            opened[-1].setup()
        return opened[0], opened[1]

    def _in_file(self, path: Path) -> tuple[Any, Any]:
        """Both over connections of our own: LangGraph's leave the file open to all, and errors raw."""
        store = _load("langgraph.store.sqlite", "SqliteStore", package="'attngs[app]'")
        saver = _load("langgraph.checkpoint.sqlite", "SqliteSaver", package="'attngs[app]'")
        with explained(path, _WHAT):
            path.parent.mkdir(parents=True, exist_ok=True)
            make_private(path)
        opened = store(self._connect(path, None)), saver(self._connect(path, "DEFERRED"))
        for each in opened:
            each.setup()
        return opened

    def _connect(self, path: Path, isolation_level: Literal["DEFERRED"] | None) -> sqlite3.Connection:
        """A connection as LangGraph makes it, whose errors say what to do."""
        with explained(path, _WHAT):
            connection = sqlite3.connect(
                path, timeout=self._timeout, isolation_level=isolation_level, check_same_thread=False, factory=_Connection
            )
        connection.path = path
        return self._resources.enter_context(closing(connection))


def _load(module: str, name: str, *, package: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"`place` needs `{module}`, which is not installed: `pip install {package}`.") from error


class _Failure(AssetError, sqlite3.OperationalError):
    """An SQLite error with a remedy; still one of SQLite's, because LangGraph handles some itself."""


def _with_remedy(method: Callable[..., Any]) -> Any:
    """A method of a cursor or connection that raises a `_Failure` instead of an SQLite error."""

    @wraps(method)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return method(self, *arguments, **named)
        except sqlite3.ProgrammingError:  # nothing is wrong with the file: the connection is closed, for instance
            raise
        except sqlite3.Error as error:
            connection: Any = self.connection if isinstance(self, _Cursor) else self
            raise _Failure(str(failure(error, connection.path, _WHAT))) from error

    return call


class _Cursor(sqlite3.Cursor):
    execute = _with_remedy(sqlite3.Cursor.execute)
    executemany = _with_remedy(sqlite3.Cursor.executemany)
    executescript = _with_remedy(sqlite3.Cursor.executescript)
    fetchone = _with_remedy(sqlite3.Cursor.fetchone)
    fetchmany = _with_remedy(sqlite3.Cursor.fetchmany)
    fetchall = _with_remedy(sqlite3.Cursor.fetchall)
    __next__ = _with_remedy(sqlite3.Cursor.__next__)


class _Connection(sqlite3.Connection):
    path: Path
    execute = _with_remedy(sqlite3.Connection.execute)
    executemany = _with_remedy(sqlite3.Connection.executemany)
    executescript = _with_remedy(sqlite3.Connection.executescript)
    commit = _with_remedy(sqlite3.Connection.commit)

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)
