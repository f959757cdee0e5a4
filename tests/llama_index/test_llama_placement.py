"""Where `Memory` puts what the block shows, and what that leaves of a provider's cache."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise, takewhile
from operator import eq
from typing import Any

import pytest
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage
from llama_index.core.memory import Memory
from llama_nodes import RecordingLLM
from scripted_agents import ScriptedAgent, rendered

from attngs import Marker
from attngs.marking.scorers.lexical import LexicalScorer
from llama_index_attngs import AttnGSMemoryBlock

THINGS = ["pills", "cat", "train", "garden", "doctor", "piano"]
SAID = [ChatMessage(role="user", content=f"I care about the {thing}. It rained for days on end.") for thing in THINGS]
QUESTIONS = [f"What about the {THINGS[number % len(THINGS)]}, in turn {number}?" for number in range(30)]


def memory_of(insert_method: str, **settings: Any) -> Memory:
    """A memory whose block shows something else for each thing that is asked about."""
    block = AttnGSMemoryBlock(marker=Marker(LexicalScorer()), target_tokens=26)
    asyncio.get_event_loop().run_until_complete(block.aput([message.model_copy() for message in SAID], session_id="ana"))
    return Memory.from_defaults(session_id="ana", memory_blocks=[block], insert_method=insert_method, **settings)  # type: ignore[arg-type]


def requests_of(memory: Memory, questions: Sequence[str]) -> list[str]:
    """What the LLM was sent, a request for each question."""
    llm = RecordingLLM("I see.")
    engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory, system_prompt="You are kind.")
    for question in questions:
        engine.chat(question)
    return [rendered(messages) for messages in llm.sent]


def shared(requests: Sequence[str]) -> list[int]:
    """How many characters each request begins with that the one before began with."""
    return [sum(takewhile(bool, map(eq, before, after))) for before, after in pairwise(requests)]


def test_in_the_users_message_the_shared_prefix_grows_with_every_turn() -> None:
    requests = requests_of(memory_of("user"), QUESTIONS)
    assert len(requests) == 30
    grown = shared(requests)
    assert all(before < after for before, after in pairwise(grown))
    assert len({request.partition("<memory>")[2].partition("</memory>")[0] for request in requests}) == len(THINGS)
    for request, question in zip(requests, QUESTIONS, strict=True):
        assert request.startswith("<system> You are kind.\n<user> ")
        assert request.count("<memory>") == 1  # what earlier turns were shown is gone
        assert request.endswith(f"</memory>\n{question}")


def test_in_the_system_message_nothing_behind_the_memory_is_shared() -> None:
    requests = requests_of(memory_of("system"), QUESTIONS[:6])
    assert max(shared(requests)) < min(request.index("</memory>") for request in requests)


def test_in_the_users_message_roles_alternate_after_one_system_message() -> None:
    for request in requests_of(memory_of("user"), QUESTIONS[:4]):
        system, *roles = [
            line[1 : line.index(">")] for line in request.splitlines() if line.startswith(("<system>", "<user>", "<assistant>"))
        ]
        assert system == "system"
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


def test_a_greater_flush_leaves_the_history_alone_for_longer() -> None:
    """The history is cut when it is too long; the more is cut at once, the rarer it is."""
    cuts = []
    for flush in (20, 120):
        grown = shared(requests_of(memory_of("user", token_limit=300, token_flush_size=flush), QUESTIONS))
        cuts.append(sum(after < before for before, after in pairwise(grown)))
    assert cuts[0] > cuts[1] > 0


def test_as_memory_places_it_in_the_users_message_and_cuts_the_history_rarely() -> None:
    block = AttnGSMemoryBlock(marker=Marker(LexicalScorer()), target_tokens=26)
    asyncio.get_event_loop().run_until_complete(block.aput([message.model_copy() for message in SAID], session_id="ana"))
    requests = requests_of(block.as_memory(session_id="ana", token_limit=300), QUESTIONS)
    grown = shared(requests)
    cuts = sum(after < before for before, after in pairwise(grown))
    assert 0 < cuts <= 3
    assert all("<memory>" in request.rpartition("<user> ")[2] for request in requests)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pydantic, when the host looks at its own agents
@pytest.mark.parametrize("question", ["Where do I get the pills?", "And the other one?"])
async def test_within_a_turn_of_an_agent_each_request_begins_with_the_one_before(question: str) -> None:
    """Whether or not the question is read with what was said before it: agents pass it twice once a tool has answered."""

    def shop(number: int) -> str:
        """Where things are sold."""
        return f"Shop {number} is open."

    block = AttnGSMemoryBlock(marker=Marker(LexicalScorer()), target_tokens=26)
    await block.aput([message.model_copy() for message in SAID], session_id="ana")
    memory = block.as_memory(session_id="ana")
    await memory.aput_messages(
        [ChatMessage(role="user", content="Are the pills in the garden?"), ChatMessage(role="assistant", content="No.")]
    )
    agent = ScriptedAgent([shop], *(("shop", {"number": number}) for number in range(3)), system_prompt="Be kind.")
    await agent.run(question, memory)
    assert len(agent.requests) == 4
    assert all(after.startswith(before) for before, after in pairwise(agent.requests))
    assert "I care about the pills." in agent.requests[0]
