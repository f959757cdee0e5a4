"""Short words for tests of the writer behind the endpoint."""

from __future__ import annotations

from typing import Any

from attngs import OpenAIChat
from attngs.types import Message
from tests.loopback.server import LoopbackServer

KEY = "sk-very-secret-123456"


def ask(text: str) -> list[Message]:
    return [Message("system", "Repeat."), Message("user", text)]


def chat_of(loopback: LoopbackServer, **settings: Any) -> OpenAIChat:
    return OpenAIChat("tiny", **{"base_url": loopback.url, "api_key": KEY, "timeout": 30.0, **settings})
