"""The chat that is measured: thirty turns of the example person, with her memory, and tools whose results never change."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, tool
from langgraph.store.memory import InMemoryStore
from pydantic import Field

PERSON = Path(__file__).parents[2] / "examples/data/maren"
NAMESPACE = ("memories", "maren")
PROMPT = "You are a personal assistant. Answer briefly, from what is known of the user where it helps, and say when you do not know."


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the user says, what tool is called for it, and what the model answers."""

    user: str
    answer: str
    tool: str | None = None
    args: dict[str, str] | None = None


def turns() -> list[Turn]:
    lines = (Path(__file__).parent / "chat.jsonl").read_text(encoding="utf-8").splitlines()
    return [Turn(**json.loads(line)) for line in lines]


def sessions() -> list[dict[str, Any]]:
    """What is remembered: forty sessions of three months."""
    return [json.loads(line) for line in (PERSON / "memory.jsonl").read_text(encoding="utf-8").splitlines()]


def filled_store() -> InMemoryStore:
    store = InMemoryStore()
    for session in sessions():
        store.put(NAMESPACE, session["id"], {"text": session["text"], "metadata": session["metadata"]})
    return store


class Script(BaseChatModel):
    """Calls the tool of the turn, then gives the turn's answer, whatever it is shown; remembers all that it was sent."""

    turns: list[Turn]
    requests: list[list[BaseMessage]] = Field(default_factory=list)
    number: int = 0

    @property
    def _llm_type(self) -> str:
        return "script"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        self.requests.append(messages)
        return ChatResult(generations=[ChatGeneration(message=self._message(messages))])

    def _message(self, messages: list[BaseMessage]) -> AIMessage:
        turn = self.turns[self.number]
        if turn.tool and messages[-1].type != "tool":
            return AIMessage("", tool_calls=[{"name": turn.tool, "args": turn.args or {}, "id": f"call-{self.number}"}])
        self.number += 1
        return AIMessage(turn.answer)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


class Summarizer(BaseChatModel):
    """Stands for the model that LangChain's middleware asks for a summary; remembers what it was sent."""

    words: int = 150
    requests: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "summarizer"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        self.requests.append(messages)
        answers = " ".join(turn.answer for turn in turns()).split()
        begin = 40 * len(self.requests)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(" ".join(answers[begin : begin + self.words])))])


def tools() -> list[BaseTool]:
    """What the chat calls."""

    @tool
    def read_profile() -> str:
        """What the user has written about herself."""
        return (PERSON / "profile.md").read_text(encoding="utf-8")

    @tool
    def read_notes() -> str:
        """The user's notes."""
        return (PERSON / "notes.txt").read_text(encoding="utf-8")

    @tool
    def timetable(start: str, end: str) -> str:
        """Connections between two places."""
        return "\n".join(_connections(start, end))

    @tool
    def forecast(place: str) -> str:
        """The weather of the next days, by the hour."""
        return "\n".join(_hours(place))

    @tool
    def recipes(about: str) -> str:
        """Suggestions about something."""
        return "\n".join(_suggestions(about))

    return [read_profile, read_notes, timetable, forecast, recipes]


def _connections(start: str, end: str) -> Iterator[str]:
    chance = random.Random(start + end)
    for number in range(48):
        minutes, ride = 300 + 20 * number + chance.randrange(20), chance.randrange(27, 60)
        arrival, changes = minutes + ride, chance.randrange(3)
        yield (
            f"{start} {minutes // 60}:{minutes % 60:02d}, {end} {arrival // 60}:{arrival % 60:02d}, {changes} changes, "
            f"platform {chance.randrange(1, 9)}, {chance.randrange(4, 60)}.50 pounds."
        )


def _hours(place: str) -> Iterator[str]:
    chance = random.Random(place)
    for day in range(14):
        for hour in range(0, 24, 6):
            sky = chance.choice(("rain", "showers", "clouds", "sun and clouds", "fog"))
            wind = chance.choice(("south-west", "west", "north"))
            degrees, speed = chance.randrange(5, 14), chance.randrange(2, 40)
            yield f"{place}, day {day + 1}, {hour}:00: {sky}, {degrees} degrees, wind {speed} km/h from the {wind}."


def _suggestions(about: str) -> Iterator[str]:
    chance = random.Random(about)
    things = ("potatoes", "mackerel", "lentils", "peas", "rice", "an otter", "a lighthouse", "a pigeon", "a boat", "an island")
    for number in range(40):
        first, second = chance.sample(things, 2)
        yield (
            f"{number + 1}. For {about}: one with {first} and {second}, {chance.randrange(20, 120)} minutes, "
            f"{chance.randrange(2, 9)} people, {chance.randrange(30, 50) / 10} of 5 in {chance.randrange(9, 900)} reviews."
        )
