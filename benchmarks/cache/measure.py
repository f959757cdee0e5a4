"""Each method holds the same chat, and its requests are counted as a provider would bill them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, SummarizationMiddleware
from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from attngs.protocols import TokenCounter
from benchmarks.cache.talk import NAMESPACE, PROMPT, Script, Summarizer, Turn, filled_store, sessions, tools
from langchain_attngs import AttnGSCompressor, AttnGSMiddleware, History, StoreMemory, ToolResults

BLOCK = 128
"""Tokens. Providers cache the beginning of a request in steps of this size."""
CACHED_SHARE = (0.1, 0.25, 0.5)
"""What a cached token costs, as shares of one that is billed in full."""
TRIGGER = 8_000
KEEP = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Tokens of a chat."""

    requests: int
    sent: int
    """In all requests to the answering model."""
    cached: int
    """Those of them that the provider has seen before in this chat, at the beginning of a request."""
    summarizer: int = 0
    """Sent to another model, for summaries; billed in full."""
    largest: int = 0
    """Of the largest request."""
    new_beginnings: int = 0
    """Requests that do not begin with the whole request before them."""

    @property
    def full(self) -> int:
        """Billed in full."""
        return self.sent - self.cached + self.summarizer

    def cost(self, share: float) -> float:
        """In tokens that are billed in full."""
        return self.full + share * self.cached

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "full": self.full, "cost": {str(share): round(self.cost(share)) for share in CACHED_SHARE}}


def rendered(messages: Sequence[BaseMessage]) -> str:
    """A request as one text, message by message, as chat templates lay it out."""
    return "".join(f"<|{message.type}|>\n{message.text}{_calls(message)}\n" for message in messages)


def bill_of(requests: Sequence[str], counter: TokenCounter, summaries: Sequence[str] = ()) -> Bill:
    """Count requests of one chat, in their order.

    Of each request, the longest beginning that an earlier one of the chat has too is cached, in whole blocks.
    """
    sizes = counter.count(requests)
    beginnings = [max((text[: shared(text, earlier)] for earlier in requests[:i]), key=len, default="") for i, text in enumerate(requests)]
    return Bill(
        requests=len(requests),
        sent=sum(sizes),
        cached=sum(tokens // BLOCK * BLOCK for tokens in counter.count(beginnings)),
        summarizer=sum(counter.count(summaries)),
        largest=max(sizes, default=0),
        new_beginnings=sum(not after.startswith(before) for before, after in pairwise(requests)),
    )


def shared(text: str, other: str) -> int:
    """How many characters two texts have in common at the beginning."""
    least, most = 0, min(len(text), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if text[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


Method = Callable[[AttnGSCompressor, Summarizer], Sequence[AgentMiddleware[Any, Any, Any]]]


def _ours(place: Any) -> Method:
    def middleware(compressor: AttnGSCompressor, summarizer: Summarizer) -> list[AgentMiddleware[Any, Any, Any]]:
        memory = StoreMemory(namespace=NAMESPACE, target_tokens=256, place=place)
        return [AttnGSMiddleware(compressor, memory=memory, tool_results=ToolResults(), history=History(trigger_tokens=TRIGGER, keep=KEEP))]

    return middleware


def _summaries(compressor: AttnGSCompressor, summarizer: Summarizer) -> list[AgentMiddleware[Any, Any, Any]]:
    return [SummarizationMiddleware(summarizer, trigger=("tokens", TRIGGER), keep=("messages", KEEP))]


METHODS: Mapping[str, Method] = {
    "attngs, memory in the last turn": _ours("last_turn"),
    "attngs, memory in the system prompt": _ours("system"),
    "no compression": lambda compressor, summarizer: [],
    "SummarizationMiddleware": _summaries,
}
WHOLE_MEMORY = ("no compression", "SummarizationMiddleware")
"""Methods that choose nothing from the memory: all of it stands in the system prompt, where it never changes."""


def hold_chat(method: str, talk: Sequence[Turn], compressor: AttnGSCompressor) -> Bill:
    """What a method sends in a chat."""
    model, summarizer = Script(turns=list(talk)), Summarizer()
    memory = "\n\n".join(f"[{session['id']}]\n{session['text']}" for session in sessions())
    prompt = f"{PROMPT}\n\n<memory>\n{memory}\n</memory>" if method in WHOLE_MEMORY else PROMPT
    middleware = METHODS[method](compressor, summarizer)
    agent = create_agent(model, tools(), system_prompt=prompt, middleware=middleware, store=filled_store(), checkpointer=InMemorySaver())
    for turn in talk:
        agent.invoke({"messages": [HumanMessage(turn.user)]}, {"configurable": {"thread_id": "1"}})
    summaries = [rendered(messages) for messages in summarizer.requests]
    return bill_of([rendered(messages) for messages in model.requests], compressor.found_counter(), summaries)


def _calls(message: BaseMessage) -> str:
    calls = getattr(message, "tool_calls", [])
    return json.dumps([[call["name"], call["args"]] for call in calls]) if calls else ""
