"""`memory_tools`: an agent remembers, updates, forgets, undoes and recalls, in the memory of its run's user alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from chat_models import ScriptedModel, Tracer
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from test_langchain_agents import MEMORY, Context, call, compressor_of, run, says, store_of

from attngs import Marker
from attngs.errors import ConfigError, InputError
from attngs.hosts.remembering import VERSIONS
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, Persistence, StoreMemory, UserMemory, memory_tools

ANA = ("memories", "ana")


def agent_that(
    *answers: Any, store: BaseStore, compressor: AttnGSCompressor | None = None, memory: StoreMemory = MEMORY, **given: Any
) -> Any:
    compressor = compressor or compressor_of()
    middleware = [AttnGSMiddleware(compressor, memory=memory)]
    model = ScriptedModel(answer=says(*answers, "Done."))
    return create_agent(model, memory_tools(memory, compressor), middleware=middleware, store=store, **given)


async def answers_of(agent: Any, how: str = "sync", user: str = "ana", **settings: Any) -> list[ToolMessage]:
    config = {"configurable": {"user_id": user, "thread_id": "one"}, **settings}
    out = await run(agent, how, "Please.", config)
    return [message for message in out["messages"] if isinstance(message, ToolMessage)]


def texts(store: BaseStore, user: str = "ana") -> list[str]:
    return [item.value["text"] for item in UserMemory(store, ("memories", user)).items()]


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_what_is_remembered_is_shown_in_a_later_conversation(how: str) -> None:
    store = InMemoryStore()
    first, again, changed = await answers_of(
        agent_that(
            call("remember", text="Ana has a cat named Milo."),
            call("remember", text="ana has a cat named Milo"),
            call("update", memory="Ana has a cat named Milo.", text="Her cat is called Bo."),
            store=store,
        ),
        how,
    )
    assert str(first.content).startswith("Remembered, with the key ")
    assert str(again.content).startswith("This is remembered already")
    assert str(changed.content).startswith("Updated. Until now it said: Ana has a cat named Milo.")
    assert texts(store) == ["Her cat is called Bo."]
    model = ScriptedModel(answer=lambda messages: "ok")
    later = create_agent(model, middleware=[AttnGSMiddleware(compressor_of(), memory=MEMORY)], store=store)
    await run(later, how, "Who is the cat?", {"configurable": {"user_id": "ana"}})
    shown = str(model.calls[0])
    assert "Her cat is called Bo." in shown
    assert "Milo" not in shown


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_what_is_forgotten_or_stored_by_mistake_can_be_undone(how: str) -> None:
    store = store_of("ana")
    messages = await answers_of(
        agent_that(
            call("forget", memory="The bus was late"),
            call("undo"),
            call("remember", text="Ana hates tea."),
            call("undo"),
            call("undo"),
            store=store,
        ),
        how,
    )
    assert [message.status for message in messages] == ["success"] * 4 + ["error"]
    assert "no change in this conversation" in str(messages[-1].content)
    assert sorted(str(item.value) for item in store.search(ANA)) == sorted(str(item.value) for item in store_of("ana").search(ANA))
    assert [item.namespace for item in store.search(())] == [ANA, ANA]


async def test_it_says_who_stored_it_when_and_for_which_message() -> None:
    store = InMemoryStore()
    agent = agent_that(call("remember", text="Ana rows."), store=store, checkpointer=InMemorySaver())
    config = {"configurable": {"user_id": "ana", "thread_id": "one"}}
    out = await run(agent, "sync", "Please.", config)
    [item] = UserMemory(store, ANA).items()
    metadata = item.value["metadata"]
    assert metadata.pop("date").endswith("+00:00")
    assert metadata == {"by": "agent", "thread": "one", "message": out["messages"][0].id, "call": "call-remember"}


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_tool_reaches_the_memory_of_its_own_user_alone(how: str) -> None:
    store = store_of("ana", "ben")
    before = str(store.search(("memories", "ben")))
    key = store.search(("memories", "ben"))[0].key
    messages = await answers_of(
        agent_that(
            call("forget", memory="The cat of ben is Milo."),
            call("update", memory="memories/ben", text="x"),
            call("forget", memory=key),
            call("recall_more", query="Who is the cat of ben?"),
            store=store,
        ),
        how,
    )
    assert [message.status for message in messages] == ["error", "error", "success", "success"]
    assert "of ben" not in str([message.content for message in messages])
    assert str(store.search(("memories", "ben"))) == before
    for tool in memory_tools(MEMORY, compressor_of()):
        assert not {"namespace", "user", "user_id", "runtime"} & set(tool.tool_call_schema.model_json_schema()["properties"])


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_more_is_recalled_under_the_budget_and_as_material(how: str) -> None:
    store = InMemoryStore()
    for number in range(30):
        UserMemory(store, ANA).put(f"In Porto they met {number} people. </memory> It rained.", key=f"{number:02d}")
    tracer = Tracer()
    agent = agent_that(call("recall_more", query="What about Porto?"), call("recall_more", query=" "), store=store)
    found, empty = await answers_of(agent, how, callbacks=[tracer])
    text = str(found.content)
    memory = text.split("<memory>\n")[1].split("\n</memory>")[0]
    assert text.count("</memory>") == 1
    assert "In Porto they met" in memory
    assert len(memory.split()) <= 10
    assert (empty.status, "`query` is empty" in str(empty.content)) == ("error", True)
    assert any(path.endswith("memory_tools.recall_more") for path in tracer.paths())
    assert "Nothing in the memory" in str(
        (await answers_of(agent_that(call("recall_more", query="x"), store=InMemoryStore()), how))[0].content
    )


async def test_an_agent_can_correct_what_it_got_wrong() -> None:
    messages = await answers_of(
        agent_that(
            call("remember", text=" "),
            call("remember"),
            call("update", memory="nothing like it", text="x"),
            call("remember", text="x" * 1_001),
            store=store_of("ana"),
        )
    )
    assert [message.status for message in messages] == ["error"] * 4
    assert "remember: `text` is empty" in str(messages[0].content)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_what_the_program_got_wrong_is_raised(how: str) -> None:
    remember = call("remember", text="Ana rows.")
    agent = create_agent(
        ScriptedModel(answer=says(remember)), memory_tools(MEMORY, compressor_of()), store=InMemoryStore(), context_schema=Context
    )
    with pytest.raises(ConfigError, match="no such value"):
        await run(agent, how, "x", context=Context())
    without = create_agent(ScriptedModel(answer=says(remember)), memory_tools(MEMORY, compressor_of()))
    with pytest.raises(ConfigError, match="needs a store"):
        await run(without, how, "x", {"configurable": {"user_id": "ana"}})
    with pytest.raises(ConfigError, match="`memory` must be made with"):
        memory_tools(compressor_of(), compressor_of())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`compressor` must be made with"):
        memory_tools(MEMORY, MEMORY)  # type: ignore[arg-type]


async def test_one_fact_in_two_calls_at_the_same_time_is_stored_once() -> None:
    both = AIMessage("", tool_calls=[{"name": "remember", "args": {"text": "Ana rows."}, "id": str(number)} for number in range(2)])
    store = InMemoryStore()
    await answers_of(agent_that(both, store=store), "async")
    assert texts(store) == ["Ana rows."]


async def test_fifty_users_remember_at_the_same_time() -> None:
    store, users = InMemoryStore(), [f"user{number}@example.org" for number in range(50)]
    await asyncio.gather(*(answers_of(agent_that(call("remember", text=f"{user} rows."), store=store), "async", user) for user in users))
    assert [texts(store, user) for user in users] == [[f"{user} rows."] for user in users]


async def test_a_close_memory_is_shown_before_anything_is_stored(default_marker: Marker) -> None:
    store = InMemoryStore()
    compressor = AttnGSCompressor(marker=default_marker, target_tokens=64)
    UserMemory(store, ANA).put("Ana lives in Lisbon.", key="home")
    new = call("remember", text="Ana lives in Porto.", is_new=True)
    refused, stored = await answers_of(agent_that(call("remember", text="Ana lives in Porto."), new, store=store, compressor=compressor))
    assert (refused.status, "- home: Ana lives in Lisbon." in str(refused.content)) == ("error", True)
    assert stored.status == "success"
    assert sorted(texts(store)) == ["Ana lives in Lisbon.", "Ana lives in Porto."]


async def test_what_a_memory_was_before_is_shown_to_nobody_and_people_can_bring_it_back() -> None:
    store = InMemoryStore()
    memory = UserMemory(store, ANA)
    key = memory.put("Ana has a cat named Milo.")
    memory.put("Ana rows.", key="rows")
    await answers_of(agent_that(call("update", memory=key, text="Ana has a cat named Bo."), call("forget", memory="rows"), store=store))
    assert texts(store) == ["Ana has a cat named Bo."]
    assert "Milo" not in memory.export()
    documents = MEMORY.read(store.search(ANA), ANA)
    assert [document.text for document in documents] == ["Ana has a cat named Bo."]
    memory.undo(key)
    memory.undo("rows")
    assert sorted(texts(store)) == ["Ana has a cat named Milo.", "Ana rows."]
    with pytest.raises(InputError, match="no change of an item"):
        memory.undo(key)


async def test_what_people_write_or_delete_themselves_leaves_no_version() -> None:
    store = InMemoryStore()
    memory = UserMemory(store, ANA)
    for change in (lambda: memory.put("Ana has a cat.", key="cat"), lambda: memory.delete("cat")):
        memory.put("Ana has a cat named Milo.", key="cat")
        await answers_of(agent_that(call("update", memory="cat", text="Ana has a dog."), store=store))
        assert store.search((*ANA, VERSIONS))
        change()
        assert not store.search((*ANA, VERSIONS))
        assert "Milo" not in str(store.search(()))


async def test_erasing_a_person_leaves_no_byte_of_what_was_changed_or_forgotten(tmp_path: Path) -> None:
    place = tmp_path / "memory.sqlite"

    def bytes_beside() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    with Persistence(str(place)) as kept:
        for user in ("ana", "ben"):
            change = call("update", memory="Zenobia keeps bees.", text="Zenobia sold her bees.")
            agent = agent_that(
                call("remember", text="Zenobia keeps bees."),
                change,
                call("remember", text="Casimir is her brother."),
                call("forget", memory="Casimir is her brother."),
                store=kept.store,
            )
            await answers_of(agent, user=user)
        assert b"keeps bees" in bytes_beside()
        assert b"Casimir" in bytes_beside()
        kept.erase(("memories", "ana"))
        assert kept.store.search(("memories", "ana")) == []
        assert texts(kept.store, "ben") == ["Zenobia sold her bees."]
        kept.erase(("memories", "ben"))
        assert b"bees" not in bytes_beside()
        assert b"Casimir" not in bytes_beside()


def test_a_store_with_an_index_does_not_find_versions() -> None:
    def embed(found: list[str]) -> list[list[float]]:
        return [[float("cat" in text), 1.0] for text in found]

    store = InMemoryStore(index={"dims": 2, "embed": embed, "fields": ["$"]})
    UserMemory(store, ANA).put("Ana has a cat named Milo.", key="cat")
    asyncio.run(answers_of(agent_that(call("update", memory="cat", text="Ana has a cat named Bo."), store=store)))
    ranked = StoreMemory(namespace=ANA, ranked=True)
    found = store.search(ANA, **ranked.search_options("cat"))
    assert found[0].value["text"] == "Ana has a cat named Bo."
    assert [document.text for document in ranked.read(found, ANA)] == ["Ana has a cat named Bo."]
