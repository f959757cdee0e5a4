"""Progress reports of long work, to a listener that is set for a block of code, if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Listener = Callable[[str, int, int], None]
"""Called with the name of the work, the steps that are done, and all steps."""

Item = TypeVar("Item")

_listener: ContextVar[Listener | None] = ContextVar("attngs_progress", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Report the progress of everything inside the block to `listener`."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def track(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Iterate and report before each item and at the end."""
    listener = _listener.get() or (lambda what, done, total: None)
    for done, item in enumerate(items):
        listener(what, done, len(items))
        yield item
    listener(what, len(items), len(items))


def tell(what: str, done: int, total: int) -> None:
    """Report once, for work whose loop is elsewhere."""
    if (listener := _listener.get()) is not None:
        listener(what, done, total)
