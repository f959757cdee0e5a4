"""Where a writer's replies are kept: in memory, or in a file that several processes share.

An entry is a namespace, which says whose it is; a key, which names everything that the reply depends on; and the bytes of the reply.
`MemoryResults` and `SqliteResults` keep the same promises: a namespace never sees another's entries, least recently used goes first, keys
and values together never take more than `max_bytes`, and an entry larger than that is not kept.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from attngs.errors import ConfigError, UnavailableError
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.storage import SqliteFile, explained

logger = logging.getLogger(__name__)

DEFAULT_RESULT_BYTES = 64 * 2**20
"""About 30,000 replies of 2,000 characters."""

_WHAT = "result cache"
_SCHEMA = (
    "CREATE TABLE results (used INTEGER PRIMARY KEY, owner BLOB NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum BLOB NOT NULL, "
    "UNIQUE (owner, key))",
    "CREATE TABLE kept (bytes INTEGER NOT NULL)",
    "CREATE TRIGGER came AFTER INSERT ON results BEGIN UPDATE kept SET bytes = bytes + length(new.key) + length(new.value); END",
    "CREATE TRIGGER went AFTER DELETE ON results BEGIN UPDATE kept SET bytes = bytes - length(old.key) - length(old.value); END",
    "INSERT INTO kept VALUES (0)",
)
"""In `results`, a higher `used` means a later use; `kept` has the bytes of all keys and values."""
_GET = "SELECT value, checksum, used, (SELECT max(used) FROM results) FROM results WHERE owner = ? AND key = ?"
_TOUCH = "UPDATE results SET used = 1 + (SELECT max(used) FROM results) WHERE owner = ? AND key = ?"


class MemoryResults:
    """Results of this process, forgotten when it ends.

    Args:
        max_bytes: Bound of keys and values together; 0 keeps nothing.

    Raises:
        ConfigError: `max_bytes` is no whole number of at least 0.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_RESULT_BYTES) -> None:
        self._cache = ContextCache(_checked_bytes(max_bytes))

    def get(self, namespace: str, key: bytes) -> bytes | None:
        value: bytes | None = self._cache.get(Key(namespace, key))
        return value

    def put(self, namespace: str, key: bytes, value: bytes) -> None:
        self._cache.put(Key(namespace, key), value, len(key) + len(value))

    def clear(self, namespace: str | None = None) -> None:
        self._cache.clear(namespace)


class SqliteResults:
    """Results in an SQLite file, safe from many threads and processes.

    The file is made readable by its owner only (0600); an existing file keeps its permissions. It holds digests of namespaces, and results
    as they are. A file that is locked, full or read-only costs a warning in the log and a result that is asked for again.

    Args:
        path: The file; made, with its folder, if it does not exist.
        max_bytes: Bound of keys and values together; 0 keeps nothing. The file takes some more.
        timeout: Seconds to wait for a process that is writing.

    Raises:
        ConfigError: `max_bytes` or `timeout` is outside its range.
        AssetError: The file cannot be opened, is damaged, is not ours or was written by a newer version; it is left as it is. Also raised
            later, when damage shows, and by `clear` when something may still be there.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_RESULT_BYTES, timeout: float = 5.0) -> None:
        if not 0 <= timeout <= 3600:
            raise ConfigError(f"`timeout` must be 0 to 3600 seconds, got {timeout!r}.")
        self._max_bytes = _checked_bytes(max_bytes)
        path = Path(path).absolute()
        self._file = SqliteFile(path, application=0x61747247, version=1, schema=_SCHEMA, what=_WHAT, timeout=timeout)
        with explained(path, _WHAT):
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._file.read():
            pass

    def get(self, namespace: str, key: bytes) -> bytes | None:
        owner = digest(namespace)
        try:
            with self._file.read() as connection:
                row = connection.execute(_GET, (owner, key)).fetchone()
        except UnavailableError as error:
            _warn(error)
            return None
        if row is None:
            return None
        value, checksum, used, latest = row
        if not isinstance(value, bytes) or checksum != digest(owner, key, value):
            raise self._file.damaged("an entry is not what was written")
        if used != latest:
            self._touch(owner, key)
        return value

    def put(self, namespace: str, key: bytes, value: bytes) -> None:
        owner = digest(namespace)
        try:
            with self._file.write() as connection:
                connection.execute("DELETE FROM results WHERE owner = ? AND key = ?", (owner, key))
                if len(key) + len(value) > self._max_bytes:
                    return
                row = (owner, key, value, digest(owner, key, value))
                connection.execute("INSERT INTO results (owner, key, value, checksum) VALUES (?, ?, ?, ?)", row)
                while connection.execute("SELECT bytes FROM kept").fetchone()[0] > self._max_bytes:
                    gone = connection.execute("DELETE FROM results WHERE used = (SELECT min(used) FROM results)")
                    if not gone.rowcount:
                        raise self._file.damaged("its size does not add up")
        except UnavailableError as error:
            _warn(error)

    def clear(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything: no byte of it is left in the file or beside it."""
        with self._file.write() as connection:
            if namespace is None:
                connection.execute("DELETE FROM results")
            else:
                connection.execute("DELETE FROM results WHERE owner = ?", (digest(namespace),))
        self._file.rewrite()

    def _touch(self, owner: bytes, key: bytes) -> None:
        """Make an entry the most recently used."""
        try:
            with self._file.write() as connection:
                connection.execute(_TOUCH, (owner, key))
        except UnavailableError as error:
            _warn(error)


def _warn(error: UnavailableError) -> None:
    logger.warning("%s Until then, replies that are not kept are asked for again.", error)


def _checked_bytes(max_bytes: int) -> int:
    if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or not 0 <= max_bytes < 2**63:
        raise ConfigError(f"`max_bytes` must be a whole number of at least 0, got {max_bytes!r}.")
    return max_bytes
