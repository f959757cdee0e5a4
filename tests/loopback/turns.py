"""What the loopback endpoint does with one request, and plans of which request gets what."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Body = Mapping[str, Any]

Kind = Literal["reply", "break_off", "trickle", "hang"]
"""Answer; answer half and cut the connection; answer a byte at a time and never end; never answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer. With nothing set: status 200 and the server's usual text."""

    kind: Kind = "reply"
    status: int = 200
    text: str | None = None
    """Of the reply, or of the error where `status` is one."""
    message: Mapping[str, object] | None = None
    """The reply's whole message in place of `text`, for refusals, tool calls and what is no message at all."""
    finish_reason: str | None = "stop"
    raw: bytes | None = None
    """The whole body in place of everything above."""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0
    """Seconds before anything is sent."""
    pause: float = 0.0
    """Seconds before each word of a stream."""
    code: str | None = None
    """Of the error."""


Plan = Callable[[Body], Turn]
"""Called with each request's body, in the order of arrival."""

USUAL = Turn()
REFUSAL = Turn(message={"role": "assistant", "content": None, "refusal": "I cannot help with that."})
TOOL_CALL = Turn(
    message={
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}],
    },
    finish_reason="tool_calls",
)
NO_CONTENT = Turn(message={"role": "assistant", "content": None})
EMPTY = Turn(text="")
CUT_OFF = Turn(text="This is where the tokens", finish_reason="length")
NO_CHOICES = Turn(raw=b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}')
MALFORMED = Turn(raw=b'{"choices": [{"message": {"content": "half a rep')
HTML = Turn(raw=b"<!doctype html><html><body>Welcome to nginx!</body></html>", content_type="text/html")
LONE_SURROGATE = Turn(raw=b'{"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "a\\ud800b"}}]}')
NOT_UTF8 = Turn(raw=b'{"choices": [{"message": {"content": "\xff\xfe"}}]}')
BREAK_OFF = Turn(kind="break_off")
TRICKLE = Turn(kind="trickle")
HANG = Turn(kind="hang")
RATE_LIMITED = Turn(status=429, text="slow down", headers={"retry-after": "0"})
SERVER_ERROR = Turn(status=500, text="out of luck", headers={"retry-after-ms": "1"})
UNAVAILABLE = Turn(status=503, raw=b"<html>503</html>", content_type="text/html", headers={"retry-after-ms": "1"})

PASSING = (RATE_LIMITED, SERVER_ERROR, UNAVAILABLE)
"""Failures that a client should get over by asking again."""


def script(*turns: Turn) -> Plan:
    """The first request gets the first turn, and so on; those after the last get the usual answer."""
    rest = iter(turns)
    lock = threading.Lock()

    def plan(body: Body) -> Turn:
        with lock:
            return next(rest, USUAL)

    return plan


def always(turn: Turn) -> Plan:
    return lambda body: turn


def seeded(seed: int, faults: Sequence[Turn] = PASSING, *, rate: float = 0.3, most: int = 2) -> Plan:
    """Faults at random, the same for the same seed and messages whatever the order of arrival; no messages meet more than `most`."""
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def plan(body: Body) -> Turn:
        asked = hashlib.sha256(repr(body.get("messages")).encode("utf-8", "surrogatepass")).hexdigest()
        with lock:
            attempt, seen[asked] = seen[asked], seen[asked] + 1
        draw = random.Random(f"{seed} {asked} {attempt}")
        return draw.choice(faults) if attempt < most and draw.random() < rate else USUAL

    return plan
