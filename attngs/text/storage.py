"""SQLite files of our own: private to their owner, checked before each use, and opened for each use.

Because a connection never outlives its use, threads, processes and copies of an object can share a file without sharing anything else.
diskcache, a library for this, is no choice: it loads pickles from its file, and leaves deleted text readable in it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from attngs.errors import AssetError, UnavailableError

_EMPTY = (0, 0, ())

_UNAVAILABLE = {
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
"""SQLite's codes that say nothing against the file. Any other failure means that the file is damaged."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """An SQLite file with a fixed schema. The first use makes the file, but not its folder.

    Args:
        path: Where. Names that are special to SQLite, such as `:memory:`, are files like all others.
        application: The file's `application_id`, which tells our files from those of other programs.
        version: The file's `user_version`; a file with a higher one was written by a newer attngs.
        schema: The statements that fill a new file. A file whose tables, indexes and triggers differ from these is refused.
        what: What the file is, for errors, such as `result cache`.
        timeout: Seconds to wait for a lock that another connection holds.
    """

    path: str | os.PathLike[str]
    application: int
    version: int
    schema: tuple[str, ...]
    what: str
    timeout: float

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection in one transaction that only reads. Works on a read-only file, too.

        Raises:
            UnavailableError: The file cannot be read now.
            AssetError: The file is damaged, is another program's, or was written by a newer attngs. It is left as it is.
        """
        with explained(self.path, self.what), _connection(self.path, self.timeout) as connection, connection:
            self._begin(connection, "DEFERRED")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection in one transaction: all of it happens, or nothing does.

        Raises:
            UnavailableError: The file cannot be written to now.
            AssetError: The file is damaged, is another program's, or was written by a newer attngs. It is left as it is.
        """
        with explained(self.path, self.what), _connection(self.path, self.timeout) as connection, connection:
            self._begin(connection, "IMMEDIATE")
            yield connection

    def let_readers_pass(self) -> None:
        """From now on, readers see the last state while a writer works (WAL).

        The file must be known to be ours.

        Raises:
            UnavailableError: Another connection uses the file.
        """
        with explained(self.path, self.what), _connection(self.path, self.timeout) as connection:
            connection.execute("PRAGMA journal_mode = WAL")

    def empty_log(self) -> None:
        """Move the log of a file that readers may pass into the file.

        So no overwritten byte is left in the log.

        Raises:
            UnavailableError: Another connection still reads the old bytes.
        """
        with explained(self.path, self.what), _connection(self.path, self.timeout) as connection:
            _empty_log(connection, self.path, self.what)

    def rewrite(self) -> None:
        """Remove the bytes of deleted rows from the file; see the function `rewrite`."""
        rewrite(self.path, what=self.what, timeout=self.timeout)

    def damaged(self, reason: str) -> AssetError:
        """The error to raise when something in the file is not what was written."""
        return _damaged(self.path, self.what, reason)

    def _begin(self, connection: sqlite3.Connection, kind: str) -> None:
        """Begin a transaction in a file that is known to be ours; nothing is written to any other."""
        connection.execute(f"BEGIN {kind}")
        if _identity(connection) == _EMPTY:
            if kind == "DEFERRED":
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
            if _identity(connection) == _EMPTY:  # still: another process may have been faster
                self._fill(connection)
        application, version, schema = _identity(connection)
        if application != self.application:
            raise AssetError(f"the {self.what} `{self.path}` is the database of another program. Pass another path.")
        if 0 < version < self.version:
            raise AssetError(
                f"the {self.what} `{self.path}` was written by an older attngs (format {version}, not {self.version}), and this one "
                "cannot read it. Pass another path."
            )
        if version > self.version:
            raise AssetError(
                f"the {self.what} `{self.path}` was written by a newer attngs (format {version}, not {self.version}). "
                "Update attngs, or pass another path."
            )
        if (version, schema) != (self.version, tuple(each for each in self.schema if each.startswith("CREATE"))):
            raise self.damaged(f"its tables are not those of a {self.what}")

    def _fill(self, connection: sqlite3.Connection) -> None:
        for statement in self.schema:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {self.application}")
        connection.execute(f"PRAGMA user_version = {self.version}")


def make_private(path: str | os.PathLike[str]) -> None:
    """Make an empty file that only its owner may read, unless the file exists.

    SQLite gives the files that it makes beside it the same mode. To close a file is to drop every lock that this process has on it,
    including SQLite's; so an existing file is not opened here, and a new one is closed before anybody who came through here opens it.
    """
    with _in_use, suppress(FileExistsError):
        Path(os.path.realpath(path)).touch(mode=0o600, exist_ok=False)


def rewrite(path: str | os.PathLike[str], *, what: str, timeout: float) -> None:
    """Write an SQLite file anew, so that no byte of a deleted row is left in it or beside it.

    `secure_delete` is not enough: where SQLite merges two pages, it leaves copies of their rows behind.

    Raises:
        UnavailableError: The file is locked or read-only, or another connection still reads the old bytes.
        AssetError: The file is damaged.
    """
    with explained(path, what), _connection(path, timeout) as connection:
        connection.execute("VACUUM")
        _empty_log(connection, path, what)


def _empty_log(connection: sqlite3.Connection, path: str | os.PathLike[str], what: str) -> None:
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise UnavailableError(
            f"another program is reading the {what} `{path}`, so deleted text may still be in the file beside it. "
            "Close that program, and delete again."
        )


@contextmanager
def explained(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn what SQLite and the operating system raise into an `AssetError` with a remedy."""
    try:
        yield
    except sqlite3.ProgrammingError:  # ours, or of whoever uses a closed connection
        raise
    except (sqlite3.Error, OSError) as error:
        raise failure(error, path, what) from error


def failure(error: sqlite3.Error | OSError, path: str | os.PathLike[str], what: str) -> AssetError:
    """The `AssetError` for an error of SQLite's or the operating system's."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if isinstance(error, OSError) or code in _UNAVAILABLE:
        return UnavailableError(f"the {what} `{path}` cannot be used now: {error}. Make it writable and unlocked, or pass another path.")
    return _damaged(path, what, str(error))


def _damaged(path: str | os.PathLike[str], what: str, reason: str) -> AssetError:
    return AssetError(
        f"the {what} `{path}` is damaged or is not a {what}: {reason}. Pass another path; or, if you can do without what it "
        "holds, delete it and the files beside it that begin with its name."
    )


@contextmanager
def _connection(path: str | os.PathLike[str], timeout: float) -> Iterator[sqlite3.Connection]:
    """A connection for one use, during which this process neither forks nor uses another file of ours."""
    path = Path(path).absolute()
    make_private(path)
    with _in_use, closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as connection:
        for setting in ("trusted_schema = OFF", "secure_delete = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {setting}")
        yield connection


def _identity(connection: sqlite3.Connection) -> tuple[int, int, tuple[str, ...]]:
    """Application, version and schema of a file."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    schema = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    return application, version, tuple(sql for (sql,) in schema)


_in_use = threading.Lock()
"""Held during each use of a file, and while this process forks.

A child would inherit what SQLite believes to be locked, but not the locks; so no file may be open when a process forks. It also lets
threads take turns, where SQLite would have them try again and again.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_in_use.acquire, after_in_parent=_in_use.release, after_in_child=_in_use.release)
