"""A writer whose replies are kept in a file, with the time that each took, however it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from attngs.protocols import ChatModel
from attngs.types import ChatReply, Message, Usage


class Taken(NamedTuple):
    """A reply that was asked for."""

    reply: ChatReply
    seconds: float
    """Of the processor, when the reply was written."""


class KeptReplies:
    """Asks a writer only what it has not been asked in any run.

    Unlike `CachedChat`, it keeps replies that were cut off too, and what they cost: those are what is measured.

    Args:
        load: Loads the writer; not called where all replies are kept.
        path: The file, one reply a line.
        name: Of the writer and all its settings.

    Attributes:
        taken: The replies of this run, in order.
    """

    def __init__(self, load: Callable[[], ChatModel], path: Path, *, name: str) -> None:
        self._load = load
        self._path = path
        self._name = name
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._kept: dict[str, dict[str, Any]] = {row["key"]: row for row in map(json.loads, lines)}
        self.taken: list[Taken] = []

    @cached_property
    def _chat(self) -> ChatModel:
        return self._load()

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """The kept reply, or the writer's."""
        key = sha256(json.dumps([self._name, *messages]).encode()).hexdigest()
        if key not in self._kept:
            self._keep(key, messages)
        row = self._kept[key]
        usage = Usage(*row["usage"]) if row["usage"] else None
        reply = ChatReply(text=row["text"], finish_reason=row["finish_reason"], usage=usage)
        self.taken.append(Taken(reply, row["seconds"]))
        return reply

    def _keep(self, key: str, messages: Sequence[Message]) -> None:
        chat, started = self._chat, time.process_time()
        reply = chat.complete(messages)
        spent = round(time.process_time() - started, 2)
        row = {"key": key, "text": reply.text, "finish_reason": reply.finish_reason, "usage": reply.usage, "seconds": spent}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        self._kept[key] = row
