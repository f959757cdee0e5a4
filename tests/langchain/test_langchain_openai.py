"""A real `ChatOpenAI` that talks to an endpoint on this machine, with everything that can go wrong there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
from test_langchain_rewrite import QUERY, methods, notes, rewriter

from attngs.errors import ChatError
from tests.loopback.server import LoopbackServer
from tests.loopback.turns import BREAK_OFF, HTML, RATE_LIMITED, REFUSAL, SERVER_ERROR, TOOL_CALL, Turn, always, script


def words_of(body: Any) -> Turn:
    content = body["messages"][-1]["content"]
    return Turn(text=content.partition("<start_important>")[2].partition("<end_important>")[0])


MakeModel = Callable[..., ChatOpenAI]


@pytest.fixture
async def model_of(loopback: LoopbackServer) -> AsyncIterator[MakeModel]:
    """LangChain keeps a client for each address until the process ends; these are the test's own, and are closed."""
    with DefaultHttpxClient() as client:
        async with DefaultAsyncHttpxClient() as async_client:

            def make(**settings: Any) -> ChatOpenAI:
                clients = {"http_client": client, "http_async_client": async_client}
                return ChatOpenAI(**{"model": "test", "base_url": loopback.url, "api_key": "none", "max_retries": 0, **clients, **settings})

            yield make


@pytest.mark.parametrize("output", ["separate", "merged"])
async def test_it_writes(loopback: LoopbackServer, model_of: MakeModel, output: str) -> None:
    loopback.plan = words_of
    compressor = rewriter(model_of(), output=output)
    once, again = compressor.compress_documents(notes(3), QUERY), await compressor.acompress_documents(notes(3), QUERY)
    assert methods(once) == methods(again) == ["rewrite"] * (3 if output == "separate" else 1)
    assert [d.page_content for d in once] == [d.page_content for d in again]
    assert once[0].page_content == "The key number 0 is with Anna."
    assert all(body["messages"][0]["role"] == "system" for request in loopback.requests for body in [request.body])


@pytest.mark.parametrize(
    "turn", [BREAK_OFF, HTML, RATE_LIMITED, REFUSAL, SERVER_ERROR, TOOL_CALL, Turn(text=""), Turn(raw=b"{}")], ids=repr
)
async def test_it_fails_and_the_extract_is_there(loopback: LoopbackServer, model_of: MakeModel, turn: Turn) -> None:
    loopback.plan = always(turn)
    compressor = rewriter(model_of(), output="merged")
    assert methods(compressor.compress_documents(notes(3), QUERY)) == ["extract"]
    assert methods(await compressor.acompress_documents(notes(3), QUERY)) == ["extract"]


@pytest.mark.parametrize(
    ("turn", "status", "retryable"), [(RATE_LIMITED, 429, True), (SERVER_ERROR, 500, True), (Turn(status=401), 401, False)]
)
async def test_errors_keep_what_the_client_knows(
    loopback: LoopbackServer, model_of: MakeModel, turn: Turn, status: int, retryable: bool
) -> None:
    loopback.plan = always(turn)
    compressor = rewriter(model_of(), output="merged", on_chat_error="raise")
    with pytest.raises(ChatError) as raised:
        await compressor.acompress_documents(notes(3), QUERY)
    assert (raised.value.status, raised.value.retryable) == (status, retryable)


async def test_retries_stay_with_their_document(loopback: LoopbackServer, model_of: MakeModel) -> None:
    seen = dict[str, int]()

    def plan(body: Any) -> Turn:
        note = body["messages"][-1]["content"].partition("The key number ")[2][:1]
        seen[note] = seen.get(note, 0) + 1
        return SERVER_ERROR if (note == "1" or (note == "2" and seen[note] < 3)) else words_of(body)

    loopback.plan = plan
    chat = model_of().with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
    out = rewriter(chat, 28).compress_documents(notes(4), QUERY)
    assert methods(out) == ["rewrite", "extract", "rewrite", "rewrite"]
    assert [d.page_content for d in out] == [f"The key number {n} is with Anna." for n in range(4)]
    assert seen == {"0": 1, "1": 3, "2": 3, "3": 1}


async def test_fifty_at_the_same_time(loopback: LoopbackServer, model_of: MakeModel) -> None:
    loopback.plan = words_of
    chain = rewriter(model_of(), 14).as_runnable()
    outs = await asyncio.gather(*(chain.ainvoke({"documents": notes(51)[n : n + 2], "query": QUERY}) for n in range(50)))
    for n, out in enumerate(outs):
        assert [d.page_content for d in out] == [f"The key number {n} is with Anna.", f"The key number {n + 1} is with Anna."]
    assert len(loopback.requests) == 100


async def test_a_timeout(loopback: LoopbackServer, model_of: MakeModel) -> None:
    loopback.plan = script(Turn(kind="hang"))
    with pytest.raises(ChatError) as raised:
        rewriter(model_of(timeout=0.3), output="merged", on_chat_error="raise").compress_documents(notes(3), QUERY)
    assert raised.value.retryable
