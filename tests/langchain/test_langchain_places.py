"""What `Persistence` keeps is the same in a file and in PostgreSQL: a real server, started and stopped here, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from attngs.errors import InputError, UnavailableError
from attngs.testing import NASTY_TEXTS
from langchain_attngs import Persistence, UserMemory
from langchain_attngs.persistence import _SETUP_LOCK
from tests.postgres.server import PostgresServer


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    if find_spec("psycopg") is None or find_spec("langgraph.checkpoint.postgres") is None:
        pytest.skip("`psycopg` or `langgraph-checkpoint-postgres` is not installed; the extra `dev` has them")
    try:
        server = PostgresServer()
    except LookupError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture(params=["file", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "kept.sqlite")
    server: PostgresServer = request.getfixturevalue("server")
    return server.new_database()


def memory_of(kept: Persistence, user: str) -> UserMemory:
    return UserMemory(kept.store, ("users", user, "memories"))


def texts(kept: Persistence, user: str) -> list[str]:
    return [item.value["text"] for item in memory_of(kept, user).items()]


def chat(kept: Persistence, thread: str, text: str) -> None:
    agent: Any = create_agent(GenericFakeChatModel(messages=iter([AIMessage(f"I see, {text}")])), store=kept.store, checkpointer=kept.saver)
    agent.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": thread}})


def test_memories_and_chats_outlive_the_process(place: str) -> None:
    with Persistence(place) as kept:
        memory_of(kept, "ana@example.org").put("Ana likes tea.", key="k", metadata={"date": "2026-03-14"})
        chat(kept, "ana-1", "tea.")
    with Persistence(place) as kept:
        [item] = memory_of(kept, "ana@example.org").items()
        assert (item.key, item.value) == ("k", {"text": "Ana likes tea.", "metadata": {"date": "2026-03-14"}})
        assert [message.text for message in kept.said("ana-1")] == ["tea.", "I see, tea."]
        chat(kept, "ana-1", "And now coffee.")
        assert len(kept.said("ana-1")) == 4


def test_who_is_erased_is_gone_and_nobody_else_is(place: str) -> None:
    with Persistence(place) as kept:
        for user in ("ana", "anabel"):
            memory_of(kept, user).put(f"{user} likes tea.")
            chat(kept, f"{user}-1", f"{user} was here.")
        kept.erase(("users", "ana"), ["ana-1"])
        assert (texts(kept, "ana"), texts(kept, "anabel")) == ([], ["anabel likes tea."])
        assert (kept.said("ana-1"), len(kept.said("anabel-1"))) == ([], 2)
    with Persistence(place) as kept:
        assert (texts(kept, "ana"), kept.said("ana-1")) == ([], [])


def test_writers_at_once_lose_nothing(place: str) -> None:
    with Persistence(place) as one, Persistence(place) as other, ThreadPoolExecutor(8) as pool:

        def write(number: int) -> None:
            kept = (one, other)[number % 2]
            memory_of(kept, "ana").put(f"Fact {number}.", key=f"k{number}")
            chat(kept, f"chat-{number % 4}-{number}", f"Message {number}.")

        list(pool.map(write, range(24)))
        for kept in (one, other):
            assert sorted(texts(kept, "ana")) == sorted(f"Fact {number}." for number in range(24))
            assert all(len(kept.said(f"chat-{number % 4}-{number}")) == 2 for number in range(24))


def test_what_people_write_import_and_take_back(place: str) -> None:
    with Persistence(place) as kept:
        memory = memory_of(kept, "ana")
        assert memory.load(b'{"id": "a", "text": "Ana rows."}\n{"id": "b", "text": "Ana sings."}\n', "ana.jsonl") == 2
        memory.put("Ana rows on Mondays.", key="a")
        memory.delete("b")
        assert texts(kept, "ana") == ["Ana rows on Mondays."]
        assert memory_of(kept, "ben").load(memory.export().encode(), "ana.jsonl") == 1
        with pytest.raises(InputError, match="no change of an item with the key"):
            memory.undo("a")
        for text in NASTY_TEXTS:
            if text.strip("\0 \n\t\r\x0b\x0c"):
                memory.put(text)
        assert all("\0" not in text for text in texts(kept, "ana"))


def test_a_server_that_is_not_there_is_named_without_its_password(server: PostgresServer) -> None:
    with pytest.raises(UnavailableError, match="Start its server, or pass another place") as caught:
        Persistence(f"postgresql://ana:s3cret@/chatbot?host={server.folder}&port=1")
    assert "s3cret" not in str(caught.value)
    with pytest.raises(UnavailableError, match="does not exist"):
        Persistence(f"postgresql://attngs@/nowhere?host={server.folder}")


def test_several_processes_set_up_one_empty_database_at_the_same_time(server: PostgresServer) -> None:
    place, together = server.new_database(), Barrier(4)

    def open_it(number: int) -> None:
        together.wait()
        with Persistence(place, timeout=60) as kept:
            memory_of(kept, "ana").put(f"Ana has {number} cats.")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(open_it, range(4)))
    with Persistence(place) as kept:
        assert len(texts(kept, "ana")) == 4


def test_who_waits_too_long_for_another_to_set_up_a_database_is_told(server: PostgresServer) -> None:
    place = server.new_database()
    psycopg: Any = pytest.importorskip("psycopg")
    with psycopg.connect(place) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [_SETUP_LOCK])
        with pytest.raises(UnavailableError, match=r"setting up the database .* for 0\.1 s\. Try again"):
            Persistence(place, timeout=0.1)
    Persistence(place).close()
