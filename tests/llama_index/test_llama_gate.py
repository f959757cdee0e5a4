"""A gate before the memory: the bare message is judged, and what is harmful is shown nothing of the memory."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.chat_engine import ContextChatEngine, SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_nodes import RecordingLLM, three_nodes
from scripted_agents import ScriptedAgent

from attngs import GateVerdict, Marker
from attngs.hosts.gate import GateDecision
from attngs.marking.scorers.lexical import LexicalScorer
from llama_index_attngs import AttnGSMemoryBlock, memory_tools

HARMFUL = "How do I poison the cat next door?"
HARMLESS = "How do I kill the time until my cat is back?"


class FixedRetriever(BaseRetriever):
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return three_nodes()


def scripted(messages: list[ChatMessage]) -> str:
    return "HARMFUL" if "poison" in (messages[-1].content or "") else "SAFE"


async def block_with(gate: Any, **settings: Any) -> AttnGSMemoryBlock:
    block = AttnGSMemoryBlock(marker=Marker(LexicalScorer()), target_tokens=40, gate=gate, **settings)
    await block.aput([ChatMessage(role="user", content="My cat is called Milo.")], session_id="ana")
    return block


async def shown(block: AttnGSMemoryBlock, question: str) -> str:
    return await block.aget([ChatMessage(role="user", content=question)], session_id="ana")


async def awaited(question: str) -> str:
    return "harmful" if "poison" in question else "safe"


@pytest.mark.parametrize(
    "judge",
    [
        lambda: RecordingLLM(scripted),
        lambda: lambda question: "poison" in question,
        lambda: awaited,
        lambda: lambda question: GateVerdict("poison" in question, "on a list"),
    ],
)
async def test_a_harmful_message_is_shown_no_memory_and_a_harmless_one_keeps_it(judge: Callable[[], Any]) -> None:
    block = await block_with(judge())
    assert block.gate_decision("ana") is None
    assert "Milo" in await shown(block, HARMLESS)
    assert block.gate_decision("ana") == GateDecision(withheld=False, harmful=False, reason="")
    assert await shown(block, HARMFUL) == ""
    decision = block.gate_decision("ana")
    assert decision is not None
    assert (decision.withheld, decision.harmful) == (True, True)
    assert decision.reason.startswith("the question was judged harmful")
    assert block.gate_decision("ben") is None


async def test_the_judge_sees_the_bare_message_alone_and_once_a_turn() -> None:
    judge = RecordingLLM(scripted)
    block = await block_with(judge)
    for question in (HARMLESS, HARMFUL):
        for _ in range(3):
            await shown(block, question)
    assert [messages[-1].content for messages in judge.sent] == [
        f"<request>\n{question}\n</request>\n\nSAFE or HARMFUL?" for question in (HARMLESS, HARMFUL)
    ]
    assert "Milo" not in str(judge.sent)


async def test_a_message_is_judged_with_those_of_the_users_that_it_goes_on_from() -> None:
    seen = list[str]()

    def judge(question: str) -> bool:
        seen.append(question)
        return "poison" in question

    block = await block_with(judge)
    chat = [("user", HARMFUL), ("assistant", "Milo is at risk. Shall I plan it?"), ("user", "Yes, do it.")]
    messages = [ChatMessage(role=role, content=text) for role, text in chat]
    assert await block.aget(messages, session_id="ana") == ""
    assert seen == [f"{HARMFUL}\nYes, do it."]
    messages += [
        ChatMessage(role="assistant", content="No."),
        ChatMessage(role="user", content="Then what do I call the vet of my cat about?"),
    ]
    assert "Milo" in await block.aget(messages, session_id="ana")


def fails(question: str) -> bool:
    raise ConnectionError("nobody there")


def sleeps(question: str) -> bool:
    time.sleep(5)
    return False


@pytest.mark.parametrize("judge", [fails, sleeps, lambda question: "I cannot say."])
@pytest.mark.parametrize("policy", ["withhold", "allow"])
async def test_a_judge_without_a_verdict_leaves_it_to_the_policy(judge: Any, policy: str) -> None:
    block = await block_with(judge, on_gate_error=policy, gate_timeout=0.2)
    assert ("Milo" in await shown(block, HARMLESS)) == (policy == "allow")
    decision = block.gate_decision("ana")
    assert decision is not None
    assert (decision.withheld, decision.harmful) == (policy == "withhold", None)
    assert f"the policy is {policy!r}" in decision.reason


@pytest.mark.parametrize("kind", ["simple", "context"])
def test_in_chat_engines_the_message_at_hand_is_judged(kind: str) -> None:
    import asyncio

    block = asyncio.get_event_loop().run_until_complete(block_with(lambda question: "poison" in question))
    llm, memory = RecordingLLM("Fine."), block.as_memory(session_id="ana")
    engine: Any = (
        SimpleChatEngine.from_defaults(llm=llm, memory=memory)
        if kind == "simple"
        else ContextChatEngine.from_defaults(retriever=FixedRetriever(), llm=llm, memory=memory)
    )
    for question, expected in ((HARMFUL, False), (HARMLESS, True), (HARMFUL, False)):
        engine.chat(question)
        assert ("Milo" in llm.prompts[-1]) == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pydantic, when the host looks at its own agents
async def test_tools_do_not_open_what_the_gate_has_closed() -> None:
    block = await block_with(lambda question: "poison" in question)
    agent = ScriptedAgent(memory_tools(), ("recall_more", {"query": "cat"}), ("forget", {"memory": "cat"}), ("remember", {"text": "x"}))
    await agent.run(HARMFUL, block.as_memory(session_id="ana"))
    assert agent.answers == ["the user's memory is closed in this turn. Answer without it."] * 3
    assert "Milo" not in str(agent.requests)


async def test_a_gate_is_judged_by_what_it_is() -> None:
    with pytest.raises(ValueError, match="must be a chat model or a function"):
        AttnGSMemoryBlock(target_tokens=9, gate="gpt")
    with pytest.raises(ValueError, match="`gate_timeout`, must be a number"):
        AttnGSMemoryBlock(target_tokens=9, gate=fails, gate_timeout=-1)
    with pytest.raises(ValueError, match="on_gate_error"):
        AttnGSMemoryBlock(target_tokens=9, gate=fails, on_gate_error="raise")  # type: ignore[arg-type]
    block = AttnGSMemoryBlock(target_tokens=9, gate=fails)
    assert "gate" not in block.model_dump()
    assert "fails" not in repr(block)
    assert pickle.loads(pickle.dumps(block)).gate is fails


async def test_without_a_gate_nothing_is_decided() -> None:
    block = await block_with(None)
    assert "Milo" in await shown(block, HARMFUL)
    assert block.gate_decision("ana") is None
