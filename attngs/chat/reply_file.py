"""The file behind `SqliteResults`: ours or refused, opened once for all threads, at rest while a process forks."""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from attngs.errors import AssetError

logger = logging.getLogger(__name__)

_APPLICATION, _FORMAT = 0x61747247, 1
_SCHEMA = (
    b"CREATE TABLE results (used INTEGER PRIMARY KEY, owner BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL, "
    b"UNIQUE (owner, key))",
    b"CREATE TABLE kept (bytes INTEGER NOT NULL)",
    b"CREATE TRIGGER came AFTER INSERT ON results BEGIN UPDATE kept SET bytes = bytes + length(new.key) + length(new.value); END",
    b"CREATE TRIGGER went AFTER DELETE ON results BEGIN UPDATE kept SET bytes = bytes - length(old.key) - length(old.value); END",
)
_EMPTY = (0, 0, ())

_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_TOOBIG,
}
"""What says nothing against the file. Every other failure means that it is damaged."""


class ResultFile:
    """An SQLite file with two tables: `results`, the higher `used` the later it was used, and `kept`, the bytes of all keys and values.

    Args:
        path: The file; made, with its folder, if it does not exist.
        timeout: Seconds to wait for a process that is writing.

    Raises:
        AssetError: The file cannot be opened, is damaged, is not ours or was written by a newer version. It is left as it is.
    """

    def __init__(self, path: str | os.PathLike[str], timeout: float) -> None:
        self.path = Path(path).absolute()  # names that are special to SQLite, such as `:memory:`, are files like all others
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        _instances.add(self)
        with self.strict("opened"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.use():
                pass

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time."""
        with self._lock:
            yield self._open()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction: all of it happens, or nothing."""
        with self.use() as connection, _transaction(connection, "IMMEDIATE"):
            yield connection

    def rewrite(self) -> None:
        """Write the file anew with what it holds now, and nothing of what it held.

        Raises:
            AssetError: Somebody still reads what it held.
        """
        with self.use() as connection:
            connection.execute("VACUUM")  # pages that were merged keep copies that `secure_delete` does not see
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise AssetError(f"the log of `{self.path}` is in use and may still hold what was removed. Call `clear` again.")

    @contextmanager
    def lenient(self, done: str) -> Iterator[None]:
        """A file that cannot be used now is a warning, one that is damaged an error."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if not _passes(error):
                raise self.damaged(str(error)) from error
            logger.warning("the result cache `%s` could not be %s (%s); what is not kept is asked for again", self.path, done, error)

    @contextmanager
    def strict(self, done: str) -> Iterator[None]:
        """Both are errors."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            if not _passes(error):
                raise self.damaged(str(error)) from error
            raise AssetError(
                f"`{self.path}` could not be {done}: {error}. Make it writable and unlocked, or pass another `path`."
            ) from error

    def damaged(self, reason: str) -> AssetError:
        """The error to raise."""
        return AssetError(
            f"`{self.path}` is damaged, or no result cache: {reason}. Pass another `path`; if it was one, delete it with its `-wal`."
        )

    def close(self) -> None:
        """Let go of the file. The next use opens it again."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._closing()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            _make(self.path)
            connection = sqlite3.connect(self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False)
            self._closing = weakref.finalize(self, connection.close)
            try:
                self._prepare(connection)
            except BaseException:
                self._closing()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Nothing is written before the file is known to be ours, or empty."""
        connection.text_factory = bytes
        for setting in ("trusted_schema = OFF", "secure_delete = ON", "temp_store = MEMORY", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {setting}")
        with _transaction(connection, "DEFERRED"):
            found = _identity(connection)
        if found == _EMPTY:
            with _transaction(connection, "IMMEDIATE"):
                if _identity(connection) == _EMPTY:  # still: another process may have been faster
                    _create(connection)
                found = _identity(connection)
        application, version, schema = found
        if application != _APPLICATION:
            raise AssetError(f"`{self.path}` is the database of another program. Pass another `path`.")
        if version > _FORMAT:
            raise AssetError(
                f"`{self.path}` was written by a newer attngs (format {version}, not {_FORMAT}). Update attngs, or pass another `path`."
            )
        if (version, schema) != (_FORMAT, _SCHEMA):
            raise self.damaged("its tables are not those of a result cache")
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:  # else another process is about to do the same
                raise


def _make(path: Path) -> None:
    """An empty file that only its owner may read, if there is none; SQLite makes those beside it alike."""
    with _making, suppress(FileExistsError):
        Path(os.path.realpath(path)).touch(mode=0o600, exist_ok=False)


def _passes(error: Exception) -> bool:
    return isinstance(error, OSError) or getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in _PASSING


def _identity(connection: sqlite3.Connection) -> tuple[int, int, tuple[bytes, ...]]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    schema = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    return application, version, tuple(sql for (sql,) in schema)


def _create(connection: sqlite3.Connection) -> None:
    for statement in _SCHEMA:
        connection.execute(statement.decode())
    connection.execute("INSERT INTO kept VALUES (0)")
    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    connection.execute(f"PRAGMA user_version = {_FORMAT}")


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


_instances: weakref.WeakSet[ResultFile] = weakref.WeakSet()
_at_rest: list[ResultFile] = []
_forking = threading.Lock()
_making = threading.Lock()
"""Closing a file drops every lock that the process has on it, also those of SQLite: so it is made before any thread has it open."""


def _before_fork() -> None:
    """SQLite's notion of what is locked survives a fork, the locks do not: so no file is open when a process forks."""
    _forking.acquire()
    for file in list(_instances):
        file._lock.acquire()
        _at_rest.append(file)
        file._let_go()
    _making.acquire()


def _after_fork() -> None:
    _making.release()
    while _at_rest:
        _at_rest.pop()._lock.release()
    _forking.release()


if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
