"""Attempts under one deadline: again after what may pass, as late as the other side asks, never past the deadline."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from attngs.errors import ChatError
from attngs.types import ChatReply

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
"""Seconds before the second attempt when nobody asked for more; doubled each time, shortened at random so that callers spread out."""

LONGEST_PAUSE = 8.0


def is_retryable(status: int) -> bool:
    """Whether a request that got this HTTP status may succeed when it is sent again as it is."""
    return status in (408, 409, 429) or status >= 500


async def with_retries(attempt: Callable[[], Awaitable[ChatReply]], *, max_retries: int, deadline: float) -> ChatReply:
    """The first reply, of at most `1 + max_retries` attempts.

    Args:
        attempt: Raises `ChatError` when it fails.
        max_retries: Attempts after the first.
        deadline: In seconds of the running loop's clock. No pause goes past it; cutting an attempt short is up to the caller.

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


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to be left alone; `None` when it does not say, or not in a way that anybody could follow."""
    try:
        if (milliseconds := headers.get("retry-after-ms")) is not None:
            seconds = float(milliseconds) / 1e3
        elif (value := headers.get("retry-after")) is None:
            return None
        elif value.strip()[:1].isalpha():
            seconds = max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        else:
            seconds = float(value)
    except (ValueError, TypeError, OverflowError, AttributeError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _pause(error: ChatError, retry: int) -> float:
    spread: float = random.random()  # noqa: S311 - spreads callers, keeps no secret
    if error.retry_after is not None:
        return error.retry_after + 0.1 * spread
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(retry, 10)) * (0.5 + 0.5 * spread)


MOST_CHARACTERS = 300
"""Of what the client said: some put the whole request into their errors."""


def as_chat_error(error: Exception, who: str) -> ChatError:
    """The failure of a writer; a `ChatError` stays what it is.

    Retryable where that is certain: `TimeoutError`, `ConnectionError`, and an HTTP status of 408, 409, 429 or 5xx, which most clients'
    exceptions carry as `status_code`, or their `response` does.

    Args:
        error: What was raised; set it as the cause.
        who: Names the writer in the message.
    """
    if isinstance(error, ChatError):
        return error
    response = getattr(error, "response", None)
    codes = (getattr(error, "status_code", None), getattr(response, "status_code", None))
    status = next((code for code in codes if isinstance(code, int) and not isinstance(code, bool)), None)
    certain = is_retryable(status) if status is not None else isinstance(error, TimeoutError | ConnectionError)
    headers: Any = getattr(response, "headers", None)
    line = " ".join(str(error).split())
    said = line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}..."
    return ChatError(
        f"{who} raised {type(error).__name__}: {said}",
        retryable=certain,
        status=status,
        retry_after=retry_after(headers) if isinstance(headers, Mapping) else None,
    )
