"""What was read once and will be asked for again: least recently used goes first, bounded in bytes, safe from many threads."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from attngs.errors import ConfigError

Value = TypeVar("Value")


def content_key(text: str) -> bytes:
    """A key that names a text by its content, lone surrogates included."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=20).digest()


class CacheInfo(NamedTuple):
    """Counts since creation or the last `clear()`."""

    hits: int
    misses: int
    entries: int
    bytes: int
    max_bytes: int


class ContextCache(Generic[Value]):
    """Values by content key. An entry larger than the bound is simply not kept.

    Keys must name everything that the value depends on; values must never be changed by those who get them.
    """

    def __init__(self, max_bytes: int) -> None:
        if max_bytes < 0:
            raise ConfigError(f"`max_bytes` must be at least 0, got {max_bytes!r}.")
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = self._hits = self._misses = 0

    def get(self, key: bytes) -> Value | None:
        """The value, now the most recently used, or `None`."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self._misses += 1
                return None
            self._hits += 1
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: bytes, value: Value, size: int) -> None:
        """Keep a value of `size` bytes and let go of the oldest that no longer fit."""
        with self._lock:
            if key in self._entries:
                self._bytes -= self._entries.pop(key)[1]
            if size > self._max_bytes:
                return
            self._entries[key] = (value, size)
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._bytes -= self._entries.popitem(last=False)[1][1]

    def remember(self, texts: Sequence[str], compute: Callable[[list[str]], Iterable[Value]], size: Callable[[Value], int]) -> list[Value]:
        """The value of each text, by its content; those that are not kept are computed together, equal texts once.

        Args:
            texts: What the values depend on, and all that they depend on.
            compute: The values of the missing texts, in order.
            size: Bytes of a value.
        """
        keys = [content_key(text) for text in texts]
        kept = {key: self.get(key) for key in dict.fromkeys(keys)}
        values = {key: value for key, value in kept.items() if value is not None}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in values}
        for key, value in zip(missing, compute(list(missing.values())), strict=True):
            self.put(key, value, size(value))
            values[key] = value
        return [values[key] for key in keys]

    def clear(self) -> None:
        """Forget everything, counts included."""
        with self._lock:
            self._entries.clear()
            self._bytes = self._hits = self._misses = 0

    def info(self) -> CacheInfo:
        """Hits, misses and size."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, len(self._entries), self._bytes, self._max_bytes)
