"""A memory in a file, behind an agent and behind a retriever: each user's own, current, and never another's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chat_models import ScriptedModel
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import ValidationError

from attngs import ContextCompressor, Document, Marker, Memory, MessageShortener, Splitter
from attngs.errors import AssetError, ConfigError, InputError
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.testing import FakeScorer, count_words
from langchain_attngs import AttnGSCompressor, AttnGSMemoryRetriever, AttnGSMiddleware, MemoryFile, UserMemory, memory_tools

MARKER = Marker(FakeScorer("cat", "nuts"), splitter=Splitter(unit="sentence"))
FACTS = [
    Document(id="cat", text="The cat is Milo. It rained all day.", metadata={"date": "2026-03-14"}),
    Document(id="nuts", text="She may eat no nuts. The bus was late.", metadata={"tags": ["food"]}),
]


def memory_of(path: Path, user: str, *facts: Document) -> Memory:
    memory = Memory.open(path, namespace=user, marker=MARKER, counter=count_words)
    memory.add(facts)
    return memory


def compressor_of(target_tokens: int = 6, **settings: Any) -> AttnGSCompressor:
    return AttnGSCompressor(marker=MARKER, counter=count_words, target_tokens=target_tokens, **settings)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    memory_of(tmp_path / "m.db", "ana", *FACTS)
    memory_of(tmp_path / "m.db", "ben", Document(id="cat", text="The cat is Pia. Ben likes tea."))
    return tmp_path / "m.db"


def agent_of(path: Path, **settings: Any) -> tuple[Any, ScriptedModel]:
    model = ScriptedModel(answer=lambda messages: "ok")
    middleware = AttnGSMiddleware(compressor_of(), memory=MemoryFile(path=path, target_tokens=20, **settings))
    return create_agent(model, middleware=[middleware], checkpointer=InMemorySaver()), model


async def asked(agent: Any, how: str, text: str, user: str, thread: str = "1") -> None:
    given, config = {"messages": [HumanMessage(text)]}, {"configurable": {"thread_id": thread, "user_id": user}}
    await agent.ainvoke(given, config) if how == "async" else agent.invoke(given, config)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_an_agent_without_a_store_is_shown_its_own_users_memory(path: Path, how: str) -> None:
    agent, model = agent_of(path)
    await asked(agent, how, "Who is the cat?", "ana")
    await asked(agent, how, "Who is the cat?", "ben", thread="2")
    shown = [str(call[-1].content) for call in model.calls]
    assert "Milo" in shown[0]
    assert "14 Mar 2026" in shown[0]
    assert "Pia" in shown[1]
    assert "Milo" not in shown[1]


async def test_what_is_changed_in_the_file_is_shown_no_more(path: Path) -> None:
    agent, model = agent_of(path)
    await asked(agent, "sync", "Who is the cat?", "ana")
    Memory.open(path, namespace="ana", marker=MARKER, counter=count_words).update("cat", "The cat is Rex.")
    await asked(agent, "sync", "Who is the cat now?", "ana")
    everything = " ".join(str(message.content) for message in model.calls[-1])
    assert "Rex" in everything
    assert "Milo" not in everything


async def test_the_beginning_of_a_request_stays_as_it_is(path: Path) -> None:
    agent, model = agent_of(path)
    for question in ("Who is the cat?", "May she eat nuts?", "And the cat?"):
        await asked(agent, "sync", question, "ana")
    for before, after in zip(model.calls, model.calls[1:], strict=False):
        assert [str(m.content) for m in after[: len(before)]] == [str(m.content) for m in before]


async def test_a_run_that_does_not_say_whose_it_is_is_refused(path: Path) -> None:
    agent, _ = agent_of(path)
    with pytest.raises(ConfigError, match="user_id"):
        agent.invoke({"messages": [HumanMessage("Who is the cat?")]}, {"configurable": {"thread_id": "1"}})
    agent, _ = agent_of(path, namespace=lambda runtime: " ")
    with pytest.raises(ConfigError, match="name of a user"):
        await asked(agent, "sync", "Who is the cat?", "ana")


@pytest.mark.parametrize("settings", [{"namespace": ""}, {"namespace": "{}"}, {"place": "top"}, {"target_tokens": 0}])
def test_settings_that_make_no_sense_are_refused(path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        MemoryFile(path=path, **settings)


def test_a_preview_needs_no_store(path: Path) -> None:
    middleware = AttnGSMiddleware(compressor_of(8), memory=MemoryFile(path=path, target_tokens=20, place="system"))
    result = middleware.recall("Who is the cat?", namespace=("ana",))
    assert result is not None
    assert {source.document_id for source in result.kept} == {"cat", "nuts"}
    assert middleware.recall(" ", namespace=("ana",)) is None
    assert middleware.recall("Who is the cat?", namespace=("nobody",)) is None
    with pytest.raises(ConfigError, match="one label"):
        middleware.recall("Who?", namespace=("memories", "ana"))


def test_of_a_large_memory_all_tokens_count(tmp_path: Path) -> None:
    marker = Marker(LexicalScorer())
    with Memory.open(tmp_path / "m.db", namespace="ana", marker=marker, counter=count_words) as memory:
        memory.add([f"Note {number} is about topic{number} and more of it." for number in range(1000)])
    compressor = AttnGSCompressor(marker=marker, counter=count_words, target_tokens=12, min_score=0)
    result = AttnGSMiddleware(compressor, memory=MemoryFile(path=tmp_path / "m.db")).recall("What is topic777 about?", namespace=("ana",))
    assert result is not None
    assert "topic777" in result.text
    assert result.original_tokens == 9_000
    with Memory.open(tmp_path / "m.db", namespace="ana", marker=marker, counter=count_words) as memory:
        short = MessageShortener(ContextCompressor(marker, counter=count_words), target_tokens=24).shorten(
            [{"role": "user", "content": "What is topic777 about?"}], memory=memory, namespace="ana"
        )
    assert short.memory is not None
    assert (short.memory.original_tokens, "topic777 and more" in short.messages[0]["content"]) == (9_000, True)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_retriever_returns_what_matters_with_ids_and_metadata(path: Path, how: str) -> None:
    memory = Memory.open(path, namespace="ana", marker=MARKER, counter=count_words)
    retriever = AttnGSMemoryRetriever(memory=memory, compressor=compressor_of())
    found = retriever.invoke("Who is the cat?") if how == "sync" else await retriever.ainvoke("Who is the cat?")
    assert [(document.id, document.page_content) for document in found] == [("cat", "The cat is Milo.")]
    assert found[0].metadata["date"] == "2026-03-14"
    assert found[0].metadata["attngs"]["spans"] == [[0, 17]]
    assert sum(count_words(document.page_content) for document in found) <= 6
    with pytest.raises(InputError):
        retriever.invoke(" ")


def test_an_empty_memory_finds_nothing(tmp_path: Path) -> None:
    memory = Memory.open(tmp_path / "m.db", namespace="ana", marker=MARKER, counter=count_words)
    assert AttnGSMemoryRetriever(memory=memory, compressor=compressor_of()).invoke("Who is the cat?") == []
    with pytest.raises(ValidationError):
        AttnGSMemoryRetriever(memory="m.db", compressor=compressor_of())  # type: ignore[arg-type]


async def test_a_file_that_another_marker_has_read_is_opened_anew(path: Path, default_marker: Marker) -> None:
    agent, model = agent_of(path)
    await asked(agent, "sync", "Who is the cat?", "ana")
    Memory.open(path, namespace="ana", marker=default_marker)
    with pytest.raises(AssetError, match="open it again"):
        await asked(agent, "sync", "May she eat nuts?", "ana", thread="2")
    await asked(agent, "sync", "May she eat nuts?", "ana", thread="3")
    assert "no nuts" in str(model.calls[-1][-1].content)


def tool_call(name: str, **given: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": given, "id": name}])


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_an_agents_tools_write_to_the_file_of_its_user(path: Path, how: str) -> None:
    """What is forgotten is shown no more, what is undone is there again, and nobody else has any of it."""
    memory, compressor = MemoryFile(path=path, target_tokens=40), compressor_of()
    calls = [
        tool_call("remember", text="She rows on Mondays."),
        tool_call("remember", text="she rows on mondays"),
        tool_call("update", memory="The cat is Milo. It rained all day.", text="The cat is Rex."),
        tool_call("forget", memory="nuts"),
        tool_call("undo", key="nuts"),
        tool_call("recall_more", query="Who is the cat?"),
        tool_call("forget", memory="Ben likes tea"),
    ]
    left = iter([*calls, AIMessage("ok")])
    model = ScriptedModel(answer=lambda messages: next(left))
    agent = create_agent(model, memory_tools(memory, compressor), middleware=[AttnGSMiddleware(compressor, memory=memory)])
    await asked(agent, how, "What about the cat and the nuts?", "ana")
    answers = [str(message.content) for message in model.calls[-1] if isinstance(message, ToolMessage)]
    assert [answer.split(":")[0].split(",")[0].split(".")[0] for answer in answers[:5]] == [
        "Remembered",
        "This is remembered already",
        "Updated",
        "Forgotten",
        "Undone",
    ]
    assert "The cat is Rex." in answers[5]
    assert "no item has these words" in answers[6]
    with Memory.open(path, namespace="ana", marker=MARKER, counter=count_words) as kept:
        texts = {document.text: document.metadata for document in kept.documents()}
    assert set(texts) == {"The cat is Rex.", "She rows on Mondays.", "She may eat no nuts. The bus was late."}
    assert texts["She rows on Mondays."]["by"] == "agent"
    assert texts["She may eat no nuts. The bus was late."] == {"tags": ["food"]}


def test_people_look_after_their_memory_in_a_file(path: Path) -> None:
    file = MemoryFile(path=path)
    users = {name: UserMemory(file.items(None, compressor_of()), (name,)) for name in ("ana", "ben", "e.v@x%2E")}
    ana = users["ana"]
    assert [(item.key, item.value["text"]) for item in ana.items()][1] == ("cat", "The cat is Milo. It rained all day.")
    key = ana.put("She rows.", metadata={"date": "2026-05-01"})
    assert ana.items()[-1].key == key
    ana.put("She rows on Mondays.", key=key)
    assert users["e.v@x%2E"].load(ana.export().encode(), "ana.jsonl") == 3
    ana.delete(key)
    assert [item.key for item in ana.items()] == ["nuts", "cat"]
    ana.clear()
    assert (len(ana.items()), len(users["ben"].items()), len(users["e.v@x%2E"].items())) == (0, 1, 3)
    assert {item.value["text"] for item in users["e.v@x%2E"].items()} >= {"She rows on Mondays."}
    with Memory.open(path, namespace="e.v@x%2E", marker=MARKER, counter=count_words) as memory:
        assert len(memory) == 3


def test_what_a_memory_file_cannot_do_is_refused(path: Path) -> None:
    store = MemoryFile(path=path).items(None, compressor_of())
    with pytest.raises(InputError, match="must be a `text` with `metadata`"):
        store.put(("ana",), "k", {"kind": "Memory", "content": {}})
    with pytest.raises(ConfigError, match="one label"):
        store.search(("memories", "ana"))
    for use in (lambda: store.get(("ana",), "cat"), lambda: store.search(("ana",), query="cat"), store.list_namespaces):
        with pytest.raises(NotImplementedError, match=r"ask `attngs\.Memory` itself"):
            use()
    assert len(store.search(("ana",))) == 2
