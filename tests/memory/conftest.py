"""Memories of the tests: of words alone, because most of what is tested has nothing to do with a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from attngs import Marker, Memory
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.testing import count_words

Opener = Callable[..., Memory]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ana.db"


@pytest.fixture
def opened(path: Path) -> Opener:
    """Opens the file of the test with a marker of words."""

    def open_(namespace: str = "ana", **settings: object) -> Memory:
        return Memory.open(path, **{"namespace": namespace, "marker": Marker(LexicalScorer()), "counter": count_words, **settings})

    return open_


@pytest.fixture
def memory(opened: Opener) -> Memory:
    return opened()
