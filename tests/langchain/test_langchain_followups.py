"""Follow-ups in agents: the memory is asked with what was said before them."""

from __future__ import annotations

from typing import Any

import pytest
from chat_models import ScriptedModel
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.store.memory import InMemoryStore

from attngs import Marker, Question
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.testing import count_words
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, StoreMemory, question_of

NOTES = ["Emre's aunt Selin restores clocks.", "Vera's aunt Ludmila breeds goats.", "Emre sells carpets.", "The locksmith is Mr. Haddad."]
MEMORY = StoreMemory(namespace=("notes", "{user_id}"))
RUN: Any = {"configurable": {"user_id": "ana"}}


def store() -> InMemoryStore:
    kept = InMemoryStore()
    for number, text in enumerate(NOTES):
        kept.put(("notes", "ana"), str(number), {"text": text, "metadata": {"date": "2026-03-14"}})
    return kept


def chat(*texts: str) -> list[AnyMessage]:
    return [HumanMessage(text) if number % 2 == 0 else AIMessage(text) for number, text in enumerate(texts)]


def shown(messages: list[AnyMessage], **settings: Any) -> str:
    """All that the model is shown beside the messages."""
    model = ScriptedModel(answer=lambda messages: "Fine.")
    compressor = AttnGSCompressor(marker=Marker(LexicalScorer()), counter=count_words, target_tokens=8)
    agent = create_agent(model, middleware=[AttnGSMiddleware(compressor, memory=MEMORY, **settings)], store=store())
    agent.invoke({"messages": messages}, RUN)
    [call] = model.calls
    return "\n".join(str(message.text) for message in call).partition("<memory>")[2].partition("</memory>")[0]


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        (("What does Emre sell?", "Carpets.", "And his aunt?"), "Selin"),
        (("I am locked out.", "Shall I look up the locksmith?", "yes please"), "Haddad"),
        (("What does Emre sell?", "Carpets.", "Who is the locksmith?"), "Haddad"),
    ],
)
def test_the_memory_is_asked_what_the_user_means(said: tuple[str, ...], needed: str) -> None:
    assert needed in shown(chat(*said))


def test_a_user_s_own_function_says_what_is_asked() -> None:
    seen = list[int]()

    def rephrased(messages: Any) -> str:
        seen.append(len(messages))
        return "Which goats does Ludmila breed?"

    assert "goats" in shown(chat("What does Emre sell?", "Carpets.", "And his aunt?"), question=rephrased)
    assert 3 in seen


def test_tools_and_rules_are_no_part_of_what_was_said() -> None:
    call = AIMessage("", tool_calls=[{"name": "look_up", "args": {}, "id": "1"}])
    noise = [SystemMessage("Be terse."), call, ToolMessage("Goats, goats, goats.", tool_call_id="1")]
    first, second, last = chat("What does Emre sell?", "Carpets.", "And his aunt?")
    question = question_of([first, *noise, second, last])
    assert question == Question(text="And his aunt?", background="What does Emre sell?\nCarpets.")


def test_a_store_that_ranks_is_searched_for_what_was_said_too() -> None:
    question = question_of(chat("What does Emre sell?", "Carpets.", "And his aunt?"))
    ranked = StoreMemory(namespace=("notes",), ranked=True)
    assert ranked.search_options(question)["query"] == "What does Emre sell?\nCarpets.\nAnd his aunt?"
    assert ranked.search_options("And his aunt?")["query"] == "And his aunt?"


def test_a_preview_sees_what_the_agent_sees() -> None:
    compressor = AttnGSCompressor(marker=Marker(LexicalScorer()), counter=count_words, target_tokens=8)
    middleware = AttnGSMiddleware(compressor, memory=MEMORY)
    question = question_of(chat("What does Emre sell?", "Carpets.", "And his aunt?"))
    result = middleware.recall(question, store=store(), namespace=("notes", "ana"))
    assert result
    assert "Selin" in result.text
    assert result.query == "And his aunt?"
    assert middleware.recall(Question(text=" "), store=store(), namespace=("notes", "ana")) is None
