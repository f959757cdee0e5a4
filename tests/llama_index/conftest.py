"""A marker that one can check by eye, and no default model of the host's within reach."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.embeddings import MockEmbedding
from llama_nodes import RecordingLLM

from attngs import Marker
from attngs.testing import FakeScorer, count_words


@pytest.fixture
def pills() -> Marker:
    """Scores 1 for sentences about pills."""
    return Marker(FakeScorer("pills"), counter=None)


@pytest.fixture
def settings(pills: Marker) -> dict[str, Any]:
    """Enough for the two sentences about pills, in words."""
    return {"marker": pills, "counter": count_words, "target_tokens": 12}


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches for the host's default models."""
    monkeypatch.setattr(Settings, "_llm", RecordingLLM())
    monkeypatch.setattr(Settings, "_embed_model", MockEmbedding(embed_dim=8))


@pytest.fixture(autouse=True)
def _loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """LlamaIndex's sync calls use the thread's event loop, or make one that nobody closes."""
    if inspect.iscoroutinefunction(request.function):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)
