"""Exported chats in JSON -> one document a conversation: its title and its turns.

ChatGPT and Claude exports, `messages` of any API (OpenAI, Anthropic, Gemini, LangChain, ShareGPT), and chats between people (Telegram,
Slack, Discord, Messenger) all come down to a list of objects with a speaker, a text and perhaps a time. A chat with a model is written
with roles, `User:` above each message; a chat between people like WhatsApp's own export, `[2024-03-01, 10:15] Ana: hi`. The reader of
chats (`structure/chat.py`) then makes each turn a unit with its speaker and its title.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from attngs.errors import InputError
from attngs.text.defusing import TURN, quote_lines
from attngs.text.structure.chat import CONTENT_TYPE
from attngs.types import Document

MESSAGE_LISTS = ("messages", "chat_messages", "conversations", "conversation", "turns", "history")
"""Fields under which a conversation holds its messages."""
CONVERSATION_IDS = ("conversation_id", "thread_id", "session_id", "chat_id")
"""Fields by which a message says which conversation it belongs to."""

_IDS = ("id", "uuid", *CONVERSATION_IDS)
_SPEAKERS = ("role", "sender", "sender_name", "from", "author", "speaker", "user", "name", "type")
_TEXTS = ("content", "text", "parts", "value", "message", "body", "data")
_CREATED = ("created_at", "create_time", "createdAt", "timestamp", "date", "ts", "timestamp_ms", "time")
_UPDATED = ("updated_at", "update_time", "updatedAt")
_ROLES = {
    **dict.fromkeys(("user", "human", "you"), "User"),
    **dict.fromkeys(("assistant", "ai", "model", "bot", "gpt", "chatgpt", "claude"), "Assistant"),
    **dict.fromkeys(("system", "developer"), "System"),
    **dict.fromkeys(("tool", "function"), "Tool"),
}
_THOUGHTS = {"thinking", "redacted_thinking", "reasoning", "thoughts"}
_SHOWN = {"text", "multimodal_text"}
"""What ChatGPT shows of its messages; the rest is thoughts, code that it ran, and instructions."""
_EPOCH = re.compile(r"\d{9,13}(?:\.\d+)?")
_LATEST_SECOND = 1e11
"""A larger number counts milliseconds."""


class Turn(NamedTuple):
    """Who said what, and when, in ISO 8601 where that is known."""

    speaker: str
    text: str
    time: str


def is_message(value: object) -> bool:
    """Whether a JSON value by itself is a message: a role with a text, or a Slack message."""
    if not isinstance(value, Mapping):
        return False
    is_role = "role" in value or any(str(value.get(key)).lower() in _ROLES for key in ("type", "from"))
    return (is_role and any(key in value for key in _TEXTS)) or {"user", "ts", "text"} <= value.keys()


def is_conversation(value: object) -> bool:
    """Whether a JSON value is an object that holds messages."""
    return isinstance(value, Mapping) and (_tree_of(value) is not None or _list_of(value) is not None)


def conversations_in(value: object) -> list[object] | None:
    """The conversations of a JSON value, itself or its items; `None` if none of them is one."""
    if isinstance(value, Mapping) and isinstance(chats := value.get("chats"), Mapping):  # all of Telegram's
        value = chats.get("list")
    if isinstance(value, list):
        if value and is_message(value[0]):
            return [{"messages": value}]
        return value if any(map(is_conversation, value)) else None
    return [value] if isinstance(value, Mapping) and is_conversation(value) else None


def conversation_document(value: object, place: str, default_id: str, source: str) -> Document | None:
    """The document of a conversation; `None` if nobody says anything in it.

    Args:
        value: A JSON value.
        place: Where it stands, for errors: the file and the line or the item.
        default_id: Its id if it names none.
        source: The name of its file.

    Raises:
        InputError: It is no object that may hold messages.
    """
    if not isinstance(value, Mapping) or not any(key in value for key in ("mapping", *MESSAGE_LISTS)):
        raise InputError(f"`{place}` is no conversation, as others in the file are: an object with `messages` or `mapping`.")
    tree = _tree_of(value)
    turns = [_turn(message) for message in (_branch(tree, value.get("current_node")) if tree is not None else _list_of(value) or ())]
    said = [turn for turn in turns if turn.text]
    if not said:
        return None
    if said[0].time > said[-1].time > "":  # Messenger's newest message comes first
        said.reverse()
    title = " ".join(str(value.get("title") or value.get("name") or "").split())
    times = [turn.time for turn in said if turn.time]
    created, updated = _first_time(value, _CREATED) or min(times, default=""), _first_time(value, _UPDATED) or max(times, default="")
    facts = {"title": title, "created_at": created, "updated_at": updated}
    own_id = next((value[key] for key in _IDS if isinstance(value.get(key), str | int)), default_id)
    heading = f"# {title}\n\n" if title else ""
    return Document(
        text=heading + _written(said),
        id=str(own_id),
        metadata={"source": source, "content_type": CONTENT_TYPE, **{name: fact for name, fact in facts.items() if fact}},
    )


def _tree_of(value: Mapping[str, object]) -> Mapping[str, Mapping[str, object]] | None:
    """ChatGPT's nodes: every edited message begins another branch."""
    nodes = value.get("mapping")
    return nodes if isinstance(nodes, Mapping) and nodes and all(isinstance(node, Mapping) for node in nodes.values()) else None


