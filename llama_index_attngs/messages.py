"""Chat messages -> turns of text, and text -> what a chat engine cannot mistake for its own template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from attngs.documents import as_query
from llama_index_attngs.fields import field
from llama_index_attngs.turns import Turn

_MEDIA = {"image": "an image", "audio": "a recording", "video": "a video", "document": "a document"}
_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_FRAME = re.compile(r"<(?=/?\w+>)")
_LABEL = re.compile(rf"^(\s*)\[(?=(?:{'|'.join(role.value for role in MessageRole)})\])", re.MULTILINE)


def as_turns(messages: Sequence[ChatMessage]) -> list[Turn]:
    """What was said, with calls of tools and media named, so that a tool's answer keeps its question. Empty messages are left out."""
    turns = [Turn(MessageRole(message.role).value, "\n".join(_parts(message)).strip()) for message in messages]
    return [turn for turn in turns if turn.text]


def question(messages: Sequence[ChatMessage] | None) -> str:
    """The last thing that the user said, as a question; empty when nothing was."""
    asked = (as_query(message.content or "") for message in reversed(messages or ()) if message.role == MessageRole.USER)
    return next((text for text in asked if text), "")


def defuse(text: str) -> str:
    """Text that stays text wherever a chat engine puts it.

    Some engines make the history part of a template and fill it in again: `{context_str}` in a memory would be replaced by the documents
    of the day, so its braces are moved apart. A tag would end the frame round the memory, and a label at the start of a line would give
    somebody else the word, so their brackets are replaced.
    """
    return _LABEL.sub(r"\1‹", _FRAME.sub("‹", _FIELD.sub(r"{ \1 }", text)))


def _parts(message: ChatMessage) -> Iterator[str]:
    called = False
    for block in message.blocks:
        kind = block.block_type
        if kind == "text":
            yield field(block, "text")
        elif kind == "tool_call":  # older versions have no such blocks
            called = True
            yield _call(field(block, "tool_name"), field(block, "tool_kwargs"))
        elif kind in _MEDIA:
            yield f"({_MEDIA[kind]})"
    calls = message.additional_kwargs.get("tool_calls")
    for call in calls if isinstance(calls, Sequence) and not called else ():
        yield _call(field(field(call, "function"), "name"), field(field(call, "function"), "arguments"))


def _call(name: object, arguments: object) -> str:
    return f"(called the tool {name} with {arguments})"
