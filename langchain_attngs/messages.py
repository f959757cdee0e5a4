"""LangChain's messages, as our rules read them and as a model is shown them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from attngs.hosts.conversation import Said, question_in, spoken
from attngs.hosts.frames import TAGS
from attngs.hosts.gate import as_request
from attngs.hosts.shortening import View
from attngs.text.defusing import defuse_tags
from attngs.types import Question

_ROLES = {"human": "user", "ai": "assistant"}
"""What LangChain calls them; its other types have our names."""


def said(messages: Sequence[BaseMessage]) -> list[Said]:
    """The messages as our rules read them."""
    return [
        Said(
            role=_ROLES.get(message.type, message.type),
            text=str(message.text),
            key=message.id or "",
            name=message.name or "",
            call_id=message.tool_call_id if isinstance(message, ToolMessage) else "",
            calls="".join(f"{call['name']} {call['args']}" for call in message.tool_calls) if isinstance(message, AIMessage) else "",
            is_text=_is_text(message),
        )
        for message in messages
    ]


def question_of(messages: Sequence[BaseMessage]) -> Question:
    """The user's last message as a question.

    A follow-up, such as "and his sister?", has what was said before it as its background. The text is empty where the user has said
    nothing. Tools and system prompts are not read.
    """
    return question_in(said(messages))


def request_of(messages: Sequence[BaseMessage]) -> Question:
    """What a gate's judge is shown: the user's last message, and those that it goes on from."""
    return as_request(spoken(said(messages)))


def viewed(view: View, messages: Sequence[AnyMessage], originals: Sequence[AnyMessage]) -> list[AnyMessage]:
    """The messages as a model is shown them: copies where something changes.

    Args:
        view: What is shown.
        messages: What the model would be shown.
        originals: The same messages as they are in the state. What another middleware put before a user's words stays.
    """
    return [_viewed(number, view, messages[number], originals[number]) for number in view.shown]


def _viewed(number: int, view: View, message: AnyMessage, original: AnyMessage) -> AnyMessage:
    if number in view.results:
        return message.model_copy(update={"content": view.results[number]})
    if not isinstance(message, HumanMessage):
        return message
    words = _own_words(message) if message.content == original.content else message
    return _put_before(words, view.before[number]) if number in view.before else words


def _put_before(message: AnyMessage, text: str) -> AnyMessage:
    """A copy of the message with a text before its own: templates refuse two messages of a user in a row."""
    content = message.content
    blocks = f"{text}{content}" if isinstance(content, str) else [{"type": "text", "text": text}, *content]
    return message.model_copy(update={"content": blocks})


def _own_words(message: AnyMessage) -> AnyMessage:
    """A user's message in which no text passes for a frame of ours; the message itself where none does."""
    content = message.content
    safe = defuse_tags(content, TAGS) if isinstance(content, str) else [_without_frames(block) for block in content]
    return message if safe == content else message.model_copy(update={"content": safe})


def _is_text(message: BaseMessage) -> bool:
    content = message.content
    kinds = {block.get("type") if isinstance(block, dict) else "text" for block in content} if not isinstance(content, str) else set()
    return kinds <= {"text", "reasoning", "thinking", "tool_use", "tool_call"}


def _without_frames(block: str | dict[Any, Any]) -> str | dict[Any, Any]:
    if isinstance(block, str):
        return defuse_tags(block, TAGS)
    return {**block, "text": defuse_tags(block["text"], TAGS)} if isinstance(block.get("text"), str) else block
