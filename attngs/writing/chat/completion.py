"""The body of a chat completion -> a reply, whatever dialect of the protocol the server speaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from attngs.errors import ChatError
from attngs.text.documents import clean_text
from attngs.types import ChatReply, Usage
from attngs.writing.chat.failures import is_retryable, own_words
from attngs.writing.chat.messages import in_our_words


def read_completion(body: bytes, content_type: str, shown: Callable[[str], str]) -> ChatReply:
    """Read the first choice.

    Args:
        body: As it came.
        content_type: What the server calls it.
        shown: What may be shown of the server's words about an error.

    Returns:
        A refusal has its text and `finish_reason="refusal"`; tool calls without text have no text and `finish_reason="tool_calls"`.

    Raises:
        ChatError: The body is no chat completion, or the server describes an error in it.
    """
    data = _parsed(body, content_type)
    if data.get("error"):
        raise _described(data, shown)
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _malformed("it has no `choices`")
    choice = choices[0]
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _malformed("its choice has no `message`")
    text, finish_reason = _content(message.get("content")), in_our_words(choice.get("finish_reason"))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        text, finish_reason = text or refusal, "refusal"
    elif (message.get("tool_calls") or message.get("function_call")) and not text:
        finish_reason = "tool_calls"
    return ChatReply(
        text=clean_text(text),
        finish_reason=finish_reason,
        usage=_usage(data.get("usage")),
    )


def _parsed(body: bytes, content_type: str) -> dict[str, Any]:
    if not body.strip():
        raise _malformed("it is empty")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:  # also what is not UTF-8
        page = "html" in content_type.lower() or body.lstrip()[:1] == b"<"
        raise _malformed("it is a web page" if page else f"it is not JSON ({type(error).__name__})") from None
    if not isinstance(data, dict):
        raise _malformed(f"it is a JSON {type(data).__name__}")
    return data


def _described(data: dict[str, Any], shown: Callable[[str], str]) -> ChatError:
    """The error in a reply with status 200: gateways send those for the server behind them."""
    error = data["error"]
    code = error.get("code") if isinstance(error, dict) else None
    digits = code.strip() if isinstance(code, str) else str(code)  # some have the number as text
    status = int(digits) if len(digits) == 3 and digits.isascii() and digits.isdecimal() and digits[0] in "45" else None
    return ChatError(
        f"the endpoint replied with an error: {own_words(data, shown) or 'it does not say which'}",
        status=status,
        retryable=status is not None and is_retryable(status),
    )


def _malformed(what: str) -> ChatError:
    return ChatError(f"the endpoint's reply is no chat completion: {what}. Check that `base_url` is an API's, most end in `/v1`.")


def _content(content: object) -> str:
    """The text: a string, nothing, or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(text for text in texts if isinstance(text, str))
    raise _malformed(f"its `content` is a {type(content).__name__}")


def _usage(usage: object) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    numbers = [count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count >= 0]
    return Usage(*numbers) if len(numbers) == 2 else None
