"""Equal requests at the same time are worked on once: the first works, the others wait for what comes of it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeAlias, TypeVar

Answer = TypeVar("Answer")

Outcome: TypeAlias = "Future[Answer | Exception | None]"
"""What came of a request, or `None`: whoever worked on it was interrupted, and somebody else must."""


class SingleFlight(Generic[Answer]):
    """Requests that are being worked on now. Safe from threads and event loops; a fork begins with none."""

    def __init__(self) -> None:
        self._flights: dict[tuple[int, Hashable], Outcome[Answer]] = {}

    async def join(
        self,
        key: Hashable,
        work: Callable[[], Awaitable[Answer]],
        wait: Callable[[Outcome[Answer]], Awaitable[Answer | Exception | None]],
    ) -> tuple[Answer, bool]:
        """The answer, and whether it was worked out here.

        An error reaches everyone who waits. A worker that is cancelled or interrupted reaches nobody: the next in the queue takes over.

        Args:
            key: Equal for equal requests.
            work: Does it. Runs if nobody else is at it.
            wait: Waits for what comes of another's work.
        """
        name = (os.getpid(), key)
        while True:
            mine: Outcome[Answer] = Future()
            mine.set_running_or_notify_cancel()  # now nobody who waits can cancel it for the others
            flight = self._flights.setdefault(name, mine)
            if flight is mine:
                return await self._work(name, mine, work), True
            outcome = await wait(flight)
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return outcome, False

    async def _work(self, name: tuple[int, Hashable], flight: Outcome[Answer], work: Callable[[], Awaitable[Answer]]) -> Answer:
        outcome: Answer | Exception | None = None
        try:
            outcome = await work()
        except Exception as error:
            outcome = error
            raise
        finally:
            del self._flights[name]
            flight.set_result(outcome)
        return outcome
