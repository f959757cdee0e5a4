"""What stays safe in a fork: a child gets its parent's memory, but only the thread that forked.

A lock that another thread held at that moment stays shut in the child forever. So locks of ours are renewed there, and values that are
computed on first use take no lock at all.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, Protocol, TypeVar, overload

Value = TypeVar("Value")


class Forking(Protocol):
    """An object that repairs itself in a child."""

    def after_fork(self) -> None:
        """Called in the child, before anything else can run in it."""


_known: weakref.WeakSet[Forking] = weakref.WeakSet()


def renewed_in_children(owner: Forking) -> None:
    """Have `owner.after_fork()` called in every forked child for as long as `owner` lives."""
    _known.add(owner)


def _after_fork() -> None:
    for owner in list(_known):
        owner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


class ForkSafeLock:
    """A lock that is open in a forked child, whoever held it in the parent.

    Args:
        make: Makes the lock; `threading.RLock` for one that its holder may take again.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Any]] = threading.Lock) -> None:
        self._make = make
        self.after_fork()
        renewed_in_children(self)

    def after_fork(self) -> None:
        """Forget who held the lock."""
        self._lock = self._make()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock inside the block."""
        with self._lock:
            yield


class computed_once(Generic[Value]):
    """A property that is computed on first use and kept in the instance, without a lock.

    The standard `cached_property` of Python 3.11 holds one lock for all instances while it computes. Here two threads may both compute the
    value of one instance; the result is the same.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> computed_once[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> computed_once[Value] | Value:
        if instance is None:
            return self
        # later look-ups find this entry of the instance's dictionary and do not come here
        value = instance.__dict__[self._compute.__name__] = self._compute(instance)
        return value
