"""From a LangGraph store to a memory in one command."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

import pytest
from langgraph.store.base import BaseStore
from typer.testing import CliRunner, Result

from attngs import Marker, Memory
from attngs.cli.app import app
from attngs.errors import AssetError, InputError
from attngs.memory.migration import stored_memories
from langchain_attngs.persistence import Persistence, UserMemory

RUNNER = CliRunner()


def run(command: str) -> Result:
    return RUNNER.invoke(app, ["memory", *shlex.split(command)])


def fill(store: BaseStore) -> None:
    ana = UserMemory(store, ("memories", "ana.b"))
    ana.put("Ana moved to Lyon.", key="later", metadata={"date": "2026-06-09"})
    ana.put("Ana lives in Porto.", key="earlier", metadata={"date": "2026-01-05"})
    store.put(("memories", "ivo"), "k1", {"kind": "Memory", "content": {"content": "Ivo likes milk."}})
    store.put(("memories", "ivo", "attngs_versions"), "k1", {"text": "Ivo likes water."})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with Persistence(str(path)) as kept:
        fill(kept.store)
    return path


def test_memories_come_by_namespace_with_their_keys_and_dates(store: Path) -> None:
    before = hashlib.sha256(store.read_bytes()).digest()
    found = stored_memories(store, left_out=["attngs_versions"])
    assert {name: [document.id for document in documents] for name, documents in found.items()} == {
        "memories.ana%2Eb": ["earlier", "later"],
        "memories.ivo": ["k1"],
    }
    assert [document.metadata for document in found["memories.ana%2Eb"]] == [{"date": "2026-01-05"}, {"date": "2026-06-09"}]
    assert found["memories.ivo"][0].text == "Ivo likes milk."
    assert "updated_at" in found["memories.ivo"][0].metadata
    assert hashlib.sha256(store.read_bytes()).digest() == before


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no file; name the file of a `SqliteStore`"):
        stored_memories(tmp_path / "nothing.db")
    (tmp_path / "notes.db").write_text("notes" * 999)
    with pytest.raises(AssetError, match="is damaged or is not a store"):
        stored_memories(tmp_path / "notes.db")


def test_an_odd_item_is_skipped_with_a_note(store: Path, tmp_path: Path) -> None:
    with Persistence(str(store)) as kept:
        for number in range(7):
            kept.store.put(("memories", "ivo"), f"odd{number}", {"other": 5})
    with pytest.raises(InputError, match=r"memories\.ivo/odd0"):
        stored_memories(store)
    path = tmp_path / "memory.db"
    done = run(f"import {store} {path}")
    assert done.stdout == "3 memories of 2 namespaces copied: memories.ana%2Eb, memories.ivo\n"
    odd = ", ".join(f"memories.ivo/odd{number}" for number in range(5))
    assert f"7 items skipped, which hold no text: {odd} and 2 more" in " ".join(done.stderr.split())
    assert "skipped" not in run(f"import {store} {path} --from memories.ana%2Eb").stderr


def test_the_command_copies_once_and_keeps_users_apart(store: Path, tmp_path: Path, default_marker: Marker) -> None:
    path = tmp_path / "memory.db"
    done = run(f"import {store} {path}")
    assert done.stdout == "3 memories of 2 namespaces copied: memories.ana%2Eb, memories.ivo\n"
    assert run(f"import {store} {path}").stdout.startswith("0 memories of 2 namespaces copied")
    with Memory.open(path, namespace="memories.ivo", marker=default_marker) as memory:
        assert [document.text for document in memory.documents()] == ["Ivo likes milk."]
    named = run(f"import {store} {path} --from memories.ivo --namespace ivo")
    assert named.stdout == "1 memories of 1 namespaces copied: ivo\n"
    missing = run(f"import {store} {path} --from memories.nobody")
    assert missing.exit_code == 1
    assert "has no namespace `memories.nobody`; it has memories.ana%2Eb, memories.ivo" in missing.stderr.replace("\n", "")
