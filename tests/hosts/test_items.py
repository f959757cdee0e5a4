"""Items of a memory in a file: how they change, how changes are taken back, and what is left of who is deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from attngs import Document, Marker, Memory
from attngs.errors import ConfigError, InputError
from attngs.hosts.items import MemoryItems
from attngs.hosts.remembering import VERSIONS, Edit, MemoryEditor, Origin
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.testing import count_words

MARKER = Marker(LexicalScorer())
ORIGIN = Origin(thread="t", at=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path) -> Memory:
    return Memory.open(path, namespace="ana", marker=MARKER, counter=count_words)


def remember(memory: Memory, text: str) -> str:
    def plan(editor: MemoryEditor) -> Edit:
        return editor.remember(text, marker=MARKER, namespace="ana", most=9)

    return MemoryItems(memory).edit(plan, ORIGIN)


def texts(memory: Memory) -> list[str]:
    return [document.text for document in memory.documents()]


def test_a_fact_is_kept_once_with_who_stored_it(memory: Memory) -> None:
    assert remember(memory, "Ana likes tea.").startswith("Remembered, with the key ")
    assert remember(memory, "Ana likes tea").startswith("This is remembered already")
    [document] = memory.documents()
    assert document.text == "Ana likes tea."
    assert document.metadata == {"date": "2026-03-01T00:00:00.000000+00:00", "by": "agent", "thread": "t"}


@pytest.mark.parametrize("name", ["1", "a/b %2F", "odd \udfff"])
def test_changes_are_taken_back_one_by_one(memory: Memory, name: str) -> None:
    memory.add(Document(text="Ana lives in Porto.", id=name, metadata={"tags": ["home"]}))
    items = MemoryItems(memory)
    items.edit(lambda editor: editor.update("Ana lives in Porto.", "Ana lives in Lyon."), ORIGIN)
    items.edit(lambda editor: editor.update("Ana lives in Lyon.", "Ana lives in Rome."), ORIGIN)
    assert texts(memory) == ["Ana lives in Rome."]
    assert memory.get(name).metadata.items() >= {"tags": ["home"], "by": "agent"}.items()
    for expected in ("Ana lives in Lyon.", "Ana lives in Porto."):
        items.edit(lambda editor: editor.undo(), ORIGIN)
        assert texts(memory) == [expected]
    assert memory.get(name) == Document(text="Ana lives in Porto.", id=name, metadata={"tags": ["home"]})
    with pytest.raises(InputError, match="no change in this conversation"):
        items.edit(lambda editor: editor.undo(), ORIGIN)


def test_what_is_forgotten_comes_back_and_no_question_finds_it_meanwhile(memory: Memory) -> None:
    memory.add(["Ana lives in Porto.", "It rained."])
    MemoryItems(memory).edit(lambda editor: editor.forget("Ana lives in Porto."), ORIGIN)
    assert texts(memory) == ["It rained."]
    assert "Porto" not in memory.ask("Where does Ana live? In Porto?", target_tokens=99).text
    MemoryItems(memory).edit(lambda editor: editor.undo(), ORIGIN)
    assert sorted(texts(memory)) == ["Ana lives in Porto.", "It rained."]


def test_who_deletes_for_good_deletes_the_versions_too(memory: Memory, path: Path) -> None:
    memory.add(["Ana lives in Porto.", "It rained."])
    MemoryItems(memory).edit(lambda editor: editor.update("Ana lives in Porto.", "Ana lives in Lyon."), ORIGIN)
    assert b"Porto" in path.read_bytes()
    memory.delete("1")
    assert not any(word in path.read_bytes() for word in (b"Porto", b"Lyon"))
    MemoryItems(memory).edit(lambda editor: editor.forget("It rained."), ORIGIN)
    assert b"rained" in path.read_bytes()
    memory.clear()
    assert b"rained" not in path.read_bytes()
    assert MemoryItems(memory).read() == {}


def test_nobody_sees_the_versions_of_another(memory: Memory, path: Path) -> None:
    remember(memory, "Ana likes tea.")
    stranger = Memory.open(path, namespace="ana2", marker=MARKER, counter=count_words)
    assert MemoryItems(stranger).read() == {}
    assert [path[0] == VERSIONS for path in MemoryItems(memory).read()] == [False, True]
    with pytest.raises(ConfigError, match="one of versions"):
        _ = memory.versions.versions


def test_each_change_is_a_revision_and_a_read_is_none(memory: Memory) -> None:
    before = memory.revision
    remember(memory, "Ana likes tea.")
    after = memory.revision
    assert after > before
    MemoryItems(memory).read()
    assert memory.revision == after
