"""How long work tells whoever waits: a listener that is set for a block of code, and nothing at all when none is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Listener = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, and how many there are."""

Item = TypeVar("Item")

_listener: ContextVar[Listener | None] = ContextVar("attngs_progress", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send the progress of everything inside the block to `listener`."""
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
    """Report once, for work that somebody else iterates over."""
    if (listener := _listener.get()) is not None:
        listener(what, done, total)
