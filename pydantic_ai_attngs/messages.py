"""pydantic-ai's messages, as our rules read them and as a model is shown them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    SystemPromptPart,
    TextContent,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from attngs.hosts.conversation import Said
from attngs.hosts.frames import TAGS
from attngs.hosts.shortening import View
from attngs.text.defusing import defuse_tags


class PydanticMessages:
    """Reads requests part by part: a request may hold results of tools and the user's words."""

    def read(self, messages: Sequence[ModelMessage]) -> list[Said]:
        """The parts of requests, and responses, as our rules read them."""
        return [_said(piece) for _, piece in _pieces(messages)]

    def show(self, messages: Sequence[ModelMessage], view: View) -> list[ModelMessage]:
        """The messages as a model is shown them; copies where something changes."""
        pieces, left = _pieces(messages), dict[int, list[Any]]()
        for number in view.shown:
            place, piece = pieces[number]
            left.setdefault(place, []).append(_shown(piece, view.before.get(number, ""), view.results.get(number)))
        return [_with_parts(messages[place], parts) for place, parts in left.items()]


def _pieces(messages: Sequence[ModelMessage]) -> list[tuple[int, ModelRequestPart | ModelResponse]]:
    """Responses, and the parts of requests, each with the number of its message."""
    parts = [(place, [message] if isinstance(message, ModelResponse) else message.parts) for place, message in enumerate(messages)]
    return [(place, piece) for place, pieces in parts for piece in pieces]


def _said(piece: ModelRequestPart | ModelResponse) -> Said:
    if isinstance(piece, ModelResponse):
        calls = [f"{part.tool_name} {part.args_as_json_str()}" for part in piece.parts if isinstance(part, ToolCallPart)]
        return Said(role="assistant", text=piece.text or "", calls="".join(calls))
    if isinstance(piece, UserPromptPart):
        return Said(role="user", text="".join(map(_text, [piece.content] if isinstance(piece.content, str) else piece.content)))
    if isinstance(piece, ToolReturnPart):
        is_text = piece.tool_kind is None and piece.outcome == "success" and not piece.files
        return Said(role="tool", text=piece.model_response_str(), name=piece.tool_name, call_id=piece.tool_call_id, is_text=is_text)
    if piece.part_kind in ("retry-prompt", "retry-feedback"):
        return Said(role="tool", text=piece.model_response(), is_text=False)
    return Said(role="system", text=piece.content if isinstance(piece, SystemPromptPart) else "")


def _shown(piece: Any, before: str, short: str | None) -> Any:
    if short is not None:
        return replace(piece, content=short)
    if not isinstance(piece, UserPromptPart):
        return piece
    content: Any = piece.content
    if isinstance(content, str):
        shown: Any = before + defuse_tags(content, TAGS)
    else:
        shown = [*([before] if before else []), *map(_own_words, content)]
    return piece if shown == content else replace(piece, content=shown)


def _own_words(item: Any) -> Any:
    """An item of the user's in which no text passes for a frame of ours; the item itself where none does."""
    text = _text(item)
    safe = defuse_tags(text, TAGS)
    if safe == text:
        return item
    return safe if isinstance(item, str) else replace(item, content=safe)


def _with_parts(message: ModelMessage, parts: Sequence[Any]) -> ModelMessage:
    """The message itself where all its parts are left as they are."""
    if not isinstance(message, ModelRequest) or [*map(id, message.parts)] == [*map(id, parts)]:
        return message
    return replace(message, parts=[*parts])


def _text(item: object) -> str:
    return item.content if isinstance(item, TextContent) else item if isinstance(item, str) else ""
