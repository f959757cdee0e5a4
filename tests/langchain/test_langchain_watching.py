"""`RunWatch`: what a run compressed and what its model was sent, for the host that asks, and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from chat_models import ScriptedModel, StreamingModel, Tracer, marked
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from test_langchain_agents import MEMORY, compressor_of, store_of
from test_langchain_rewrite import QUERY, notes, rewriter

from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, RunWatch


async def run(agent: Any, how: str, watch: RunWatch, user: str = "ana", text: str = "Who is the cat?") -> Any:
    config = {"configurable": {"user_id": user}, "callbacks": [watch]}
    given = {"messages": [HumanMessage(text)]}
    return agent.invoke(given, config) if how == "sync" else await agent.ainvoke(given, config)


def agent_of(model: Any, compressor: AttnGSCompressor, *users: str) -> Any:
    return create_agent(model, middleware=[AttnGSMiddleware(compressor, memory=MEMORY)], store=store_of(*users))


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_it_has_the_very_compression_and_the_very_messages(how: str) -> None:
    model, watch = ScriptedModel(answer=lambda messages: "Milo."), RunWatch()
    await run(agent_of(model, compressor_of(), "ana"), how, watch)
    [memory] = watch.named("AttnGSMiddleware.memory")
    assert f"<memory>\n{memory.text}\n</memory>" in str(model.calls[0][0].text)
    assert watch.sent == model.calls[0]
    assert [(item.run, item.result) for item in watch.compressions] == [("AttnGSMiddleware.memory", memory)]
    assert watch.seconds_to_first_token is None
    assert "Milo" in memory.to_html()


async def test_the_writer_s_requests_are_not_what_the_model_was_sent() -> None:
    writer, model, watch = ScriptedModel(answer=marked), StreamingModel(answer=lambda messages: "Milo it is."), RunWatch()
    agent = agent_of(model, compressor_of(mode="rewrite", chat=writer), "ana")
    pieces = [
        piece
        for piece, _ in agent.stream(
            {"messages": [("user", "Who is the cat?")]}, {"configurable": {"user_id": "ana"}, "callbacks": [watch]}, stream_mode="messages"
        )
    ]
    assert writer.calls
    assert watch.sent == model.calls[0]
    assert watch.seconds_to_first_token is not None
    assert "".join(str(piece.text) for piece in pieces) == "Milo it is."


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_each_run_tells_its_own_watch_alone(how: str) -> None:
    agent = agent_of(ScriptedModel(answer=lambda messages: "Yes."), compressor_of(), "ana", "ben")
    watches = {user: RunWatch() for user in ("ana", "ben")}
    for user, watch in watches.items():
        await run(agent, how, watch, user)
    for user, watch in watches.items():
        [memory] = watch.named("AttnGSMiddleware.memory")
        assert f"cat of {user}" in memory.text


def test_texts_go_to_no_other_handler() -> None:
    tracer, watch = Tracer(), RunWatch()
    compressor_of().compress_documents(notes(3), QUERY, [tracer, watch])
    assert "Milo" not in str(tracer.events)
    assert len(watch.named("AttnGSCompressor")) == 1
    assert not [value for _, _, data in tracer.events for value in data.values() if isinstance(value, list | dict)]


def test_a_compressor_tells_of_the_extract_and_of_each_rewrite() -> None:
    watch = RunWatch()
    rewriter(ScriptedModel()).compress_documents(notes(3), QUERY, [watch])
    assert [result.method for result in watch.named("AttnGSCompressor")] == ["extract", "rewrite", "rewrite", "rewrite"]


def test_who_leaves_the_loop_stops_the_model() -> None:
    said: list[str] = []

    class Endless(StreamingModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Any:
            for chunk in super()._stream(*args, **kwargs):
                said.append(str(chunk.message.content))
                watch.cancel()
                yield chunk

    watch, agent = RunWatch(), agent_of(Endless(answer=lambda messages: "word " * 1_000, delay=0), compressor_of(), "ana")
    stream = agent.stream(
        {"messages": [("user", "Who is the cat?")]}, {"configurable": {"user_id": "ana"}, "callbacks": [watch]}, stream_mode="messages"
    )
    with pytest.raises(InterruptedError), watch:
        list(stream)
    assert len(said) == 1


def test_who_leaves_early_has_no_model_asked() -> None:
    model, watch = ScriptedModel(answer=lambda messages: "Milo."), RunWatch()
    watch.cancel()
    with pytest.raises(InterruptedError):
        agent_of(model, compressor_of(), "ana").invoke(
            {"messages": [("user", "Who is the cat?")]}, {"configurable": {"user_id": "ana"}, "callbacks": [watch]}
        )
    assert model.calls == []


def test_a_memory_can_be_recalled_without_a_run() -> None:
    store, middleware = store_of("ana", "ben"), AttnGSMiddleware(compressor_of(), memory=MEMORY)
    model, watch = ScriptedModel(answer=lambda messages: "Milo."), RunWatch()
    agent = create_agent(model, middleware=[middleware], store=store)
    agent.invoke({"messages": [("user", "Who is the cat?")]}, {"configurable": {"user_id": "ana"}, "callbacks": [watch]})
    preview = RunWatch()
    recalled = middleware.recall("Who is the cat?", store=store, namespace=("memories", "ana"), config={"callbacks": [preview]})
    assert recalled is not None
    assert preview.named("AttnGSMiddleware.memory") == [recalled]
    assert (recalled.text, recalled.target_tokens) == (watch.compressions[0].result.text, 10)
    assert [source.metadata["_key"] for source in recalled.kept] == ["1"]
    assert middleware.recall("Who is the cat?", store=store, namespace=("memories", "nobody")) is None
    assert middleware.recall("  ", store=store, namespace=("memories", "ana")) is None
    with pytest.raises(ValueError, match="has no `memory`"):
        AttnGSMiddleware(compressor_of()).recall("Who?", store=store, namespace=("memories", "ana"))
