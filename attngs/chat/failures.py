"""Whatever a client raises -> a `ChatError` that says whether it is worth trying again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attngs.chat.retry import is_retryable, retry_after
from attngs.errors import ChatError

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
