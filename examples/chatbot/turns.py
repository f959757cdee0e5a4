"""What a message is: one that needs no memory (`idle.py`), a question, or a statement about oneself that is worth keeping.

These are plain rules, so that they can be read, and the same message is always treated alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from idle import Idle, idle_kind
from langchain_core.messages import AnyMessage

from attngs import Question
from langchain_attngs import question_of

Kind = Idle | Literal["statement", "question", "other"]

LONGEST_STATEMENT = 300
"""Characters of a statement that is offered for keeping."""

_REMEMBER = re.compile(r"^(?:please )?(?:remember|note|keep in mind|don't forget)(?: that)?[:,]?\s+", re.IGNORECASE)
_STATES = re.compile(
    r"^(?:(?:and|but|so|also|now|actually|well|by the way|today|yesterday|since \w+),? )*(?:i|i'm|i've|my|we|we're|we've|our)\b",
    re.IGNORECASE,
)
_WISHES = re.compile(
    r"^(?:i|we)(?:'d| would| want| need| wonder| wish| hope)\s(?:like|love|to know|you|if|whether|what|when|where|who|how|help)\b",
    re.IGNORECASE,
)


_CHANGES = re.compile(
    r"\b(?:now|nowadays|from now on|moved|no longer|not any ?more|any ?more|instead|since (?:last|this|yesterday)|changed|switched|became"
    r"|turned|quit|left|stopped|started|began|new|cancell?ed|postponed|sold|got (?:married|divorced|rid))\b",
    re.IGNORECASE,
)
"""Words that say that something was otherwise before."""


def tells_change(text: str) -> bool:
    """Whether a statement says that something has changed."""
    return _CHANGES.search(text) is not None


def kind_of(text: str) -> Kind:
    """What a message is."""
    text = " ".join(text.split())
    if idle := idle_kind(text):
        return idle
    if text.endswith("?"):
        return "question"
    return "statement" if fact_in(text) else "other"


def fact_in(text: str) -> str:
    """What a message states about its writer, in a form that can be kept; empty if it states nothing."""
    text = " ".join(text.split())
    told = _REMEMBER.sub("", text)
    if text.endswith("?") or len(told) > LONGEST_STATEMENT or len(told.split()) < 2:
        return ""
    if told != text:
        return told[:1].upper() + told[1:]
    is_long = len(told.split()) > 2 or told.casefold().startswith(("i'm ", "my "))
    return told if is_long and _STATES.match(told) and not _WISHES.match(told) else ""


def asked(messages: Sequence[AnyMessage]) -> str | Question:
    """What the memory is asked for the last message: nothing where it needs no memory."""
    last = next((str(message.text) for message in reversed(messages) if message.type == "human"), "")
    return "" if idle_kind(" ".join(last.split())) else question_of(messages)
