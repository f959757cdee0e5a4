"""One named run, its writer's calls below it, a ledger at its end, and no inner tokens in anybody's stream."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from chat_models import ScriptedModel, StreamingModel, Tracer
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.callbacks import CallbackManager, get_usage_metadata_callback
from langchain_core.documents import BaseDocumentTransformer, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer
from langchain_core.tracers.schemas import Run
from test_langchain_rewrite import QUERY, notes, rewriter

from langchain_attngs import AttnGSCompressor
from langchain_attngs.tracing import EVENT


class Notes(BaseRetriever):
    count: int = 3

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return notes(self.count)


async def ask(runnable: Any, how: str, value: Any, config: Any = None) -> Any:
    return runnable.invoke(value, config) if how == "sync" else await runnable.ainvoke(value, config)


async def compress(compressor: AttnGSCompressor, how: str, callbacks: Any = None) -> list[Document]:
    if how == "sync":
        return compressor.compress_documents(notes(3), QUERY, callbacks)
    return await compressor.acompress_documents(notes(3), QUERY, callbacks)


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("given", ["list", "manager"])
async def test_calls_are_below_one_named_run(how: str, given: str) -> None:
    tracer = Tracer()
    await compress(
        rewriter(ScriptedModel()), how, [tracer] if given == "list" else CallbackManager([tracer], inheritable_handlers=[tracer])
    )
    assert tracer.paths() == ["AttnGSCompressor", *["AttnGSCompressor > ScriptedModel"] * 3]
    assert "nostream" in tracer.tags["ScriptedModel"]
    [(run, name, ledger)] = tracer.events
    assert (run, name) == ("AttnGSCompressor", EVENT)
    assert ledger == {
        "target_tokens": 30,
        "documents": 3,
        "kept_documents": 3,
        "original_tokens": 57,
        "compressed_tokens": 21,
        "method": "rewrite",
        "reason": None,
        "writer_usage": {"input_tokens": 21, "output_tokens": 9},
        "parts": None,
    }


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_inside_another_run_nobody_needs_to_pass_callbacks(how: str) -> None:
    tracer = Tracer()
    compressor = rewriter(ScriptedModel().with_retry())
    inner = RunnableLambda(
        lambda query: compressor.compress_documents(notes(3), query),
        afunc=lambda query: compressor.acompress_documents(notes(3), query),  # type: ignore[arg-type,return-value]
        name="mine",
    )
    await ask(inner, how, QUERY, {"callbacks": [tracer], "metadata": {"user": "ana"}, "tags": ["house"]})
    assert tracer.paths().count("mine > AttnGSCompressor > ScriptedModel > ScriptedModel") == 3
    assert tracer.metadata["ScriptedModel"]["user"] == "ana"
    assert {"house", "nostream"} <= set(tracer.tags["ScriptedModel"])


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_without_any_run_or_handler(how: str) -> None:
    assert len(await compress(rewriter(ScriptedModel()), how)) == 3


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_failure_ends_the_runs(how: str) -> None:
    tracer = Tracer()
    with pytest.raises(Exception, match="ValueError") as caught:
        await compress(rewriter(ScriptedModel(answer=lambda m: ValueError("broken")), on_chat_error="raise"), how, [tracer])
    assert str(caught.value.__cause__) == "broken"
    assert tracer.failed == ["ScriptedModel"] * 3 + ["AttnGSCompressor"]
    assert tracer.events == []


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_logs_above_debug_hold_numbers_alone(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """Clients put the request into their errors, and the reason of a fallback may quote those."""
    caplog.set_level(logging.DEBUG)
    await compress(rewriter(ScriptedModel(answer=lambda messages: ValueError(f"cannot read {messages[-1].content}"))), how)
    [told] = [record for record in caplog.records if record.name.startswith("langchain_attngs") and record.levelno > logging.DEBUG]
    assert told.getMessage() == "21 of 57 tokens kept, and not as asked; DEBUG says why"
    [why] = [record for record in caplog.records if record.name.startswith("langchain_attngs") and record.levelno == logging.DEBUG]
    assert "ScriptedModel" in why.getMessage()


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_in_a_contextual_compression_retriever(how: str) -> None:
    tracer = Tracer()
    retriever = ContextualCompressionRetriever(base_compressor=rewriter(ScriptedModel()), base_retriever=Notes())
    documents = await ask(retriever, how, QUERY, {"callbacks": [tracer]})
    assert [d.id for d in documents] == ["d0", "d1", "d2"]
    assert tracer.paths().count("ContextualCompressionRetriever > AttnGSCompressor > ScriptedModel") == 3
    empty = ContextualCompressionRetriever(base_compressor=rewriter(ScriptedModel()), base_retriever=Notes(count=0))
    assert await ask(empty, how, QUERY) == []


class Capitals(BaseDocumentTransformer):
    def transform_documents(self, documents: Any, **kwargs: Any) -> list[Document]:
        return [d.model_copy(update={"page_content": d.page_content.upper()}) for d in documents]


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_in_a_pipeline(how: str) -> None:
    tracer = Tracer()
    pipeline = DocumentCompressorPipeline(transformers=[rewriter(ScriptedModel()), Capitals()])
    retriever = ContextualCompressionRetriever(base_compressor=pipeline, base_retriever=Notes())
    documents = await ask(retriever, how, QUERY, {"callbacks": [tracer]})
    assert [d.page_content for d in documents] == [f"THE KEY NUMBER {n} IS WITH ANNA." for n in range(3)]
    assert "ContextualCompressionRetriever > AttnGSCompressor > ScriptedModel" in tracer.paths()


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_in_a_chain(how: str) -> None:
    tracer = Tracer()
    chain = {"documents": Notes(), "query": RunnablePassthrough()} | rewriter(ScriptedModel()).as_runnable()
    documents = await ask(chain, how, QUERY, {"callbacks": [tracer]})
    assert [d.id for d in documents] == ["d0", "d1", "d2"]
    assert "RunnableSequence > AttnGSCompressor > ScriptedModel" in tracer.paths()
    batches = chain.batch([QUERY, "Where is the key?"]) if how == "sync" else await chain.abatch([QUERY, "Where is the key?"])
    assert [len(batch) for batch in batches] == [3, 3]


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_usage_is_counted_by_langchain_too(how: str) -> None:
    with get_usage_metadata_callback() as usage:
        await compress(rewriter(ScriptedModel()), how)
    assert usage.usage_metadata["scripted-1"]["total_tokens"] == 30


async def test_a_chain_streams_the_answer_alone() -> None:
    compressor, reader = rewriter(StreamingModel()), StreamingModel(answer=lambda messages: "One two three.")
    chain = (
        {"documents": Notes(), "query": RunnablePassthrough()}
        | compressor.as_runnable()
        | RunnableLambda(lambda documents: "\n\n".join(d.page_content for d in documents))
        | reader
    )
    streamed = [chunk.content async for chunk in chain.astream(QUERY)]
    assert "".join(streamed) == "One two three."
    assert [chunk.content for chunk in chain.stream(QUERY)] == streamed
    told: dict[bool, str] = {True: "", False: ""}
    ledgers = []
    async for event in chain.astream_events(QUERY, version="v2"):
        if event["event"] == "on_chat_model_stream":
            told["nostream" in event["tags"]] += str(event["data"]["chunk"].content)
        if event["event"] == "on_custom_event":
            ledgers.append((event["name"], event["data"]["method"]))
    assert told[False] == "One two three."
    assert ledgers == [(EVENT, "rewrite")]


class Recorder(BaseTracer):
    """As LangSmith's own tracer: is given each finished tree of runs."""

    def __init__(self) -> None:
        super().__init__()
        self.trees: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.trees.append(run)


