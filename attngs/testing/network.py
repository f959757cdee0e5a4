"""Nobody connects to anywhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from attngs.testing.expect import expect

_ears = list[list[str]]()
"""Where what is heard goes: one list for each block that is being watched."""


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
