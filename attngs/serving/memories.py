"""The memories of a server, by namespace: each is opened when it is first needed, and few stay open."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.marking.marker import Marker

if TYPE_CHECKING:
    from attngs.memory.memory import Memory

MOST_OPEN = 64
"""Memories that stay open while nobody uses them."""


@dataclass(slots=True)
class _Open:
    opening: asyncio.Task[Memory]
    users: int = 0


class Memories:
    """The memories in one file.

    Args:
        open_memory: From a namespace to its memory; runs in a thread.
        most_open: How many stay open, those in use apart.
    """

    def __init__(self, open_memory: Callable[[str], Memory], *, most_open: int = MOST_OPEN) -> None:
        self._open_memory, self._most_open = open_memory, most_open
        self._open = OrderedDict[str, _Open]()

    @classmethod
    def of_file(cls, path: str | Path, marker: Marker) -> Memories:
        """The memories that a file holds, or will hold; all share a marker."""
        from attngs.memory.memory import Memory  # brings torch, and a server over standard input answers before that is there

        return cls(lambda namespace: Memory.open(path, namespace=namespace, marker=marker))

    @asynccontextmanager
    async def of(self, namespace: str) -> AsyncIterator[Memory]:
        """The memory of a namespace, which stays open at least until the end of the block.

        Raises:
            AttngsError: It cannot be opened.
        """
        if namespace not in self._open:
            self._open[namespace] = _Open(asyncio.create_task(asyncio.to_thread(self._open_memory, namespace)))
        entry = self._open[namespace]
        self._open.move_to_end(namespace)
        entry.users += 1
        try:
            yield await asyncio.shield(entry.opening)
        finally:
            entry.users -= 1
            await self._tidy()

    async def close(self) -> None:
        """Close all memories, once nobody uses them any more."""
        for namespace in [*self._open]:
            await self._close(namespace)

    async def _tidy(self) -> None:
        idle = [namespace for namespace, entry in self._open.items() if not entry.users]
        failed = [namespace for namespace in idle if (task := self._open[namespace].opening).done() and task.exception()]
        for namespace in {*failed, *idle[: max(0, len(self._open) - self._most_open)]}:
            await self._close(namespace)

    async def _close(self, namespace: str) -> None:
        opening = self._open.pop(namespace).opening
        [memory] = await asyncio.gather(opening, return_exceptions=True)
        if not isinstance(memory, BaseException):
            await asyncio.to_thread(memory.close)
