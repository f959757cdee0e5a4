"""A real LlamaIndex client, and a real server on loopback that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from llama_nodes import QUESTION, node, three_nodes
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

from attngs.errors import ChatError
from attngs.testing import count_words
from llama_index_attngs import AttnGSMemoryBlock, AttnGSPostprocessor
from tests.loopback.server import LoopbackServer
from tests.loopback.turns import Turn, always

OpenAILike = pytest.importorskip(
    "llama_index.llms.openai_like", reason="its versions need a newer llama-index-core", exc_type=ImportError
).OpenAILike


@pytest.fixture
async def llm(loopback: LoopbackServer) -> AsyncIterator[Any]:
    """A client with connections that end here, and not in the middle of some other test."""
    with DefaultHttpxClient() as client:
        async with DefaultAsyncHttpxClient() as async_client:
            yield OpenAILike(
                model="tiny",
                api_base=loopback.url,
                api_key="sk-secret",
                is_chat_model=True,
                max_retries=0,
                context_window=8192,
                http_client=client,
                async_http_client=async_client,
            )


def test_rewritten_over_the_wire(settings: dict[str, Any], llm: Any, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(text="Her pills are blue. She takes the pills at nine."))
    post = AttnGSPostprocessor(**settings, mode="rewrite", output="merged", chat=llm)
    [one] = post.postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert one.get_content() == "Her pills are blue. She takes the pills at nine."
    [request] = loopback.requests
    assert [m["role"] for m in request.body["messages"]] == ["system", "user"]
    assert "<start_important>" in request.body["messages"][1]["content"]
    assert "sk-secret" not in post.to_json() + repr(post)
    assert AttnGSPostprocessor.from_json(AttnGSPostprocessor(target_tokens=9, chat=llm).to_json()).chat is None


@pytest.mark.parametrize("status", [429, 500])
def test_when_the_server_fails_the_extract_stays_or_the_error_is_raised(
    status: int, settings: dict[str, Any], llm: Any, loopback: LoopbackServer
) -> None:
    loopback.plan = always(Turn(status=status))
    settings = settings | {"mode": "rewrite", "output": "merged", "chat": llm}
    [one] = AttnGSPostprocessor(**settings | {"target_tokens": 14}).postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert one.get_content() == "[1]\nHer pills are blue.\n\n[2]\nShe takes the pills at nine."
    with pytest.raises(ChatError) as caught:
        AttnGSPostprocessor(**settings, on_chat_error="raise").postprocess_nodes(three_nodes(), query_str=QUESTION)
    assert (caught.value.status, caught.value.retryable) == (status, True)


async def test_many_users_at_once_get_their_own(settings: dict[str, Any], llm: Any, loopback: LoopbackServer) -> None:
    def answer(body: Any) -> Turn:
        content = body["messages"][-1]["content"]
        marked = content.split("<start_important>")[1].split("<end_important>")[0]
        return Turn(text=marked, status=500 if "number 7." in marked else 200)

    loopback.plan = answer
    post = AttnGSPostprocessor(**settings | {"target_tokens": 9}, mode="rewrite", chat=llm)

    async def one(i: int) -> str:
        [out] = await post.apostprocess_nodes(
            [node(f"Nothing here at all. The pills are number {i}. Nor here, no.", f"n{i}")], query_str=QUESTION
        )
        return f"{out.node.node_id} {out.get_content()}"

    texts = await asyncio.gather(*map(one, range(32)))
    assert all(f"n{i} " in text and f"number {i}." in text and count_words(text) <= 10 for i, text in enumerate(texts))


async def test_a_memory_over_the_wire(settings: dict[str, Any], llm: Any, loopback: LoopbackServer) -> None:
    from llama_index.core.llms import ChatMessage

    loopback.plan = always(Turn(text="I take pills at nine."))
    block = AttnGSMemoryBlock(**settings | {"target_tokens": 8}, mode="rewrite", chat=llm)
    await block.aput([ChatMessage(role="user", content="The sun is out. I take pills at nine. It is warm.")])
    assert await block.aget([ChatMessage(role="user", content="When do I take my pills?")]) == "I take pills at nine."
    assert len(loopback.requests) == 1
