"""What is read from stores that others wrote: their shapes, their times, their users' names, and more items than are used."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from chat_models import ScriptedModel
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from test_langchain_agents import compressor_of, says

from attngs.types import Document
from langchain_attngs import AttnGSMiddleware, Persistence, StoreMemory, UserMemory

ANA = ("memories", "ana")


def read(values: Sequence[Mapping[str, Any]], **settings: Any) -> list[Document]:
    store, memory = InMemoryStore(), StoreMemory(namespace=ANA, **settings)
    for number, value in enumerate(values):
        store.put(ANA, f"{number:05d}", dict(value))
    return memory.read(store.search(ANA, **memory.search_options("x")), ANA)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "Memory", "content": {"content": "Olives are out."}}, "Olives are out."),
        ({"kind": "Profile", "content": {"name": "Ana", "age": 41}}, '{"name": "Ana", "age": 41}'),
        ({"memory": "Olives are out.", "user_id": "ana", "hash": "1f"}, "Olives are out."),
        ({"fact": "Olives are out.", "valid_at": "2024-05-02"}, "Olives are out."),
        ({"page_content": "Olives are out."}, "Olives are out."),
        ({"content": 3}, '{"content": 3}'),
    ],
)
def test_the_text_of_an_item_is_found_in_the_shapes_of_others(value: Mapping[str, Any], expected: str) -> None:
    assert [document.text for document in read([value])] == [expected]


@pytest.mark.parametrize(
    "value",
    [
        {"text": "x", "metadata": {"date": date(2024, 5, 2)}},
        {"text": "x", "metadata": {"date": datetime(2024, 5, 2, 8, tzinfo=UTC)}},
        {"text": "x", "metadata": {"timestamp": 1_714_636_800}},
        {"memory": "x", "created_at": "2024-05-02T01:00:00.123456-07:00", "updated_at": None},
        {"memory": "x", "created_at": "2020-01-01T01:00:00Z", "updated_at": "2024-05-02T01:00:00Z"},
        {"fact": "x", "valid_at": "2024-05-02T08:00:00Z", "created_at": "2026-01-01T00:00:00Z", "invalid_at": None},
        {"kind": "Memory", "content": {"content": "x", "date": "2 May 2024"}},
    ],
)
def test_an_item_says_when_it_was_in_whatever_form(value: Mapping[str, Any]) -> None:
    assert [document.id for document in read([value])] == ["2 May 2024"]


def test_items_are_in_the_order_of_their_times_whatever_the_form() -> None:
    dates = [
        "12 March 2024",
        "2024/02/11",
        date(2023, 12, 30),
        "Thu, 11 Jan 2024 10:00:00 +0000",
        "01/04/2024",
        "13.04.2024",
        1_704_240_000,
    ]
    documents = read([{"text": str(number), "metadata": {"date": given}} for number, given in enumerate(dates)])
    assert [document.text for document in documents] == ["2", "6", "3", "1", "0", "4", "5"]


def test_a_time_that_cannot_be_read_is_shown_as_it_is_and_is_never_the_newest() -> None:
    documents = read([{"text": text, "metadata": {"date": text}} for text in ("2 May 2024", "in her youth", "May 2023")])
    assert [document.id for document in documents] == ["in her youth", "May 2023", "2 May 2024"]
    assert [
        document.text for document in read([{"text": text, "metadata": {"date": text}} for text in ("1 May 2020", "some day")], max_items=1)
    ] == ["1 May 2020"]


def test_the_newest_are_used_where_there_are_more_than_are_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert [document.text for document in read([{"text": str(number)} for number in range(12)], max_items=3)] == ["9", "10", "11"]
    assert "12 items, and only the newest 3 are used" in caplog.text
    dated = [{"text": str(day), "metadata": {"date": f"2024-05-{day:02d}"}} for day in (9, 2, 7, 1)]
    assert [document.text for document in read(dated, max_items=2)] == ["7", "9"]


PEOPLE = ("ana@example.org", "ana@example%2Eorg", "ana@example%252Eorg", "ana%", "a.b.c", "100%25")


@pytest.mark.parametrize("how", ["memory", "sqlite"])
async def test_an_address_may_name_a_user(how: str) -> None:
    with SqliteStore.from_conn_string(":memory:") as sqlite:
        sqlite.setup()
        store = sqlite if how == "sqlite" else InMemoryStore()
        for person in PEOPLE:
            UserMemory(store, ("memories", person)).put(f"The cat of {person} is old.", key="1")
        memory = StoreMemory(namespace=("memories", "{user_id}"))
        middleware = AttnGSMiddleware(compressor_of("cat"), memory=memory)
        model = ScriptedModel(answer=says("ok"))
        agent = create_agent(model, middleware=[middleware], store=store)
        for person in PEOPLE:
            agent.invoke({"messages": [HumanMessage("The cat?")]}, {"configurable": {"user_id": person}})
            assert f"The cat of {person} is old.\n</memory>" in str(model.calls[-1][0].text)
            shown = middleware.recall("The cat?", store=store, namespace=("memories", person))
            assert shown is not None
            assert shown.text.endswith(f"The cat of {person} is old.")
            assert len(UserMemory(store, ("memories", person)).items()) == 1
        first = UserMemory(store, ("memories", PEOPLE[0]))
        first.delete("1")
        assert first.items() == []
        assert len(UserMemory(store, ("memories",)).items()) == len(PEOPLE) - 1


def test_a_user_with_an_address_is_erased(tmp_path: Any) -> None:
    with Persistence(str(tmp_path / "memory.sqlite")) as kept:
        for person in PEOPLE[:2]:
            UserMemory(kept.store, ("memories", person)).load(b"The cat is old.", "notes.txt")
        kept.erase(("memories", PEOPLE[0]))
        assert [len(UserMemory(kept.store, ("memories", person)).items()) for person in PEOPLE[:2]] == [0, 1]
