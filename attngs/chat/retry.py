"""Attempts under one deadline, with the pauses that the server asks for."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from attngs.errors import ChatError
from attngs.types import ChatReply

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
"""Seconds before the second attempt, unless the server asks for more; doubled each time, and shortened at random to spread callers."""

LONGEST_PAUSE = 8.0


async def with_retries(attempt: Callable[[], Awaitable[ChatReply]], *, max_retries: int, deadline: float) -> ChatReply:
    """The first reply, of at most `1 + max_retries` attempts.

    Args:
        attempt: Raises `ChatError` when it fails.
        max_retries: Attempts after the first.
        deadline: In seconds of the running loop's clock. No pause goes past it; the caller cuts attempts short.

    Raises:
        ChatError: The last attempt's.
    """
    clock = asyncio.get_running_loop()
    for retry in range(max_retries + 1):
        try:
            return await attempt()
        except ChatError as error:
            pause = _pause(error, retry)
            if not error.retryable or retry == max_retries or clock.time() + pause >= deadline:
                raise
            logger.debug("attempt %d failed (status %s); the next one follows in %.2f s", retry + 1, error.status, pause)
        await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _pause(error: ChatError, retry: int) -> float:
    spread: float = random.random()  # noqa: S311 - spreads callers, keeps no secret
    if error.retry_after is not None:
        return error.retry_after + 0.1 * spread
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(retry, 10)) * (0.5 + 0.5 * spread)
