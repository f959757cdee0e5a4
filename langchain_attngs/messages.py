"""Reading LangChain's messages: their text, the question, who speaks, and where a conversation may be cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage

from attngs.selection import ExtractLayout
from attngs.text.documents import as_query
from attngs.types import Document

TURNS = ExtractLayout(label="{id}: ", gap=" ", document_gap="\n")
"""A conversation: a message a line, with who said it."""

MEMORY, EARLIER = "memory", "earlier_conversation"
"""The tags that what we add stands between."""

_TAG = re.compile(rf"<(?=/?(?:{MEMORY}|{EARLIER})\b)", re.IGNORECASE)


def text_of(message: BaseMessage) -> str | None:
    """The text of a message; `None` where it holds something else as well, such as an image."""
    content = message.content
    if not isinstance(content, str):
        kinds = {block.get("type") if isinstance(block, dict) else "text" for block in content}
        if not kinds <= {"text", "reasoning", "thinking", "tool_use", "tool_call"}:
            return None
    return str(message.text)


def question_of(messages: Sequence[BaseMessage]) -> str:
    """What the user said last, as a question; empty where nothing was said."""
    asked = next((message for message in reversed(messages) if isinstance(message, HumanMessage)), None)
    return as_query(str(asked.text)) if asked else ""


def weight_of(message: BaseMessage) -> str:
    """Everything of a message that takes tokens, as a text to be counted."""
    calls = "".join(f"{call['name']} {call['args']}" for call in message.tool_calls) if isinstance(message, AIMessage) else ""
    return f"{message.text}{calls}"


def as_turns(messages: Sequence[BaseMessage]) -> list[Document]:
    """The messages that say something, each under who said it."""
    return [Document(id=_speaker(message), text=guarded(str(message.text))) for message in messages if str(message.text).strip()]


def last_turns(messages: Sequence[AnyMessage], keep: int) -> int:
    """Where the last messages begin: `keep` of them or more, from the beginning of a turn of the user's.

    A call of a tool is thus never parted from its result, nor the current question from what was done about it. 0: nothing is older.
    """
    starts = [number for number, message in enumerate(messages) if isinstance(message, HumanMessage)]
    return max((start for start in starts if len(messages) - start >= keep), default=0)


def guarded(text: str) -> str:
    """A text that cannot end the tags which we put round it."""
    return _TAG.sub("‹", text)


def _speaker(message: BaseMessage) -> str:
    if isinstance(message, ToolMessage):
        return f"tool {message.name}" if message.name else "tool"
    return {"human": "user", "ai": "assistant"}.get(message.type, message.type)
