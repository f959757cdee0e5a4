"""Memories in the hands of people: `UserMemory` edits one, `Persistence` keeps all and can erase one."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self
from uuid import uuid4

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore, PutOp, SearchItem

from attngs.errors import AssetError, ConfigError, InputError, MissingDependencyError, UnavailableError
from attngs.hosts.remembering import Origin, clean_memory, record_path
from attngs.text.documents import clean_text
from attngs.text.files import parse_file
from attngs.text.storage import explained, failure, make_private, rewrite
from attngs.types import Document
from langchain_attngs.memory import MAX_STORED, Namespace, editor, is_below, is_version, item_time, stored, writes

MAX_BYTES = 2 * 2**20
"""The largest file that is imported."""

_SUFFIXES = (".txt", ".md", ".jsonl", ".json")
_WHAT = "memory file"
_POSTGRES = ("postgres://", "postgresql://")
_IN_POSTGRES = (("store", "PostgresStore"), ("checkpoint", "PostgresSaver"))
_SETUP_LOCK = 0x6174746E6773
"""The number of an advisory lock of PostgreSQL's; it only has to be one that other programs do not use."""
_SECRETS = re.compile(r"(?<=://)[^/]*@|\?.*")


class UserMemory:
    """One user's memory in a LangGraph store, for pages where people look after it themselves.

    An item is `{"text": ..., "metadata": {...}}`; a `date` in its metadata, such as `2026-03-14`, says when it was. Lone surrogates and
    NUL, which no database keeps, become U+FFFD. A full stop in the namespace, which LangGraph refuses, is kept as `%2E`.

    ```python
    memory = UserMemory(store, ("memories", "ana"))
    memory.put("Ana has a cat named Milo.", metadata={"date": "2026-03-14"})
    ```

    Args:
        store: Holds the items.
        namespace: The user's. Items below it belong to it too, so `("users", "ana")` is everything that is kept of Ana.

    Raises:
        ConfigError: The namespace is empty; it would be everybody's.
    """

    def __init__(self, store: BaseStore, namespace: Namespace) -> None:
        if not namespace:
            raise ConfigError("`namespace` must have a label at least, such as ('memories', 'ana').")
        self._store, self._namespace = store, namespace
        self._stored = stored(namespace)

    def items(self) -> list[SearchItem]:
        """All items by date, the newest last."""
        own = [item for item in self._everything() if not is_version(item, self._namespace)]
        return sorted(own, key=lambda item: (item_time(item), item.key))

    def put(self, text: str, *, key: str | None = None, metadata: Mapping[str, Any] | None = None) -> str:
        """Add an item, or change the one with this key; returns its key.

        An agent cannot take this back.

        Raises:
            InputError: The text is empty.
        """
        key, cleaned = key or _next_key(), clean_memory(text)
        self._store.batch([PutOp(self._stored, key, {"text": cleaned, "metadata": dict(metadata or {})}), self._without_versions(key)])
        return key

    def delete(self, key: str) -> None:
        """Delete an item, if it is there, and what it was before an agent changed it."""
        self._store.batch([PutOp(self._stored, key, None), self._without_versions(key)])

    def undo(self, key: str) -> None:
        """Take back the last change of an item of this very namespace that an agent made.

        Raises:
            InputError: There is no such change, or it is older than seven days.
        """
        planned = editor(self._everything(), self._namespace, Origin(by="user")).undo(key)
        self._store.batch(writes(planned, self._namespace))

    def clear(self) -> None:
        """Delete all items, and what they were before an agent changed them."""
        self._store.batch([PutOp(item.namespace, item.key, None) for item in self._everything()])

    def load(self, data: bytes, name: str, *, metadata: Mapping[str, Any] | None = None) -> int:
        """Import a file that somebody sent: all of it, or nothing.

        A `.jsonl` or `.json` file holds texts, objects with `text`, `id` and `metadata`, memories that mem0 or LangMem exported, or chats;
        each becomes an item. An id that is not taken stays. Each paragraph of a `.txt` or `.md` file becomes an item. A text that is there
        already is not added again.

        Args:
            data: The file's content.
            name: The file's name; its suffix says what it is.
            metadata: For items that lack it, such as a date.

        Returns:
            How many items are new.

        Raises:
            InputError: The file is too large, of another type, not what its suffix says, or empty; the message names the line.
        """
        texts, items = _texts_in(data, name), self.items()
        known, keys = {item.value.get("text") for item in items}, {item.key for item in items}
        new = {text: found for text, found in texts.items() if text not in known}
        puts = list[PutOp]()
        for text, found in new.items():
            key = found.id if _has_own_id(found, name) and found.id not in keys else _next_key(len(puts))
            keys.add(key)
            own = {_clean(str(field)): _clean(str(value)) for field, value in found.metadata.items() if value is not None}
            puts.append(PutOp(self._stored, key, {"text": text, "metadata": {**(metadata or {}), **own}}))
        self._store.batch(puts)
        return len(new)

    def export(self) -> str:
        """All items as JSON lines, which `load` reads."""
        return "".join(json.dumps({"id": item.key, **item.value}, ensure_ascii=False) + "\n" for item in self.items())

    def _everything(self) -> list[SearchItem]:
        """What is in the namespace and below, in no order."""
        return [item for item in self._store.search(self._stored, limit=MAX_STORED) if is_below(item, self._namespace)]

    def _without_versions(self, key: str) -> PutOp:
        path = record_path((key,))
        return PutOp((*self._stored, *path[:-1]), path[-1], None)


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
        timeout: Seconds to wait for other programs that use the file, or that set up the database.

    Attributes:
        place: As given, but without the user, password and settings that are for PostgreSQL only.
        store: Holds memories.
        saver: Holds threads of messages.

    Raises:
        ConfigError: The place is empty, or a connection string of another kind.
        AssetError: The file cannot be opened, is damaged, or is something else. The store and the saver raise it too, while in use.
        UnavailableError: The server of the database does not answer, or refuses.
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
        package = "langgraph-checkpoint-postgres 'psycopg[binary]'"
        kinds = [_load(f"langgraph.{part}.postgres", kind, package=package) for part, kind in _IN_POSTGRES]
        failure: type[Exception] = _load("psycopg", "OperationalError", package=package)
        connect: Any = _load("psycopg", "connect", package=package)
        try:
            opened = [self._resources.enter_context(kind.from_conn_string(place)) for kind in kinds]
            with connect(place, autocommit=True) as connection, self._alone(connection):
                for each in opened:
                    each.setup()
        except failure as error:
            why = str(error).replace(place, self.place).strip()
            raise UnavailableError(
                f"the database `{self.place}` cannot be opened: {why}. Start its server, or pass another place."
            ) from error
        return opened[0], opened[1]

    @contextmanager
    def _alone(self, connection: Any) -> Iterator[None]:
        """Keep other processes from making the same tables at the same time.

        Who waits asks again and again, because PostgreSQL makes an index only when no statement is under way, and a lock that is waited
        for is one.
        """
        end = time.monotonic() + self._timeout
        while not connection.execute("SELECT pg_try_advisory_lock(%s)", [_SETUP_LOCK]).fetchone()[0]:
            if time.monotonic() >= end:
                raise UnavailableError(
                    f"another program has been setting up the database `{self.place}` for {self._timeout:g} s. Try again."
                )
            time.sleep(0.05)
        try:
            yield
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_SETUP_LOCK])

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


