"""What the endpoint behind the server does with a request: both it and the client know, by the request's name alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.loopback.turns import BREAK_OFF, HANG, RATE_LIMITED, SERVER_ERROR, Turn

SECONDS = 20.0
"""That the server waits for the endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to answer."""

    name: str
    share: float
    """Of all chats."""
    turn: Turn
    ends_as: str
    """What the client must see."""


FAULTS = (
    Fault(name="none", share=0.68, turn=Turn(), ends_as="reply"),
    Fault(name="0.2 s late", share=0.12, turn=Turn(delay=0.2), ends_as="reply"),
    Fault(name="1 s late", share=0.05, turn=Turn(delay=1.0), ends_as="reply"),
    Fault(name="500", share=0.05, turn=SERVER_ERROR, ends_as="500"),
    Fault(name="429", share=0.04, turn=RATE_LIMITED, ends_as="429"),
    Fault(name="cut off", share=0.05, turn=BREAK_OFF, ends_as="cut off"),
    Fault(name="never answers", share=0.01, turn=HANG, ends_as="504"),
)


def fault_of(name: str) -> Fault:
    """What happens to the request of this name."""
    return random.Random(name).choices(FAULTS, [fault.share for fault in FAULTS])[0]


def plan(body: Mapping[str, Any]) -> Turn:
    """For the endpoint: a chat's `metadata` has its name, and goes through the server as it is."""
    return fault_of(body["metadata"]["name"]).turn if "metadata" in body else Turn()
