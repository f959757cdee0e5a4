"""What a check finds."""

from __future__ import annotations

from typing import NamedTuple


class Claim(NamedTuple):
    """What a sentence asserts and its sources do not carry."""

    kind: str
    """`number`, `date`, `time`, `amount`, `unit`, `contact`, `name`, `negation`, `attribution` or `content`."""
    text: str
    """As written in the reply."""