def _list_of(value: Mapping[str, object]) -> Sequence[Mapping[str, object]] | None:
    for key in MESSAGE_LISTS:
        found = value.get(key)
        if isinstance(found, list) and found and all(isinstance(message, Mapping) and _is_said(message) for message in found):
            return found
    return None


def _is_said(message: Mapping[str, object]) -> bool:
    return any(key in message for key in _SPEAKERS) and any(key in message for key in (*_TEXTS, "tool_calls"))


def _branch(nodes: Mapping[str, Mapping[str, object]], leaf: object) -> list[Mapping[str, object]]:
    """The messages from the root to `leaf`, the branch that was seen last; without it, to the newest one."""
    if leaf not in nodes:
        leaf = max(nodes, key=lambda name: _seconds(nodes[name]))
    messages, passed = list[Mapping[str, object]](), set[object]()
    while isinstance(leaf, str) and leaf in nodes and leaf not in passed:
        passed.add(leaf)
        message = nodes[leaf].get("message")
        if isinstance(message, Mapping) and _is_shown(message):
            messages.append(message)
        leaf = nodes[leaf].get("parent")
    return messages[::-1]


def _seconds(node: Mapping[str, object]) -> float:
    message = node.get("message")
    created = message.get("create_time") if isinstance(message, Mapping) else None
    return float(created) if isinstance(created, int | float) else -1.0


def _is_shown(message: Mapping[str, object]) -> bool:
    author, content, facts = message.get("author"), message.get("content"), message.get("metadata")
    role = author.get("role") if isinstance(author, Mapping) else None
    kind = content.get("content_type", "text") if isinstance(content, Mapping) else "text"
    hidden = isinstance(facts, Mapping) and facts.get("is_visually_hidden_from_conversation")
    return role in ("user", "assistant") and kind in _SHOWN and message.get("recipient") in (None, "all") and not hidden


def _turn(message: Mapping[str, object]) -> Turn:
    named = next((message[key] for key in _SPEAKERS if message.get(key)), "")
    if isinstance(named, Mapping):
        named = named.get("role") or named.get("nickname") or named.get("name") or ""
    speaker = " ".join(str(named).replace(":", " ").split())[:60]
    text = next((text for key in _TEXTS if (text := _text(message.get(key)))), "")
    return Turn(_ROLES.get(speaker.lower(), speaker), text, _first_time(message, _CREATED))


def _text(content: object) -> str:
    """The words of a message: a text, or the parts of one that hold words."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, Mapping):
        if content.get("type") in _THOUGHTS:
            return ""
        return next((text for key in ("text", "content", "parts", "transcript") if (text := _text(content.get(key)))), "")
    if not isinstance(content, list):
        return ""
    if any(isinstance(part, str) for part in content) and any(_is_entity(part) for part in content):  # Telegram's links and bold words
        return "".join(part if isinstance(part, str) else _raw(part) for part in content).strip()
    return "\n\n".join(text for part in content if (text := _text(part)))


def _is_entity(part: object) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("text"), str)


def _raw(part: object) -> str:
    return str(part.get("text", "")) if isinstance(part, Mapping) else ""


def _first_time(value: Mapping[str, object], keys: Iterable[str]) -> str:
    return next((time for key in keys if (time := _time(value.get(key)))), "")


def _time(value: object) -> str:
    """A time as ISO 8601, from seconds or milliseconds since 1970; a date in words stays as it is."""
    if isinstance(value, str) and not _EPOCH.fullmatch(value.strip()):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    seconds = float(value)
    try:
        return datetime.fromtimestamp(seconds / 1000 if seconds > _LATEST_SECOND else seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def _written(turns: Sequence[Turn]) -> str:
    if {turn.speaker for turn in turns} <= set(_ROLES.values()):
        return "\n\n".join(f"{turn.speaker}:\n{quote_lines(turn.text, TURN)}" for turn in turns)
    return "\n".join(f"{_stamp(turn.time)}{turn.speaker or 'Unknown'}: {turn.text}" for turn in turns)


def _stamp(time: str) -> str:
    day, clock = time[:10], time[11:16]
    return f"[{day}, {clock}] " if re.fullmatch(r"\d{4}-\d\d-\d\d", day) and re.fullmatch(r"\d\d:\d\d", clock) else ""
