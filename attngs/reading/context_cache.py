"""What was read once and will be asked for again: least recently used goes first, bounded in bytes, safe from many threads.

One cache serves all that a marker keeps of its contexts: where sentences end, token ids, a decoder's keys and values, an encoder's states.
A key is a namespace and a digest. The digest names everything that the value depends on; the namespace says whose it is, so that one user's
request never finds another's entry, not even by how fast it is answered, and all that is one user's can be forgotten at once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

from attngs.errors import ConfigError
from attngs.reading.forks import renewed_in_children

Value = TypeVar("Value")

DEFAULT_CACHE_BYTES = 2**30
"""About 100,000 tokens of a 0.5B decoder in bfloat16, or 1.3 million of the embedded encoder."""


class Key(NamedTuple):
    """What a value is kept under."""

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
    """A name for content, lone surrogates included; parts are told apart, so `"a", "b"` is not `"ab"`."""
    state = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.digest()


class ContextCache:
    """Values by key. An entry larger than the bound is simply not kept.

    Values must never be changed by those who get them.

    Args:
        max_bytes: Bound of all values together, by the sizes that `put` is told; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        if max_bytes < 0:
            raise ConfigError(f"`max_bytes`, a marker's `cache_bytes`, must be at least 0, got {max_bytes!r}.")
        self.max_bytes = max_bytes
        self._entries: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = self._hits = self._misses = 0
        renewed_in_children(self)

    def after_fork(self) -> None:
        """In a child: another thread of the parent may have been in the middle of something, and will never end it here."""
        self._lock = threading.Lock()
        self._bytes = sum(size for _, size in self._entries.values())

    def get(self, key: Key) -> Any | None:
        """The value, now the most recently used, or `None`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def get_run(self, keys: Sequence[Key]) -> list[Any]:
        """The values of the first keys, up to the first that is not kept.

        For values that are of use only behind those before them. The first becomes the most recently used, so that a run loses its end.
        """
        with self._lock:
            run = list(takewhile(self._entries.__contains__, keys))
            self._hits += len(run)
            self._misses += len(keys) - len(run)
            for key in reversed(run):
                self._entries.move_to_end(key)
            return [self._entries[key][0] for key in run]

    def put(self, key: Key, value: object, size: int) -> bool:
        """Keep a value of `size` bytes and let go of the oldest that no longer fit; says whether it is kept."""
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
        """The value of each key; those that are not kept are computed together, equal keys once.

        Args:
            keys: What is wanted, in order.
            compute: From the positions of the missing in `keys` to their values, in the same order.
            size: Bytes of a value.
        """
        values: dict[Key, Value] = {}
        missing: dict[Key, int] = {}
        for position, key in enumerate(keys):
            if key in values or key in missing:
                continue
            if (kept := self.get(key)) is None:
                missing[key] = position
            else:
                values[key] = kept
        for key, value in zip(missing, compute(list(missing.values())) if missing else (), strict=True):
            self.put(key, value, size(value))
            values[key] = value
        return [values[key] for key in keys]

    def clear(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything, counts included."""
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
