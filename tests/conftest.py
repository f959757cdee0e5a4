"""Shared by all tests: the embedded marker is loaded once, and no hub is ever asked."""

from __future__ import annotations

import os
import signal

os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported: a test that would reach the hub fails at once

import pytest

from attngs import Marker


@pytest.fixture(scope="session")
def default_marker() -> Marker:
    return Marker.default()


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_works() -> None:
    """A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C; some of them send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
