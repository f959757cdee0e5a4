"""What goes to a writer and what comes back, checked at the door and put into our words."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.errors import ChatError, InputError
from attngs.text.documents import clean_text
from attngs.types import ChatReply, Message

ROLES = ("system", "user", "assistant")

_ENDINGS = {
    "stop": "end end_turn eos eos_token stop_sequence stop_token complete completed finished",
    "length": "max_tokens max_length max_new_tokens max_output_tokens model_length model_context_window_exceeded",
    "content_filter": "content_filtered safety recitation blocklist prohibited_content spii guardrail_intervened sensitive",
    "tool_calls": "function_call tool_call tool_use",
    "refusal": "",
}
"""The values of `ChatReply.finish_reason`, and what others call them."""
_IN_OUR_WORDS = {word: ours for ours, words in _ENDINGS.items() for word in (ours, *words.split())}


def clean_messages(messages: Sequence[Message]) -> list[Message]:
    """Copies in which each lone surrogate, which no wire and no tokenizer can spell, is U+FFFD.

    Raises:
        InputError: There are none, or one is not a pair of role and text.
    """
    if not messages:
        raise InputError("`messages` is empty; a writer needs at least one.")
    return [_clean(number, message) for number, message in enumerate(messages)]


def check_reply(reply: object) -> ChatReply:
    """What a writer returned, if it is a reply.

    Raises:
        ChatError: It is something else, or has no text.
    """
    if not isinstance(reply, ChatReply) or not isinstance(reply.text, str):
        raise ChatError(f"the writer returned {type(reply).__name__}; it must return a `ChatReply` with text, and raise when it has none.")
    return reply


def in_our_words(reason: object) -> str | None:
    """Why a reply ended, in the words of `ChatReply.finish_reason`.

    Takes the name of an enum as well, such as `FinishReason.MAX_TOKENS`. An unknown reason stays as it is. Anything but a text, and an
    empty text, gives `None`.
    """
    if not isinstance(reason, str) or not reason:
        return None
    return _IN_OUR_WORDS.get(reason.rpartition(".")[2].lower(), reason)


def _clean(number: int, message: object) -> Message:
    if not isinstance(message, tuple) or len(message) != 2:
        raise InputError(f"`messages[{number}]` must be an `attngs.types.Message`, got {type(message).__name__}.")
    role, content = message
    if role not in ROLES:
        raise InputError(f"the role of `messages[{number}]` must be one of {', '.join(ROLES)}, got {role!r}.")
    if not isinstance(content, str):
        raise InputError(f"the content of `messages[{number}]` must be a str, got {type(content).__name__}.")
    return Message(role, clean_text(content))
