"""One budget over history, memory and retrieved nodes: each takes its share, and the block what the history leaves."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.chat_engine import ContextChatEngine, SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import InsertMethod, StaticMemoryBlock
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.utils import get_tokenizer
from llama_nodes import RecordingLLM, node

from attngs import ContextBudget, Document, Marker, Memory, Periods
from attngs.errors import ConfigError
from attngs.testing import FakeScorer, count_words
from llama_index_attngs import AttnGSMemoryBlock, AttnGSPostprocessor

CHAT = ContextBudget(target_tokens=300, shares={"history": 2, "memory": 1})
RAG = ContextBudget(target_tokens=300, shares={"history": 1, "memory": 1, "documents": 1})
LONG = [f"The pills of day {day} were taken at nine." for day in range(60)]
QUESTION = "When were the pills taken?"


class FixedRetriever(BaseRetriever):
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [node(text, str(number)) for number, text in enumerate(LONG)]


def tokens(text: str) -> int:
    return len(get_tokenizer()(text))


def block_of(budget: ContextBudget, **settings: Any) -> AttnGSMemoryBlock:
    block = AttnGSMemoryBlock(budget=budget, marker=Marker(FakeScorer("pills")), **settings)
    asyncio.get_event_loop().run_until_complete(block.aput([ChatMessage(role="user", content=text) for text in LONG], session_id="ana"))
    return block


def read(block: AttnGSMemoryBlock, *said: str) -> str:
    messages = [ChatMessage(role=("user", "assistant")[number % 2], content=text) for number, text in enumerate(said)]
    return str(asyncio.get_event_loop().run_until_complete(block.aget(messages, session_id="ana")))


def test_a_memory_under_a_budget_has_its_limits() -> None:
    block = block_of(RAG)
    memory = block.as_memory(session_id="ana")
    assert (memory.token_limit, memory.chat_history_token_ratio, memory.token_flush_size) == (200, 0.5, 50)
    assert memory.insert_method == InsertMethod.USER
    assert memory.memory_blocks == [block]
    assert AttnGSPostprocessor(budget=RAG).ceiling() == 100


def test_tool_results_are_history_and_a_profile_has_its_place() -> None:
    everything = ContextBudget(target_tokens=1_000, shares={"profile": 1, "memory": 2, "history": 3, "tool_results": 1, "documents": 3})
    memory = AttnGSMemoryBlock(budget=everything).as_memory()
    assert memory.token_limit == 700
    assert round(memory.chat_history_token_ratio * memory.token_limit) == 400


@pytest.mark.parametrize("engine", ["simple", "context"])
def test_what_the_llm_is_sent_stays_under_the_budget(engine: str) -> None:
    budget, llm = (CHAT if engine == "simple" else RAG), RecordingLLM("I see. " * 6)
    memory = block_of(budget).as_memory(session_id="ana")
    posts = [AttnGSPostprocessor(budget=RAG, marker=Marker(FakeScorer("pills")))]
    chat: Any = (
        SimpleChatEngine.from_defaults(llm=llm, memory=memory)
        if engine == "simple"
        else ContextChatEngine.from_defaults(
            retriever=FixedRetriever(), llm=llm, memory=memory, node_postprocessors=posts, context_template="{context_str}"
        )
    )
    for number in range(12):
        chat.chat(f"{QUESTION} I ask for the {number}th time.")
    assert all("The pills of day" in prompt for prompt in llm.prompts)
    assert max(sum(tokens(message.content or "") for message in sent) for sent in llm.sent) <= budget.target_tokens


def test_what_the_history_leaves_flows_to_the_block() -> None:
    block = block_of(CHAT)
    short, long = read(block, QUESTION), read(block, "Hello. " * 120, "Hi.", QUESTION)
    assert tokens(long) < 100 < 230 < tokens(short) < 300
    assert tokens(read(block_of(RAG), QUESTION)) < 200  # the nodes do not lend what they may not need


def test_both_limits_hold() -> None:
    assert tokens(read(block_of(CHAT, target_tokens=40), QUESTION)) <= 40
    assert AttnGSPostprocessor(budget=RAG, target_tokens=40).ceiling() == 40
    assert AttnGSPostprocessor(budget=RAG, target_tokens=400).ceiling() == 100


def test_results_of_tools_count_as_such() -> None:
    budget = ContextBudget(target_tokens=300, shares={"history": 1, "memory": 1, "tool_results": 1})
    block = block_of(budget, counter=count_words)
    said = [
        ChatMessage(role="user", content="Look."),
        ChatMessage(role="tool", content="word " * 500),
        ChatMessage(role="assistant", content="Done."),
        ChatMessage(role="user", content=QUESTION),
    ]
    text = asyncio.get_event_loop().run_until_complete(block.aget(said, session_id="ana"))
    assert 100 < count_words(str(text)) <= 150


def test_a_budget_is_saved_and_copied() -> None:
    post = AttnGSPostprocessor(budget=RAG)
    for again in (AttnGSPostprocessor.from_dict(post.to_dict()), AttnGSPostprocessor.from_json(post.to_json()), post.model_copy()):
        assert again.budget == RAG
        assert again.ceiling() == 100


def test_your_own_settings_come_first() -> None:
    facts = StaticMemoryBlock(name="Facts", static_content="She is Ana.")
    block = AttnGSMemoryBlock(target_tokens=40)
    memory = block.as_memory(memory_blocks=[facts, block], insert_method="system", token_limit=1_000, token_flush_size=99)
    assert (memory.memory_blocks, memory.insert_method, memory.token_flush_size) == ([facts, block], InsertMethod.SYSTEM, 99)
    assert block.as_memory(token_limit=1_000).token_flush_size == 350
    with pytest.raises(ConfigError, match="`token_limit` follows from the block's `budget`"):
        AttnGSMemoryBlock(budget=CHAT).as_memory(token_limit=1_000)


def test_a_budget_that_cannot_be_is_named() -> None:
    for host in (AttnGSMemoryBlock, AttnGSPostprocessor):
        with pytest.raises(ValueError, match="`target_tokens` is missing"):
            host()
    with pytest.raises(ValueError, match="leaves no tokens for `documents`"):
        AttnGSPostprocessor(budget=CHAT)
    with pytest.raises(ConfigError, match="leaves no tokens for `history`"):
        AttnGSMemoryBlock(budget=ContextBudget(target_tokens=99, shares={"memory": 1})).as_memory()
    with pytest.raises(ConfigError, match="its tags take"):
        read(block_of(ContextBudget(target_tokens=30, shares={"memory": 1, "history": 9, "documents": 9})), *["Hello. " * 30] * 3)


def test_the_memory_is_shared_over_time_where_the_budget_says_so(tmp_path: Path) -> None:
    marker = Marker(FakeScorer("cat", "fish"))
    with Memory.open(tmp_path / "memory.db", namespace="ana", marker=marker, counter=tokens) as memory:
        for day in (1, 2, 3, 4, 5, 26, 27, 28):
            text = f"On day {day} the cat came back." if day > 9 else f"Day {day}: the cat ate the fish."
            memory.add([Document(text=text, metadata={"date": f"2026-03-{day:02}"})])

    def lately(periods: Periods | None) -> int:
        budget = ContextBudget(target_tokens=130, shares={"history": 2, "memory": 1}, periods=periods)
        block = AttnGSMemoryBlock(path=tmp_path / "memory.db", namespace="ana", marker=marker, budget=budget)
        return read(block, "What did the cat do?").count("came back")

    assert lately(None) == 0
    assert lately(Periods()) >= 2
