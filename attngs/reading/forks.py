"""A child that was forked off has the memory of its parent, but only one of its threads: a lock that another one held stays shut there."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forking(Protocol):
    """What puts itself right in a child."""

    def after_fork(self) -> None:
        """Called in the child, before anything else can run in it."""


_known: weakref.WeakSet[Forking] = weakref.WeakSet()


def renewed_in_children(owner: Forking) -> None:
    """Have `owner.after_fork()` called in every process that is forked off while somebody holds on to `owner`."""
    _known.add(owner)


def _after_fork() -> None:
    for owner in list(_known):
        owner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)
