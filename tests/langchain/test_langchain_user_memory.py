"""`UserMemory`: what people write, import, export and delete themselves."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from attngs.errors import AssetError, ConfigError, InputError, MissingDependencyError
from attngs.testing import NASTY_TEXTS
from langchain_attngs import Persistence, StoreMemory, UserMemory

DATE = {"date": "2026-03-14"}


def memory_of(user: str = "ana", store: Any = None) -> UserMemory:
    return UserMemory(store if store is not None else InMemoryStore(), ("memories", user))


def texts(memory: UserMemory) -> list[str]:
    return [item.value["text"] for item in memory.items()]


def test_what_is_put_is_read_in_the_order_of_its_dates() -> None:
    store = InMemoryStore()
    memory = memory_of(store=store)
    key = memory.put("Second.", metadata={"date": "2026-02-01", "source": "chat"})
    memory.put("First.", metadata={"date": "2026-01-01"})
    memory.put(" Now. ")
    assert texts(memory) == ["First.", "Second.", "Now."]
    assert memory.put("Second, changed.", key=key, metadata={"date": "2026-02-01"}) == key
    documents = StoreMemory(namespace=("memories", "ana")).read(memory._store.search(("memories", "ana")), ("memories", "ana"))
    assert [(document.id, document.text) for document in documents][:2] == [("1 Jan 2026", "First."), ("1 Feb 2026", "Second, changed.")]
    assert documents[1].metadata == {"date": "2026-02-01", "_key": key}
    memory.delete(key)
    memory.delete("never there")
    assert texts(memory) == ["First.", "Now."]


def test_whole_labels_are_compared_and_what_lies_below_belongs_to_it() -> None:
    with SqliteStore.from_conn_string(":memory:") as store:
        store.setup()
        for namespace in (("users", "ana", "notes"), ("users", "ana", "chats"), ("users", "anabel", "notes")):
            UserMemory(store, namespace).put("x")
        ana = UserMemory(store, ("users", "ana"))
        assert len(ana.items()) == 2
        ana.clear()
        assert ana.items() == []
        assert len(UserMemory(store, ("users", "anabel")).items()) == 1
    with pytest.raises(ConfigError, match="must have a label"):
        UserMemory(InMemoryStore(), ())


@pytest.mark.parametrize("text", ["", "  \n", "\ufeff"[:0]])
def test_nothing_is_nothing_to_remember(text: str) -> None:
    with pytest.raises(InputError, match="nothing to remember"):
        memory_of().put(text)


def test_paragraphs_become_items_and_duplicates_do_not() -> None:
    memory = memory_of()
    text = b"I row.\nOn the lake.\n\n\n\nI row.\nOn the lake.\n\nI hate fog."
    assert memory.load(text, "NOTES.MD", metadata=DATE) == 2
    assert sorted(texts(memory)) == ["I hate fog.", "I row.\nOn the lake."]
    assert memory.load(text, "notes.txt") == 0
    assert {item.value["metadata"]["date"] for item in memory.items()} == {"2026-03-14"}


def test_lines_keep_their_ids_where_they_are_free_and_their_metadata() -> None:
    memory = memory_of()
    memory.put("Old.", key="1")
    lines = [
        {"id": "1", "text": "New."},
        {"id": "2", "text": "Dated.", "metadata": {"date": "2025-01-01", "page": 3}},
        {"id": "2", "text": "Twice."},
        "Bare.",
    ]
    assert memory.load("\n".join(map(json.dumps, lines)).encode(), "x.jsonl", metadata=DATE) == 4
    found = {item.value["text"]: item for item in memory.items()}
    assert (found["Old."].key, found["Dated."].key) == ("1", "2")
    assert len({item.key for item in memory.items()}) == 5
    assert found["Dated."].value["metadata"] == {"date": "2025-01-01", "page": "3"}
    assert found["Bare."].value["metadata"] == DATE


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"x", "photo.png", "must end in .txt, .md, .jsonl"),
        (b"x" * (2 * 2**20 + 1), "long.jsonl", "at most 2,097,152 are read"),
        (b'{"text": "fine"}\n{"text": ', "broken.jsonl", "line 2` is not JSON"),
        (b'{"text": 3}', "number.jsonl", "`text` must be a string"),
        (b"[1]", "list.jsonl", "line 1` must be a string or an object"),
        (b"\xff\xfe", "latin.txt", "not UTF-8"),
        (b"a\0b", "binary.txt", "binary file"),
        (b"", "empty.txt", "holds no text"),
        (b" \n\n \n", "blank.md", "holds no text"),
        (b'{"text": ""}', "empty.jsonl", "holds no text"),
        (b'{"text": "x", "metadata": 1}', "metadata.jsonl", "`metadata` must be an object"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_changes_nothing(data: bytes, name: str, message: str) -> None:
    memory = memory_of()
    with pytest.raises(InputError, match=message):
        memory.load(data, name)
    assert memory.items() == []


@given(st.lists(st.sampled_from([*NASTY_TEXTS, "a\ud800b", "\0", "x" * 9_999]) | st.text(max_size=20), max_size=5))
def test_whatever_is_exported_can_be_imported(given_texts: list[str]) -> None:
    with SqliteStore.from_conn_string(":memory:") as store:
        store.setup()
        memory, other = memory_of("ana", store), memory_of("ben", store)
        for text in given_texts:
            try:
                memory.put(text, metadata={"date": "2026-01-01", "source": "note"})
            except InputError:
                assert not text.strip()
        exported = memory.export()
        assert len(exported.split("\n")) == len(memory.items()) + 1
        exported.encode()
        if memory.items():
            assert other.load(exported.encode(), "back.jsonl") == len(set(texts(memory)))
        assert set(texts(other)) == set(texts(memory))


def test_who_is_erased_leaves_no_bytes_and_the_others_stay(tmp_path: Path) -> None:
    place = tmp_path / "new" / "memory.sqlite"
    with Persistence(str(place)) as kept:
        model = GenericFakeChatModel(messages=iter([AIMessage("Zenobia it is."), AIMessage("Casimir it is.")]))
        agent = create_agent(model, store=kept.store, checkpointer=kept.saver)
        for user, name in (("ana", "Zenobia"), ("ben", "Casimir")):
            UserMemory(kept.store, ("users", user, "notes")).put(f"The sister of {user} is {name}.")
            agent.invoke({"messages": [("user", f"Who is {name}?")]}, {"configurable": {"thread_id": f"{user}-1"}})
        assert [str(message.text) for message in kept.said("ana-1")] == ["Who is Zenobia?", "Zenobia it is."]
        assert kept.said("nobody") == []
        assert b"Zenobia" in bytes_beside(place)
        kept.erase(("users", "ana"), ["ana-1"])
        assert b"Zenobia" not in bytes_beside(place)
        assert kept.said("ana-1") == []
        with pytest.raises(ConfigError, match="must have a label"):
            kept.erase(())
    assert b"Zenobia" not in bytes_beside(place)
    with Persistence(str(place)) as kept:
        assert texts(UserMemory(kept.store, ("users", "ben"))) == ["The sister of ben is Casimir."]
        assert len(kept.said("ben-1")) == 2


def bytes_beside(place: Path) -> bytes:
    return b"".join(file.read_bytes() for file in place.parent.iterdir())


def test_a_place_that_cannot_be_opened_says_what_is_needed() -> None:
    with pytest.raises(ConfigError, match="`place` is empty"):
        Persistence(" ")
    if find_spec("langgraph.checkpoint.postgres") is None:
        with pytest.raises(MissingDependencyError, match="pip install langgraph-checkpoint-postgres"):
            Persistence("postgresql://localhost/chatbot")


def test_a_password_goes_to_postgresql_and_is_shown_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    given = list[str]()

    class Stand:
        """For a server that is not here."""

        @classmethod
        @contextmanager
        def from_conn_string(cls, place: str) -> Iterator[Stand]:
            given.append(place)
            yield cls()

        def setup(self) -> None: ...

    class Connection:
        """To it."""

        def execute(self, statement: str, values: Sequence[int]) -> Connection:
            return self

        def fetchone(self) -> tuple[bool]:
            return (True,)

    @contextmanager
    def connect(place: str, *, autocommit: bool) -> Iterator[Connection]:
        given.append(place)
        yield Connection()

    monkeypatch.setitem(sys.modules, "psycopg", SimpleNamespace(OperationalError=OSError, connect=connect))
    for part, kind in (("store", "Store"), ("checkpoint", "Saver")):
        monkeypatch.setitem(sys.modules, f"langgraph.{part}.postgres", SimpleNamespace(**{f"Postgres{kind}": Stand}))
    secret = "postgresql://ana:s3cret@db:5432/chatbot?password=s3cret"
    with Persistence(secret) as kept:
        assert kept.place == "postgresql://db:5432/chatbot"
        assert set(given) == {secret}


def test_bytes_that_another_program_keeps_are_told_of_and_go_when_it_has_left(tmp_path: Path) -> None:
    place = tmp_path / "memory.sqlite"
    with Persistence(str(place), timeout=0.1) as kept, closing(sqlite3.connect(place, isolation_level=None)) as other:
        UserMemory(kept.store, ("users", "ana")).put("Zenobia keeps bees.")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM store").fetchone()
        with pytest.raises(AssetError, match="another program is reading the memory file"):
            kept.erase(("users", "ana"))
        assert UserMemory(kept.store, ("users", "ana")).items() == []
        other.execute("COMMIT")
        kept.erase(("users", "ana"))
        assert b"Zenobia" not in bytes_beside(place)


def test_a_place_of_another_kind_is_refused_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="got 'postgresql\\+psycopg' before the colon") as caught:
        Persistence("postgresql+psycopg://ana:s3cret@db/chatbot")
    assert "s3cret" not in str(caught.value)
    (tmp_path / "notes.sqlite").write_text("This is no database, and long enough to tell. " * 20)
    with pytest.raises(AssetError, match=r"notes\.sqlite` is damaged or is not a memory file: file is not a database\. Pass another path"):
        Persistence(str(tmp_path / "notes.sqlite"))


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_the_files_are_their_owners_alone_and_one_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        for name, mode in (("new", 0o600), ("old", 0o640)):
            place = tmp_path / name / "memory.sqlite"
            if name == "old":
                place.parent.mkdir()
                place.touch(mode=mode)
            with Persistence(str(place)) as kept:
                UserMemory(kept.store, ("users", "ana")).put("Zenobia keeps bees.")
                modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in place.parent.iterdir()}
            assert modes == dict.fromkeys(("memory.sqlite", "memory.sqlite-shm", "memory.sqlite-wal"), mode)
    finally:
        os.umask(previous)


def uses(kept: Persistence) -> list[Callable[[], object]]:
    memory = UserMemory(kept.store, ("users", "ana"))
    return [
        memory.items,
        lambda: memory.put("x"),
        memory.clear,
        lambda: kept.said("ana-1"),
        lambda: kept.erase(("users", "ana"), ["ana-1"]),
    ]


def test_a_file_that_is_damaged_while_in_use_says_what_to_do(tmp_path: Path) -> None:
    place = tmp_path / "memory.sqlite"
    with Persistence(str(place)) as kept:
        for number in range(50):
            UserMemory(kept.store, ("users", "ana")).put(f"Note {number}. " * 50)
        with closing(sqlite3.connect(place)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        place.write_bytes(place.read_bytes()[:4096] + b"\xff" * (place.stat().st_size - 4096))
        for use in uses(kept):
            with pytest.raises(AssetError, match=r"the memory file `.*memory\.sqlite` is damaged .* Pass another path"):
                use()
    with pytest.raises(AssetError, match="is damaged or is not a memory file"):
        Persistence(str(place))


def test_a_file_that_is_locked_says_so(tmp_path: Path) -> None:
    place = tmp_path / "memory.sqlite"
    with Persistence(str(place), timeout=0.05) as kept, closing(sqlite3.connect(place, isolation_level=None)) as other:
        UserMemory(kept.store, ("users", "ana")).put("Zenobia keeps bees.")
        other.execute("BEGIN IMMEDIATE")
        items, put, clear, said, erase = uses(kept)
        for use in (put, clear, erase):
            with pytest.raises(AssetError, match="cannot be used now: database is locked"):
                use()
        assert len(items()) == 1  # type: ignore[arg-type]
        assert said() == []
        other.execute("COMMIT")
        erase()
        assert items() == []


def test_items_of_one_day_stay_in_their_order() -> None:
    memory = memory_of()
    memory.load("\n\n".join(f"Paragraph {number}." for number in range(12)).encode(), "notes.txt", metadata=DATE)
    memory.load(
        "\n".join(json.dumps({"text": f"Line {number}.", "metadata": {"date": None}}) for number in range(12)).encode(),
        "x.jsonl",
        metadata=DATE,
    )
    memory.put("The last.", metadata=DATE)
    kinds = [f"Paragraph {number}." for number in range(12)] + [f"Line {number}." for number in range(12)]
    assert texts(memory) == [*kinds, "The last."]
