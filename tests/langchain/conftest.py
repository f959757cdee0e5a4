"""Markers whose scores one can foresee, and documents to compress."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document

from attngs import Marker, Splitter
from attngs.testing import FakeScorer


@pytest.fixture
def marker() -> Marker:
    """Scores 1 for each of a few words in a sentence."""
    return Marker(FakeScorer("key", "Lisbon", "pills", "tea"), splitter=Splitter(unit="sentence"))


@pytest.fixture
def documents() -> list[Document]:
    return [
        Document(id="a", page_content="Anna likes tea. It rained. Ben has a dog named Rex.", metadata={"page": 1, "tags": ["x", {"y": 1}]}),
        Document(id="b", page_content="Nobody came. The bus was late."),
        Document(page_content="She takes her pills with tea. The roof is new.", metadata={"page": 3, "relevance_score": 0.5}),
    ]
