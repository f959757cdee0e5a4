"""Bounded, least recently used first, safe from threads."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from attngs.errors import ConfigError
from attngs.reading.context_cache import CacheInfo, ContextCache, Key, digest


def key(text: str, namespace: str = "") -> Key:
    return Key(namespace, digest(text))


def test_the_least_recently_used_goes_first() -> None:
    cache = ContextCache(10)
    cache.put(key("a"), "A", 4)
    cache.put(key("b"), "B", 4)
    assert cache.get(key("a")) == "A"
    cache.put(key("c"), "C", 4)
    assert (cache.get(key("a")), cache.get(key("b")), cache.get(key("c"))) == ("A", None, "C")
    assert cache.info() == CacheInfo(hits=3, misses=1, entries=2, bytes=8, max_bytes=10)


def test_replacing_and_too_large_entries() -> None:
    cache = ContextCache(10)
    cache.put(key("a"), "A", 4)
    cache.put(key("a"), "AA", 6)
    assert (cache.get(key("a")), cache.info().bytes) == ("AA", 6)
    cache.put(key("a"), "huge", 11)
    assert (cache.get(key("a")), cache.info().bytes) == (None, 0)
    cache.clear()
    assert cache.info() == CacheInfo(0, 0, 0, 0, 10)
    with pytest.raises(ConfigError, match="`max_bytes`"):
        ContextCache(-1)


def test_remembering_computes_only_what_is_missing_and_once() -> None:
    cache = ContextCache(20)
    asked: list[list[str]] = []

    def remember(*texts: str) -> list[str]:
        def compute(missing: list[int]) -> list[str]:
            asked.append([texts[i] for i in missing])
            return [texts[i].upper() for i in missing]

        return cache.remember([key(text) for text in texts], compute, size=len)

    assert remember("a", "b", "a") == ["A", "B", "A"]
    assert remember("b", "c" * 30, "") == ["B", "C" * 30, ""]
    assert remember("c" * 30) == ["C" * 30]  # too large to keep, and right all the same
    assert asked == [["a", "b"], ["c" * 30, ""], ["c" * 30]]


def test_threads_never_exceed_the_bound() -> None:
    cache = ContextCache(50)

    def work(worker: int) -> bool:
        ok = True
        for i in range(500):
            name = key(str(i % 40))
            value = cache.get(name)
            ok &= value in (None, i % 40) and cache.info().bytes <= 50
            cache.put(name, i % 40, 7)
        return ok

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert cache.info().entries == 7


def test_a_run_loses_its_end_first() -> None:
    cache = ContextCache(3)
    keys = [key(text) for text in "abc"]
    for name, value in zip(keys, "ABC", strict=True):
        cache.put(name, value, 1)
    assert cache.get_run(keys) == ["A", "B", "C"]
    cache.put(key("d"), "D", 1)
    assert cache.get_run(keys) == ["A", "B"]
    assert cache.get_run([key("x"), keys[0]]) == []
    assert cache.get_run([]) == []


def test_namespaces_do_not_see_each_other_and_are_forgotten_alone() -> None:
    cache = ContextCache(10)
    cache.put(key("a", "ana"), 1, 2)
    cache.put(key("a", "ben"), 2, 3)
    assert (cache.get(key("a", "ana")), cache.get(key("a", "ben")), cache.get(key("a"))) == (1, 2, None)
    cache.clear("ana")
    assert (cache.get(key("a", "ana")), cache.get(key("a", "ben"))) == (None, 2)
    assert cache.info().bytes == 3


def test_a_digest_tells_parts_apart() -> None:
    assert len({digest("a", "b"), digest("ab"), digest("ab", ""), digest(b"a", b"\xff"), digest("lone \ud800")}) == 5


FORK = """
import os, signal, threading
from attngs.reading.context_cache import ContextCache, Key

inside, go_on = threading.Event(), threading.Event()

class Slow:
    def __del__(self):  # runs while the cache lets go of it, under its lock
        if os.getpid() == parent:
            inside.set()
            go_on.wait(20)

parent = os.getpid()
cache = ContextCache(10)
cache.put(Key("", b"kept"), "kept", 4)
cache.put(Key("", b"slow"), Slow(), 4)
cache.get(Key("", b"kept"))
thread = threading.Thread(target=cache.put, args=(Key("", b"new"), "new", 5))
thread.start()
assert inside.wait(20)
if (child := os.fork()) == 0:
    signal.alarm(5)
    info = cache.info()
    ok = cache.get(Key("", b"kept")) == "kept" and cache.put(Key("", b"more"), "more", 6)
    os._exit(0 if ok and info.bytes == 9 and cache.info().bytes <= 10 else 1)
_, status = os.waitpid(child, 0)
go_on.set()
thread.join()
print(status, cache.info().bytes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_while_another_thread_is_inside() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("0 9\n", 0), done.stderr
