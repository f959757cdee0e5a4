"""Bounded, least recently used first, safe from threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from attngs.context_cache import CacheInfo, ContextCache
from attngs.errors import ConfigError


def test_the_least_recently_used_goes_first() -> None:
    cache: ContextCache[str] = ContextCache(10)
    cache.put(b"a", "A", 4)
    cache.put(b"b", "B", 4)
    assert cache.get(b"a") == "A"
    cache.put(b"c", "C", 4)
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == ("A", None, "C")
    assert cache.info() == CacheInfo(hits=3, misses=1, entries=2, bytes=8, max_bytes=10)


def test_replacing_and_too_large_entries() -> None:
    cache: ContextCache[str] = ContextCache(10)
    cache.put(b"a", "A", 4)
    cache.put(b"a", "AA", 6)
    assert (cache.get(b"a"), cache.info().bytes) == ("AA", 6)
    cache.put(b"a", "huge", 11)
    assert (cache.get(b"a"), cache.info().bytes) == (None, 0)
    cache.clear()
    assert cache.info() == CacheInfo(0, 0, 0, 0, 10)
    with pytest.raises(ConfigError, match="`max_bytes`"):
        ContextCache(-1)


def test_remembering_computes_only_what_is_missing_and_once() -> None:
    cache: ContextCache[str] = ContextCache(20)
    asked: list[list[str]] = []

    def compute(texts: list[str]) -> list[str]:
        asked.append(texts)
        return [text.upper() for text in texts]

    assert cache.remember(["a", "b", "a"], compute, size=len) == ["A", "B", "A"]
    assert cache.remember(["b", "c" * 30, ""], compute, size=len) == ["B", "C" * 30, ""]
    assert cache.remember(["c" * 30], compute, size=len) == ["C" * 30]  # too large to keep, and right all the same
    assert asked == [["a", "b"], ["c" * 30, ""], ["c" * 30]]


def test_threads_never_exceed_the_bound() -> None:
    cache: ContextCache[int] = ContextCache(50)

    def work(worker: int) -> bool:
        ok = True
        for i in range(500):
            key = bytes([i % 40])
            value = cache.get(key)
            ok &= value in (None, i % 40) and cache.info().bytes <= 50
            cache.put(key, i % 40, 7)
        return ok

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert cache.info().entries == 7