def _texts_in(data: bytes, name: str) -> dict[str, Document]:
    """The texts of a file, each with the document that it is from: a line of JSON, or the file."""
    if not name.lower().endswith(_SUFFIXES):
        raise InputError(f"{name!r} must end in {', '.join(_SUFFIXES)}; save it as one of these.")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name!r} has {len(data):,} bytes, and at most {MAX_BYTES:,} are read; split it.")
    gap = None if _has_lines(name) else "\n\n"
    parts = [(part, found) for found in parse_file(data, name) for part in (found.text.split(gap) if gap else [found.text])]
    texts = {text: found for part, found in parts if (text := _clean(part))}
    if not texts:
        raise InputError(f"{name!r} holds no text.")
    return texts


def _has_lines(name: str) -> bool:
    return name.lower().endswith((".jsonl", ".json"))


def _has_own_id(document: Document, name: str) -> bool:
    """Whether a line of a file names an id that any store can keep. Others have one of the file's name."""
    return _has_lines(name) and document.id == _clean(document.id) != "" and not document.id.startswith(f"{name}:")


def _next_key(number: int = 0) -> str:
    """A new key, which sorts after all earlier ones, so that items of one day stay in order."""
    return f"{time.time_ns():019d}-{number:06d}-{uuid4().hex[:8]}"


def _clean(text: str) -> str:
    return clean_text(text).replace("\0", "\ufffd").strip()
