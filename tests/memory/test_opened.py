"""The memories of many users in one file: each opened once, few kept open, and opened anew where the file has changed."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from attngs import Marker, Memory
from attngs.errors import AssetError, UnavailableError
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.memory.opened import OpenMemories
from attngs.testing import count_words
from tests.memory.conftest import Opener


class Noting:
    """Opens memories and notes whose."""

    def __init__(self, opened: Opener) -> None:
        self._opened, self.names = opened, list[str]()

    def __call__(self, namespace: str) -> Memory:
        self.names.append(namespace)
        time.sleep(0.01)
        return self._opened(namespace)


@pytest.fixture
def noting(opened: Opener) -> Noting:
    return Noting(opened)


def test_few_memories_stay_open_and_whoever_uses_one_goes_on(noting: Noting) -> None:
    memories = OpenMemories(noting, most_open=2)
    with memories.of("ana") as ana:
        ana.add("The cat.")
        for number in range(4):
            with memories.of(f"user-{number}") as memory:
                assert len(memory) == 0
        assert len(ana) == 1
    with memories.of("ana") as again, memories.of("user-3"):
        assert len(again) == 1
    assert noting.names == ["ana", "user-0", "user-1", "user-2", "user-3", "ana"]


def test_threads_that_come_at_once_open_it_once(noting: Noting) -> None:
    memories, ready = OpenMemories(noting), threading.Barrier(4)

    def run(number: int) -> str:
        ready.wait()
        with memories.of("ana") as memory:
            [name] = memory.add(f"Note {number}.")
            return name

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(run, range(4))) == ["1", "2", "3", "4"]
    assert noting.names == ["ana"]


def test_after_an_error_of_the_file_it_is_opened_anew(noting: Noting, opened: Opener, default_marker: Marker) -> None:
    memories = OpenMemories(noting)
    with memories.of("ana") as memory:
        memory.add("The cat.")
    opened(marker=default_marker)
    with pytest.raises(AssetError, match="read anew with another marker"), memories.of("ana") as memory:
        memory.mark("Who?", target_tokens=5)
    with memories.of("ana") as memory:
        assert len(memory) == 1
    assert noting.names == ["ana", "ana"]


def test_what_could_not_be_opened_is_tried_again(opened: Opener) -> None:
    failures = [UnavailableError("the file is locked.")]

    def open_memory(namespace: str) -> Memory:
        if failures:
            raise failures.pop()
        return opened(namespace)

    memories = OpenMemories(open_memory)
    with pytest.raises(UnavailableError, match="locked"), memories.of("ana"):
        pass
    with memories.of("ana") as memory:
        assert len(memory) == 0


async def test_work_is_done_in_a_thread(noting: Noting) -> None:
    memories = OpenMemories(noting)
    assert await memories.use("ana", lambda memory: memory.add("The cat.")) == ["1"]
    assert await memories.use("ana", lambda memory: threading.current_thread()) is not threading.current_thread()
    assert await memories.use("ben", len) == 0


def test_a_file_is_made_when_it_is_first_needed_and_its_marker_too(path: Path) -> None:
    made = list[Marker]()

    def marker() -> Marker:
        made.append(Marker(LexicalScorer()))
        return made[-1]

    memories = OpenMemories.of_file(path, marker, counter=count_words)
    later = memories.later("ana")
    assert not path.exists()
    assert not made
    assert "cat" not in later
    with memories.of("ana") as memory:
        assert memory.marker is made[0]
        memory.add("The cat is Milo.")
    assert later.get("1").text == "The cat is Milo."
    assert later.mark("Who is the cat?", target_tokens=5).tokens == 4
    assert len(made) == 1
