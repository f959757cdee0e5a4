"""What messages say: who asks what, where turns begin, and what stands before a user's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from attngs.hosts.frames import TAGS
from attngs.hosts.gate import as_request
from attngs.marking.followups import as_question
from attngs.text.defusing import defuse_tags
from attngs.types import Document, Message, Question

_SPEAKERS = {"human": "user", "ai": "assistant"}
_NO_NAME = re.compile(r"[^\w.-]+")


def last_question(messages: Sequence[BaseMessage]) -> HumanMessage | None:
    """The user's last message."""
    return next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)


def question_of(messages: Sequence[BaseMessage]) -> Question:
    """The user's last message as a question.

    A follow-up, such as "and his sister?", has what was said before it as its background. The text is empty where the user has said
    nothing. Tools and system prompts are not read.
    """
    return as_question(_spoken(messages))


def request_of(messages: Sequence[BaseMessage]) -> Question:
    """What a gate's judge is shown: the user's last message, and those that it goes on from."""
    return as_request(_spoken(messages))


def has_question(messages: Sequence[BaseMessage]) -> bool:
    """Whether the user has said anything."""
    return any(isinstance(message, HumanMessage) and str(message.text).strip() for message in reversed(messages))


def as_turns(messages: Sequence[BaseMessage]) -> list[Document]:
    """The messages that hold text. Their ids name the speakers."""
    return [Document(id=_speaker(message), text=str(message.text)) for message in messages if str(message.text).strip()]


def last_turns(messages: Sequence[AnyMessage], keep: int) -> int:
    """Where the last messages begin: at least `keep` of them, from a user's message; 0 if none is older.

    So a tool call stays with its result, and the current question with what was done about it.
    """
    starts = [number for number, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return max((start for start in starts if len(messages) - start >= keep), default=0)


def put_before(message: AnyMessage, text: str) -> AnyMessage:
    """A copy of the message with a text before its own: templates refuse two messages of a user in a row."""
    content, before = message.content, before_words(text)
    blocks = f"{before}{content}" if isinstance(content, str) else [{"type": "text", "text": before}, *content]
    return message.model_copy(update={"content": blocks})


def before_words(text: str) -> str:
    """A text with the gap that parts it from the user's words."""
    return f"{text}\n\n"


def own_words(message: AnyMessage) -> AnyMessage:
    """A user's message in which no text passes for a frame of ours; the message itself where none does."""
    content = message.content
    safe = defuse_tags(content, TAGS) if isinstance(content, str) else [_without_frames(block) for block in content]
    return message if safe == content else message.model_copy(update={"content": safe})


def weight_of(message: BaseMessage) -> str:
    """Everything in a message that takes tokens, as a text to be counted."""
    calls = "".join(f"{call['name']} {call['args']}" for call in message.tool_calls) if isinstance(message, AIMessage) else ""
    return f"{message.text}{calls}"


def _spoken(messages: Sequence[BaseMessage]) -> list[Message]:
    """What the user and the assistant said."""
    return [Message(_SPEAKERS[message.type], str(message.text)) for message in messages if message.type in _SPEAKERS]


def _speaker(message: BaseMessage) -> str:
    """Who speaks, in one or two words. Others may have named a tool, so odd signs in its name become `_`."""
    if isinstance(message, ToolMessage):
        return f"tool {_NO_NAME.sub('_', message.name)[:64]}" if message.name else "tool"
    return _SPEAKERS.get(message.type, message.type)


def is_text(message: BaseMessage) -> bool:
    """Whether the message holds text alone, and no image for instance."""
    content = message.content
    kinds = {block.get("type") if isinstance(block, dict) else "text" for block in content} if not isinstance(content, str) else set()
    return kinds <= {"text", "reasoning", "thinking", "tool_use", "tool_call"}


def _without_frames(block: str | dict[Any, Any]) -> str | dict[Any, Any]:
    if isinstance(block, str):
        return defuse_tags(block, TAGS)
    return {**block, "text": defuse_tags(block["text"], TAGS)} if isinstance(block.get("text"), str) else block
