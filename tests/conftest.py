"""Shared by all tests: the embedded marker is loaded once, and no hub is ever asked."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: a test that would reach the hub fails at once

import pytest
from hypothesis import settings

from attngs import Marker
from tests.loopback.server import LoopbackHost, LoopbackServer

settings.register_profile("attngs", deadline=None)  # a busy machine is no fault of ours
settings.load_profile("attngs")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the endpoint on this machine may connect to this machine, and to no other."""
    for item in items:
        if "loopback" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.allow_hosts(["127.0.0.1"]))


@pytest.fixture(scope="session")
def loopback_host() -> Iterator[LoopbackHost]:
    with LoopbackHost() as host:
        yield host


@pytest.fixture
def loopback(loopback_host: LoopbackHost) -> LoopbackServer:
    """An OpenAI-compatible endpoint of the test's own; `tests/loopback/turns.py` has the ways in which it can fail."""
    return loopback_host.new_server()


@pytest.fixture(scope="session")
def default_marker() -> Marker:
    return Marker.default()


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_works() -> None:
    """A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C; some of them send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