class AsyncRecorder(AsyncBaseTracer):
    def __init__(self) -> None:
        super().__init__()
        self.trees: list[Run] = []

    async def _persist_run(self, run: Run) -> None:
        self.trees.append(run)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_tracer_gets_one_tree_with_inputs_outputs_and_usage(how: str) -> None:
    tracer = Recorder() if how == "sync" else AsyncRecorder()
    out = await compress(rewriter(ScriptedModel()), how, [tracer])
    [tree] = tracer.trees
    assert (tree.name, tree.run_type, tree.error) == ("AttnGSCompressor", "chain", None)
    assert tree.inputs["query"] == QUERY
    assert tree.outputs == {"output": out}
    assert [run.run_type for run in tree.child_runs] == ["llm"] * 3
    message = tree.child_runs[0].outputs["generations"][0][0]["message"]["kwargs"]  # type: ignore[index]
    assert message["usage_metadata"]["total_tokens"] == 10


async def test_fifty_at_the_same_time() -> None:
    """Each gets its own documents and its own trace."""
    compressor = rewriter(ScriptedModel(), 35, max_concurrency=8)
    tracers = [Tracer() for _ in range(50)]
    chain = compressor.as_runnable()
    outs = await asyncio.gather(
        *(
            chain.ainvoke({"documents": notes(2 + number % 4), "query": f"{QUERY} {number}"}, {"callbacks": [tracer]})
            for number, tracer in enumerate(tracers)
        )
    )
    for number, (out, tracer) in enumerate(zip(outs, tracers, strict=True)):
        count = 2 + number % 4
        assert [d.id for d in out] == [f"d{n}" for n in range(count)]
        assert tracer.paths().count("AttnGSCompressor > ScriptedModel") == sum(d.metadata["attngs"]["method"] == "rewrite" for d in out)
        assert len(tracer.events) == 1
