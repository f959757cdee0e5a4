"""What messages say, whatever their framework: who asks what, and where turns begin.

Each package for a framework reads its messages into `Said`, so that one set of rules serves all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from attngs.marking.followups import as_question
from attngs.reading.context_cache import digest
from attngs.types import Document, Message, Question

_NO_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message."""

    role: str
    """`user`, `assistant`, `tool`, `system`, or what else a framework has."""
    text: str
    key: str = ""
    """Names a user's message: its id, or a digest."""
    name: str = ""
    """Of the tool."""
    call_id: str = ""
    """Of the call that this is the result of."""
    calls: str = ""
    """The tools that it calls, with their arguments: they take tokens too."""
    is_text: bool = True
    """Whether it holds text alone, and no image for instance."""


def keyed(messages: Sequence[Said]) -> list[Said]:
    """The messages, with keys for the user's: digests of what the user has said up to them."""
    found, key = list[Said](), ""
    for message in messages:
        if message.role == "user":
            key = digest("asked", key, message.text).hex()
        found.append(replace(message, key=key) if message.role == "user" else message)
    return found


def spoken(messages: Sequence[Said]) -> list[Message]:
    """What the user and the assistant said."""
    return [Message(message.role, message.text) for message in messages if message.role in ("user", "assistant")]


def question_in(messages: Sequence[Said]) -> Question:
    """The user's last message as a question, with its background if it is a follow-up."""
    return as_question(spoken(messages))


def last_question(messages: Sequence[Said]) -> Said | None:
    """The user's last message."""
    return next((message for message in reversed(messages) if message.role == "user"), None)


def has_question(messages: Sequence[Said]) -> bool:
    """Whether the user has said anything."""
    return any(message.role == "user" and message.text.strip() for message in reversed(messages))


def as_turns(messages: Sequence[Said]) -> list[Document]:
    """The messages that hold text. Their ids name the speakers."""
    return [Document(id=_speaker(message), text=message.text) for message in messages if message.text.strip()]


def last_turns(messages: Sequence[Said], keep: int) -> int:
    """Where the last messages begin: at least `keep` of them, from a user's message; 0 if none is older.

    So a tool call stays with its result, and the current question with what was done about it.
    """
    starts = [number for number, message in enumerate(messages) if message.role == "user"]
    return max((start for start in starts if len(messages) - start >= keep), default=0)


def turn_keys(messages: Sequence[Said]) -> dict[int, str]:
    """Where turns begin, from the second one on, each with a key made of everything before it."""
    keys, key = dict[int, str](), ""
    for number, message in enumerate(messages):
        if message.role == "user" and number:
            keys[number] = key
        key = digest("turns", key, message.role, message.text).hex()
    return keys


def result_keys(message: Said) -> tuple[str, str]:
    """The keys of a tool's result: in a compacted conversation, which comes first, and alone."""
    found = message.call_id, message.text
    return digest("compacted", *found).hex(), digest("result", *found).hex()


def before_words(text: str) -> str:
    """A text with the gap that parts it from the user's words."""
    return f"{text}\n\n"


def _speaker(message: Said) -> str:
    """Who speaks, in one or two words. Others may have named a tool, so odd signs in its name become `_`."""
    if message.role == "tool":
        return f"tool {_NO_NAME.sub('_', message.name)[:64]}" if message.name else "tool"
    return message.role
