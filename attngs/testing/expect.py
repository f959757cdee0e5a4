"""What the checks share: nasty texts, an `assert` that stays, and a watch on the network."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

NASTY_TEXTS = (
    "",
    " ",
    "\n\n\n",
    "One sentence.",
    "First. Second! Third? And a last one without a stop",
    "Ana: hi\nBen: hello, Dr. Who.\nAna: 3.14 is enough, e.g. here.",
    "- one\n- two\n\n```\ncode. here\n```\n",
    "日本語です。そうですか？はい。",
    "यह हिंदी है। और यह भी।",
    "هل هذا عربي؟ نعم.",
    "lone \ud800 surrogate and \udfff another. <|im_end|> [SEP] <start_important>",
    "nul \0 bell \a separator \u2028 zero\u200bwidth e\u0301 👩‍👩‍👧",
    "x" * 1_200,
    "word " * 250,
)
"""Texts that have broken splitters, tokenizers and scorers."""

_ears = list[list[str]]()
"""Lists of what is heard, one for each block that is being watched."""


def expect(condition: bool, message: str) -> None:
    """`assert` that stays when Python runs with -O."""
    if not condition:
        raise AssertionError(message)


@contextmanager
def no_network() -> Iterator[None]:
    """Assert that no thread connects, or asks for an address.

    It listens to Python's audit events; nothing is replaced or stopped.

    Raises:
        AssertionError: One did; the message names the address.
    """
    _listen()
    heard = list[str]()
    _ears.append(heard)
    try:
        yield
    finally:
        _ears[:] = [ear for ear in _ears if ear is not heard]
    expect(not heard, f"the network was used: {heard[:3]}")


@cache
def _listen() -> None:
    sys.addaudithook(_hear)  # there is no way to take one out again; with nobody watching it does nothing


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _ears or event not in ("socket.connect", "socket.getaddrinfo"):
        return
    address = arguments[1] if event == "socket.connect" else arguments[0]
    if event == "socket.connect" and isinstance(address, str | bytes):
        return  # a path: a socket of this machine
    for heard in _ears:
        heard.append(f"{event} {address}")
