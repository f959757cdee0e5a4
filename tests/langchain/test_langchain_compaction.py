"""Long conversations and long loops of tool calls: made short rarely, deeply and once, in a form that every model takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from chat_models import ScriptedModel
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from test_langchain_agents import compressor_of, says, shortening_of

from attngs.errors import ConfigError
from attngs.reading.tokens import as_counter
from attngs.testing import count_words
from langchain_attngs import AttnGSMiddleware, History, ToolResults, attngs_summarizer
from langchain_attngs.messages import viewed

NOTE = re.compile(r"\[shortened: (\d+) of (\d+) tokens\]\n")
PAGE = "Page {0} tells of roads and rain and of mud. " * 10 + "The cat of house {0} is grey. " + "Nobody came to see page {0} again. " * 10


def call(number: int) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "read", "args": {"page": number}, "id": f"call-{number}"}])


@tool
def read(page: int) -> str:
    """Read a page."""
    return PAGE.format(page)


def loop(pages: int) -> list[AnyMessage]:
    """One turn in which a tool is called again and again."""
    steps = [[call(page), ToolMessage(PAGE.format(page), tool_call_id=f"call-{page}", name="read")] for page in range(pages)]
    return [HumanMessage("Which house has a grey cat?"), *(message for step in steps for message in step)]


def size(messages: Sequence[BaseMessage]) -> int:
    return sum(count_words(str(message.text)) for message in messages)


def check_roles(messages: Sequence[BaseMessage]) -> None:
    """Assert what strict chat templates ask for: no two messages of one side in a row, and each result behind its call."""
    for before, after in pairwise([message.type for message in messages]):
        assert before != after or before == "tool", [message.type for message in messages]
    assert [message.tool_call_id for message in messages if isinstance(message, ToolMessage)] == [
        call["id"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls
    ]


def agent_of(model: ScriptedModel, *, saver: Any = None, **rules: Any) -> Any:
    return create_agent(model, [read], middleware=[AttnGSMiddleware(compressor_of("cat"), **rules)], checkpointer=saver)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_long_loop_of_one_turn_is_made_short_rarely_and_what_is_short_stays_as_it_is(how: str) -> None:
    pages = 40
    model = ScriptedModel(answer=says(*(call(page) for page in range(pages)), "House 3."))
    agent = agent_of(model, history=History(trigger_tokens=2_500, keep=2))
    given: Any = {"messages": [HumanMessage("Which house has a grey cat?")]}
    config: Any = {"recursion_limit": 199}
    await agent.ainvoke(given, config) if how == "async" else agent.invoke(given, config)
    assert len(model.calls) == pages + 1
    changes = 0
    for before, after in pairwise(model.calls):
        check_roles(after)
        assert size(after) <= 2_500
        assert after[-1].content == PAGE.format(len(after) // 2 - 1), "the newest result is whole"
        changes += after[: len(before)] != before
        for old, new in zip(before, after, strict=False):
            assert new == old or not NOTE.match(str(old.text)), "what was short has changed"
    assert 2 <= changes <= 8
    last = model.calls[-1]
    shortened = [str(message.text) for message in last if NOTE.match(str(message.text))]
    assert len(shortened) >= pages - 14
    assert all("cat of house" in text for text in shortened)
    assert all(NOTE.match(text)[2] == str(count_words(PAGE)) for text in shortened)  # type: ignore[index]


def test_a_long_loop_that_comes_at_once_is_short_from_the_start() -> None:
    model = ScriptedModel(answer=says("House 3."))
    messages = loop(30)
    out = agent_of(model, history=History(trigger_tokens=1_500, keep=4)).invoke({"messages": messages})
    assert [message.content for message in out["messages"][:-1]] == [message.content for message in messages]
    [shown] = model.calls
    assert size(shown) <= 30 * 32 + 3 * count_words(PAGE)
    assert [message.type for message in shown] == [message.type for message in messages]
    assert [message.content for message in shown[-4:]] == [message.content for message in messages[-4:]]
    check_roles(shown)


def test_results_that_must_not_be_shortened_are_whole_in_a_long_loop_too() -> None:
    for rules in (None, ToolResults(exclude=frozenset({"read"}))):
        model = ScriptedModel(answer=says("ok"))
        agent_of(model, tool_results=rules, history=History(trigger_tokens=500, keep=2)).invoke({"messages": loop(9)})
        assert size(model.calls[0]) == size(loop(9))


def test_all_results_of_the_newest_calls_are_whole() -> None:
    calls = AIMessage("", tool_calls=[{"name": "read", "args": {"page": n}, "id": f"both-{n}"} for n in range(5)])
    messages = [*loop(6), calls, *(ToolMessage(PAGE.format(n), tool_call_id=f"both-{n}", name="read") for n in range(5))]
    model = ScriptedModel(answer=says("ok"))
    agent_of(model, history=History(trigger_tokens=500, keep=1)).invoke({"messages": messages})
    whole = [message.content == PAGE.format(n) for n, message in enumerate(model.calls[0][-5:])]
    assert whole == [True] * 5
    assert all(NOTE.match(str(message.text)) for message in model.calls[0][:-6] if isinstance(message, ToolMessage))


def test_a_conversation_is_made_short_rarely_and_its_beginning_stays_for_the_cache() -> None:
    model = ScriptedModel(answer=lambda messages: "I see, and I have much to say about that, as you know.")
    agent = agent_of(model, saver=InMemorySaver(), history=History(trigger_tokens=150, target_tokens=30, keep=4))
    config: Any = {"configurable": {"thread_id": "1"}}
    for number in range(30):
        agent.invoke({"messages": [HumanMessage(f"Note {number}: my cat sleeps, and it rained on me all day.")]}, config)
        check_roles(model.calls[-1])
    kept = [after[: len(before)] == before for before, after in pairwise(model.calls)]
    assert kept.count(False) <= 8, kept
    assert max(map(size, model.calls)) <= 150 + 30
    first = str(model.calls[-1][0].text)
    assert first.count("<earlier_conversation>\n[shortened: ") == 1


def test_a_turn_with_an_image_keeps_it_beside_the_earlier_conversation() -> None:
    image = {"type": "image", "url": "https://example.invalid/cat.png"}
    messages = [
        HumanMessage("My cat is Milo. It rained."),
        AIMessage("I see."),
        HumanMessage([{"type": "text", "text": "Is it this cat?"}, image]),
    ]
    model = ScriptedModel(answer=says("ok"))
    agent_of(model, history=History(trigger_tokens=1, keep=1)).invoke({"messages": messages})
    [[shown]] = model.calls
    assert [block["type"] for block in shown.content] == ["text", "text", "image"]  # type: ignore[index]
    assert shown.content[1:] == messages[-1].content
    assert "user: My cat is Milo." in str(shown.content[0])


def test_a_result_stays_as_it_is_when_the_next_question_comes() -> None:
    model = ScriptedModel(answer=says(call(1), "Grey.", "Muddy."))
    agent = agent_of(model, saver=InMemorySaver(), tool_results=ToolResults(trigger_tokens=50, target_tokens=25))
    config: Any = {"configurable": {"thread_id": "1"}}
    agent.invoke({"messages": [HumanMessage("Which cat?")]}, config)
    agent.invoke({"messages": [HumanMessage("And the roads?")]}, config)
    assert model.calls[2][:3] == model.calls[1]
    assert NOTE.match(str(model.calls[1][-1].text))


LONG = "word" + " and word" * 400
"""One sentence that no small budget holds."""


@pytest.mark.parametrize("target_tokens", [1, 2, 9, 10, 24, 60])
@pytest.mark.parametrize("mode", ["extract", "rewrite"])
def test_no_result_history_or_summary_becomes_empty(target_tokens: int, mode: str) -> None:
    how: Any = {"mode": "rewrite", "chat": ScriptedModel(answer=says(""))} if mode == "rewrite" else {}
    compressor = compressor_of("cat", target_tokens=target_tokens, **how)
    rules: Any = {"tool_results": ToolResults(trigger_tokens=50), "history": History(trigger_tokens=60, keep=1)}
    model = ScriptedModel(answer=says("ok"))
    messages = [HumanMessage("Which cat?"), call(1), ToolMessage(LONG, tool_call_id="call-1", name="read")]
    create_agent(model, [read], middleware=[AttnGSMiddleware(compressor, **rules)]).invoke({"messages": messages})
    result = str(model.calls[-1][-1].text)
    create_agent(model, middleware=[AttnGSMiddleware(compressor, **rules)]).invoke(
        {"messages": [HumanMessage(LONG), AIMessage("Oh."), HumanMessage("x")]}
    )
    earlier = re.findall(r"<earlier_conversation>\n(.*)\n</earlier_conversation>", str(model.calls[-1][0].text), re.DOTALL)[0]
    summary = attngs_summarizer(compressor).invoke([HumanMessage(LONG), AIMessage("Oh.")])
    for text in (result, earlier, summary):
        assert text.strip()
        assert count_words(text) <= target_tokens
        assert bool(NOTE.match(text)) == (target_tokens >= 10)
    assert NOTE.sub("", result).startswith("word")


def test_langchain_s_own_middleware_is_not_given_an_empty_summary() -> None:
    model = ScriptedModel(answer=says("I see."))
    summarizer = attngs_summarizer(compressor_of("cat", target_tokens=12))
    middleware = SummarizationMiddleware(
        model, summarizer=summarizer, trigger=("messages", 3), keep=("messages", 1), trim_tokens_to_summarize=None
    )
    create_agent(model, middleware=[middleware]).invoke({"messages": [HumanMessage(LONG), AIMessage("Oh."), HumanMessage("So?")]})
    assert "[shortened: " in str(model.calls[-1][0].text)


@pytest.mark.parametrize("share", [0, -1, 1.5, True, "0.5"])
def test_a_share_is_a_share(share: Any) -> None:
    with pytest.raises(ConfigError, match="`compact_to` must be a number above 0 and at most 1"):
        History(compact_to=share)


SIZES = st.lists(st.tuples(st.sampled_from(["user", "call"]), st.integers(0, 90)), min_size=1, max_size=12)


@given(SIZES, st.integers(1, 200), st.integers(1, 6))
def test_whatever_the_conversation_what_is_shown_is_in_order_and_settles(sizes: list[tuple[str, int]], trigger: int, keep: int) -> None:
    messages: list[AnyMessage] = []
    for number, (kind, words) in enumerate(sizes):
        text = "cat " * words
        messages += [HumanMessage(f"Q{number} {text}"), AIMessage(f"A{number}")] if kind == "user" else []
        messages += [call(number), ToolMessage(f"R{number} {text}", tool_call_id=f"call-{number}")] if kind == "call" else []
    shortening = shortening_of(
        messages,
        tool_results=ToolResults(trigger_tokens=40, target_tokens=20),
        history=History(trigger_tokens=trigger, keep=keep, target_tokens=15),
        counter=as_counter(count_words),
        target_tokens=20,
    )
    texts = dict[str, str]()
    for _ in range(3):
        groups = shortening.groups(texts)
        texts |= {group.key: "short" for group in groups}
        assert all(shortening.used(texts)[group.key] for group in groups)
        texts = shortening.used(texts)
    assert shortening.groups(texts) == []
    shown = viewed(shortening.view(texts), messages, messages)
    assert shown[-1] == messages[-1] or str(shown[-1].text) == "short" or str(shown[-1].text).endswith(str(messages[-1].text))
    left = [message for message in messages if not isinstance(message, HumanMessage)][-len([m for m in shown if m.type != "human"]) :]
    assert [message.id for message in shown if message.type != "human"] == [message.id for message in left]
