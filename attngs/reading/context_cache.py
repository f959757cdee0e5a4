"""A cache for what was read of contexts: bounded in bytes, oldest goes first, safe from many threads.

It keeps everything that a marker can use again: where sentences end, token ids, a decoder's keys and values, an encoder's states. A key is
a namespace and a digest. The digest names everything that the value depends on. The namespace says whose it is: no user's request finds
another's entry, not even by how fast it is answered, and everything of one user can be forgotten at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from attngs.errors import ConfigError
from attngs.reading.forks import renewed_in_children

if TYPE_CHECKING:
    from attngs.reading.chunk_folder import ChunkFolder

Value = TypeVar("Value")

DEFAULT_CACHE_BYTES = 2**30
"""About 100,000 tokens of a 0.5B decoder in bfloat16, or 1.3 million of the embedded encoder."""

DEFAULT_FOLDER_BYTES = 2**33
"""About 360,000 tokens of SmolLM2-135M in bfloat16."""


class Key(NamedTuple):
    """The name of a value."""

    namespace: str
    digest: bytes


class CacheInfo(NamedTuple):
    """Counts since creation or the last `clear()`."""

    hits: int
    misses: int
    entries: int
    bytes: int
    max_bytes: int


def digest(*parts: str | bytes) -> bytes:
    """A name for content, which may have lone surrogates; `"a", "b"` is not `"ab"`."""
    state = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.digest()


class ContextCache:
    """Values by key. An entry larger than the bound is not kept.

    Nobody may change a value.

    Args:
        max_bytes: Bound of all values together, by the sizes given to `put`; 0 keeps nothing.
        folder: Keeps a decoder's keys and values for other processes.

    Raises:
        ConfigError: The bound is below 0.
    """

    def __init__(self, max_bytes: int = DEFAULT_CACHE_BYTES, folder: ChunkFolder | None = None) -> None:
        if max_bytes < 0:
            raise ConfigError(f"`max_bytes`, a marker's `cache_bytes`, must be at least 0, got {max_bytes!r}.")
        self.max_bytes, self.folder = max_bytes, folder
        self._entries: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = self._hits = self._misses = 0
        renewed_in_children(self)

    def after_fork(self) -> None:
        """Repair what another thread of the parent may have left half done: the lock, and the sum of sizes."""
        self._lock = threading.Lock()
        self._bytes = sum(size for _, size in self._entries.values())

    def get(self, key: Key) -> Any | None:
        """The value, now the most recently used, or `None`."""
        return self.get_all([key]).get(key)

    def get_all(self, keys: Iterable[Key]) -> dict[Key, Any]:
        """The values of those keys that are kept; the last key is now the most recently used."""
        found = dict[Key, Any]()
        with self._lock:
            for key in keys:
                if entry := self._entries.get(key):
                    self._entries.move_to_end(key)
                    found[key] = entry[0]
                    self._hits += 1
                else:
                    self._misses += 1
        return found

    def get_run(self, keys: Sequence[Key]) -> list[Any]:
        """The values of the first keys, up to the first key that is not kept.

        For values that are useless without those before them. The first becomes the most recently used, so a run loses its end first.
        """
        with self._lock:
            run = list(takewhile(self._entries.__contains__, keys))
            self._hits += len(run)
            self._misses += len(keys) - len(run)
            for key in reversed(run):
                self._entries.move_to_end(key)
            return [self._entries[key][0] for key in run]

    def put(self, key: Key, value: object, size: int) -> bool:
        """Keep a value of `size` bytes and drop the oldest that no longer fit; returns whether it is kept."""
        with self._lock:
            if key in self._entries:
                self._bytes -= self._entries.pop(key)[1]
            if size > self.max_bytes:
                return False
            self._entries[key] = (value, size)
            self._bytes += size
            while self._bytes > self.max_bytes:
                self._bytes -= self._entries.popitem(last=False)[1][1]
            return True

    def remember(self, keys: Sequence[Key], compute: Callable[[list[int]], Iterable[Value]], size: Callable[[Value], int]) -> list[Value]:
        """The value of each key; missing ones are computed together, equal keys once.

        Args:
            keys: The wanted keys, in order.
            compute: From the positions of the missing keys in `keys` to their values, in the same order.
            size: Bytes of a value.
        """
        first = dict[Key, int]()
        for position, key in enumerate(keys):
            first.setdefault(key, position)
        values: dict[Key, Value] = self.get_all(first)
        missing = {key: position for key, position in first.items() if key not in values}
        for key, value in zip(missing, compute(list(missing.values())) if missing else (), strict=True):
            self.put(key, value, size(value))
            values[key] = value
        return [values[key] for key in keys]

    def clear(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything including the counts; in the folder too.

        Raises:
            UnavailableError: A file of the folder cannot be deleted.
        """
        if self.folder:
            self.folder.clear(namespace)
        with self._lock:
            if namespace is None:
                self._entries.clear()
                self._bytes = self._hits = self._misses = 0
                return
            for key in [key for key in self._entries if key.namespace == namespace]:
                self._bytes -= self._entries.pop(key)[1]

    def info(self) -> CacheInfo:
        """Hits, misses and size."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, len(self._entries), self._bytes, self.max_bytes)
