"""Failures of writers, as a `ChatError` that repeats no request, and what is worth another attempt.

The message of a `ChatError` becomes the reason in a result, and hosts log it. Clients and servers like to quote the request in their
errors, so a client's own words stay in `__cause__`, and a server's are shown only where they hold no piece of the request.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from attngs.errors import ChatError
from attngs.text.words import words
from attngs.types import ChatReply, Message

logger = logging.getLogger(__name__)

LONGEST_EXCERPT = 300
"""Characters of a server's own words in our messages: enough to understand them."""

RUN = 3
"""Words in a row that are a piece of the request, not a coincidence."""

HIDDEN = "its words repeat the request, so only the log at DEBUG has them"

_QUOTED = re.compile("['\"`\u2018\u201c\u00ab](.{2,}?)['\"`\u2019\u201d\u00bb]")

FIRST_PAUSE = 0.5
"""Seconds before the second attempt, unless the server asks for more; doubled each time, and shortened at random to spread callers."""

LONGEST_PAUSE = 8.0


def as_chat_error(error: Exception, who: str, messages: Sequence[Message]) -> ChatError:
    """The failure of a writer; a `ChatError` stays what it is.

    Retryable where that is certain: `TimeoutError`, `ConnectionError`, and an HTTP status of 408, 409, 429 or 5xx, which most clients'
    exceptions carry as `status_code`, or their `response` does.

    Args:
        error: What was raised; set it as the cause.
        who: Names the writer in the message.
        messages: What the writer was asked.
    """
    if isinstance(error, ChatError):
        return error
    logger.debug("%s raised %s: %s", who, type(error).__name__, error)
    response = getattr(error, "response", None)
    codes = (getattr(error, "status_code", None), getattr(response, "status_code", None))
    status = next((code for code in codes if isinstance(code, int) and not isinstance(code, bool)), None)
    certain = is_retryable(status) if status is not None else isinstance(error, TimeoutError | ConnectionError)
    headers: Any = getattr(response, "headers", None)
    said = own_words(getattr(error, "body", None), lambda line: without_request(line, [message.content for message in messages]))
    return ChatError(
        f"{who} raised {type(error).__name__}{'' if status is None else f' with status {status}'}"
        + (f": {said}" if said else "; what it says is in `__cause__`, and in the log at DEBUG."),
        retryable=certain,
        status=status,
        retry_after=retry_after(headers) if isinstance(headers, Mapping) else None,
    )


def is_retryable(status: int) -> bool:
    """Whether a request that got this HTTP status may succeed when it is sent again as it is."""
    return status in (408, 409, 429) or status >= 500


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait; `None` if it does not say, or makes no sense."""
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


def own_words(body: object, shown: Callable[[str], str]) -> str:
    """What a server says about its error, on one line; empty when it says nothing that can be understood.

    Only fields that are meant for people are read: a validation error may hold the whole request beside them.

    Args:
        body: Of the server's answer: parsed JSON, or a text.
        shown: What of the line may be shown; it sees the line before it is cut.
    """
    error = body.get("error", body) if isinstance(body, Mapping) else body
    said = next((error[key] for key in ("message", "detail") if error.get(key)), "") if isinstance(error, Mapping) else error
    line = shown(" ".join(said.split())) if isinstance(said, str) and not said.lstrip().startswith("<") else ""
    return line if len(line) <= LONGEST_EXCERPT else f"{line[:LONGEST_EXCERPT]}..."


def without_request(line: str, texts: Sequence[str]) -> str:
    """The line, unless it holds a piece of these texts: a few words in a row, or anything in quotes."""
    text = "\n".join(texts)
    said, asked = words(line), words(text)
    runs = {tuple(said[i : i + RUN]) for i in range(len(said) - RUN + 1)}
    in_a_row = any(tuple(asked[i : i + RUN]) in runs for i in range(len(asked) - RUN + 1))
    if in_a_row or any(quoted.casefold() in text.casefold() for quoted in _QUOTED.findall(line)):
        logger.debug("an error that repeats the request: %s", line)
        return HIDDEN
    return line


async def with_retries(attempt: Callable[[], Awaitable[ChatReply]], *, max_retries: int, deadline: float) -> ChatReply:
    """The first reply of at most `1 + max_retries` attempts, with the pauses that the server asks for.

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
