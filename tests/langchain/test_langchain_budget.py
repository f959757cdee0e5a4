"""One budget over all that the middleware puts into a prompt: memory, earlier conversation and results of tools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from chat_models import ScriptedModel
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from test_langchain_agents import compressor_of

from attngs import ContextBudget, Marker, Periods, Splitter
from attngs.errors import ConfigError
from attngs.marking.scorers.simple import RecencyScorer
from attngs.protocols import TokenCounter
from attngs.reading.tokens import as_counter
from attngs.testing import count_words
from langchain_attngs import AttnGSMiddleware, History, StoreMemory, ToolResults

RULES = "Answer in one sentence."
PAGE = "Page {0} tells of roads and rain and of mud. " * 10 + "The cat of house {0} is grey. " + "Nobody came to see page {0} again. " * 10
MEMORY = StoreMemory(namespace=("memories", "ana"))
IN_SYSTEM = StoreMemory(namespace=("memories", "ana"), place="system")


@tool
def read(page: int) -> str:
    """Read a page."""
    return PAGE.format(page)


def filled_store() -> InMemoryStore:
    found = InMemoryStore()
    for number in range(12):
        found.put(("memories", "ana"), str(number), {"text": f"Ana fed cat number {number} on that day. It rained. Nobody came."})
    return found


def placed(shown: Sequence[BaseMessage], written: Sequence[BaseMessage]) -> Iterator[str]:
    """All that a model is shown and nobody wrote."""
    contents = {message.id: str(message.text) for message in written}
    for message in shown:
        text, own = str(message.text), RULES if isinstance(message, SystemMessage) else contents[message.id]
        if isinstance(message, ToolMessage):
            yield text if text != own else ""
        else:
            assert own in text
            yield text.replace(own, "", 1)


class Talk:
    """Some turns of one chat, each with calls of the tool; what the model was shown at each step."""

    def __init__(
        self, budget: ContextBudget, counter: Any, store: InMemoryStore | None = None, marker: Marker | None = None, **rules: Any
    ) -> None:
        self.left, self.pages, self.store = 0, 0, store or filled_store()
        self.model = ScriptedModel(answer=self._answer)
        settings: dict[str, Any] = {"counter": counter, "target_tokens": 400} | ({"marker": marker} if marker else {})
        middleware = AttnGSMiddleware(compressor_of("cat", **settings), budget=budget, **rules)
        self.agent = create_agent(
            self.model, [read], system_prompt=RULES, middleware=[middleware], store=self.store, checkpointer=InMemorySaver()
        )

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        self.left -= 1
        self.pages += 1
        call = {"name": "read", "args": {"page": self.pages}, "id": f"call-{self.pages}"}
        return AIMessage("", tool_calls=[call]) if self.left >= 0 else AIMessage("It is grey, and " + "so on and " * 20 + "so forth.")

    def run(self, number: int, calls: int, config: Any = None) -> Any:
        self.left = calls
        question = {"messages": [HumanMessage(f"Which cat is grey in house {number}?")]}
        return self.agent.invoke(question, {"configurable": {"thread_id": "1"}, "recursion_limit": 99, **(config or {})})

    def turn(self, number: int, calls: int) -> Iterator[str]:
        """What was placed in each request of the turn, one after the other."""
        before = len(self.model.calls)
        out = self.run(number, calls)
        for shown in self.model.calls[before:]:
            yield "\0".join(placed(shown, out["messages"]))


def tokens_of(texts: str, counter: TokenCounter) -> int:
    return sum(counter.count([text for text in texts.split("\0") if text]))


COUNTERS = {"words": count_words, "characters": len, "pairs": lambda text: (len(text) + 1) // 2}


@settings(max_examples=20)
@given(
    turns=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    target_tokens=st.integers(500, 1_200),
    shares=st.fixed_dictionaries({name: st.floats(0.3, 1) for name in ("memory", "history", "tool_results")}),
    counter=st.sampled_from(sorted(COUNTERS)),
    memory=st.sampled_from([MEMORY, IN_SYSTEM]),
)
def test_nothing_that_is_placed_is_over_the_budget(
    turns: list[int], target_tokens: int, shares: dict[str, float], counter: str, memory: StoreMemory
) -> None:
    scale = {"words": 1, "characters": 8, "pairs": 4}[counter]
    budget = ContextBudget(target_tokens=target_tokens * scale, shares=shares)
    rules = {
        "memory": memory,
        "tool_results": ToolResults(trigger_tokens=40 * scale, target_tokens=100 * scale),
        "history": History(trigger_tokens=300 * scale, keep=2),
    }
    talk = Talk(budget, COUNTERS[counter], **rules)
    for number, calls in enumerate(turns):
        for texts in talk.turn(number, calls):
            assert "memory" in texts
            assert tokens_of(texts, as_counter(COUNTERS[counter], None)) <= budget.target_tokens


def test_results_stay_as_they_are_until_the_ceiling_is_near() -> None:
    talk = Talk(ContextBudget(target_tokens=600), count_words, tool_results=ToolResults(trigger_tokens=50, target_tokens=90), history=None)
    requests = [texts.split("\0") for texts in talk.turn(1, 30)]
    changes = sum(after[: len(before)] != before for before, after in pairwise(requests))
    assert len(requests) == 31
    assert 1 <= changes <= 15
    assert all("cat of house" in text for text in requests[-1] if text)


def test_parts_that_are_not_there_leave_their_shares_to_the_others() -> None:
    budget = ContextBudget(target_tokens=200, shares={"memory": 1, "history": 4, "documents": 5})
    talk = Talk(budget, count_words, memory=IN_SYSTEM, tool_results=None, history=None)
    [texts] = talk.turn(1, 0)
    assert 100 < tokens_of(texts, as_counter(count_words, None)) <= 200
    talk = Talk(budget, count_words, memory=IN_SYSTEM, tool_results=None)
    [texts] = talk.turn(1, 0)
    assert 20 < tokens_of(texts, as_counter(count_words, None)) <= 40


def test_what_stands_round_the_earlier_conversation_counts() -> None:
    talk = Talk(ContextBudget(target_tokens=60), count_words, tool_results=None, history=History(trigger_tokens=100, keep=1))
    most = max(tokens_of(texts, as_counter(count_words, None)) for number in range(6) for texts in talk.turn(number, 0))
    assert 50 < most <= 60


def test_what_turns_were_shown_of_the_memory_stays_as_long_as_the_ceiling_holds_it() -> None:
    newest = Marker(RecencyScorer(), splitter=Splitter(unit="sentence"))
    rules: dict[str, Any] = {"memory": MEMORY, "tool_results": None, "history": None}
    talk = Talk(ContextBudget(target_tokens=200), count_words, InMemoryStore(), newest, **rules)
    requests = list[list[str]]()
    for number in range(20):
        for word in ("fed", "cat", "milk"):
            talk.store.put(("memories", "ana"), f"{number}-{word}", {"text": f"In house {number} there is {word} for the cat."})
        [texts] = talk.turn(number, 0)
        requests.append(texts.split("\0"))
    changes = sum(after[: len(before)] != before for before, after in pairwise(requests))
    assert 1 <= changes <= 10
    assert all(any("In house" in text for text in request[-1:]) for request in requests)
    assert max(tokens_of("\0".join(request), as_counter(count_words, None)) for request in requests) <= 200


def test_the_trace_says_which_part_might_have_and_took_how_much() -> None:
    class Events(BaseCallbackHandler):
        def __init__(self) -> None:
            self.parts = list[dict[str, dict[str, int]]]()

        def on_custom_event(self, name: str, data: Any, **kwargs: Any) -> None:
            self.parts.append(data["parts"])

    events, budget = Events(), ContextBudget(target_tokens=400)
    rules: dict[str, Any] = {"memory": IN_SYSTEM, "tool_results": ToolResults(trigger_tokens=50, target_tokens=90)}
    Talk(budget, count_words, **rules).run(1, 1, {"callbacks": [events]})
    assert [list(parts) for parts in events.parts] == [["memory"], ["tool_results"]]
    allowed = budget.ceilings("memory", "history", "tool_results")
    for parts in events.parts:
        for part, tokens in parts.items():
            assert 0 < tokens["taken"] <= tokens["allowed"] < allowed[part]  # type: ignore[index]


def test_a_budget_of_its_own_still_holds() -> None:
    memory = StoreMemory(namespace=("memories", "ana"), target_tokens=13)
    talk = Talk(ContextBudget(target_tokens=500), count_words, memory=memory, tool_results=None, history=None)
    [texts] = talk.turn(1, 0)
    assert "cat number" in texts
    assert tokens_of(texts, as_counter(count_words, None)) <= 40


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (500, "`budget` must be made with `ContextBudget"),
        (ContextBudget(target_tokens=9, shares={"history": 1}), "the budget leaves no tokens for `memory`; give it a share or a minimum"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(budget: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AttnGSMiddleware(compressor_of("cat"), memory=MEMORY, budget=budget)


@pytest.mark.parametrize("part", ["memory", "history"])
def test_what_stands_round_a_text_must_fit_in_the_first_turn(part: str) -> None:
    parts: Any = {"memory": MEMORY, "history": History(), "tool_results": None}
    budget = ContextBudget(target_tokens=100, shares={"memory": 1, "history": 1, part: 0.1})
    with pytest.raises(
        ConfigError, match=rf"`{part}` may have [49] tokens of the budget at a time, and \d+ stand round it; raise its share"
    ):
        next(Talk(budget, count_words, **parts).turn(1, 0))


def test_the_memory_is_shared_over_time_where_the_budget_says_so() -> None:
    store = InMemoryStore()
    for day in (1, 2, 3, 4, 5, 26, 27, 28):
        text = f"On day {day} the cat came back." if day > 9 else f"Day {day}: the cat ate the fish."
        store.put(("memories", "ana"), str(day), {"text": text, "date": f"2026-03-{day:02}"})

    def lately(periods: Periods | None) -> int:
        middleware = AttnGSMiddleware(
            compressor_of("cat", "fish", target_tokens=60), memory=MEMORY, budget=ContextBudget(target_tokens=420, periods=periods)
        )
        result = middleware.recall("What did the cat do?", namespace=("memories", "ana"), store=store)
        assert result is not None
        return result.text.count("came back")

    assert lately(None) == 0
    assert lately(Periods()) >= 2
