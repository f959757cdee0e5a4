"""The OpenAI Agents SDK's own runner, with a model that says what it was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agents import Agent, Model, ModelResponse, RunConfig, Runner, SQLiteSession, Usage, function_tool
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from attngs import ContextCompressor, Document, Marker, MessageShortener, Splitter, ToolResults
from attngs.testing import FakeScorer, count_words
from openai_agents_attngs import attngs_input_filter

CAT = Document(id="m1", text="The cat is Milo. It rained all day.")
LONG = "The cat lives in Porto now. " + "Nothing else was found in any of the files. " * 30


def shortener_of(**rules: Any) -> MessageShortener[Any]:
    marker = Marker(FakeScorer("cat", "nuts"), splitter=Splitter(unit="sentence"))
    return MessageShortener(ContextCompressor(marker, counter=count_words), target_tokens=8, **rules)


class Scripted(Model):
    """Answers with these outputs in turn, and remembers what it was sent."""

    def __init__(self, *outputs: Any) -> None:
        self.calls = list[list[Any]]()
        self._outputs = [*outputs]

    async def get_response(self, system_instructions: str | None, input: str | list[Any], *others: Any, **more: Any) -> ModelResponse:
        assert not isinstance(input, str)
        self.calls.append([*input])
        return ModelResponse(output=[self._outputs.pop(0)], usage=Usage(), response_id=None)

    def stream_response(self, *others: Any, **more: Any) -> AsyncIterator[Any]:
        raise NotImplementedError


def said(text: str) -> ResponseOutputMessage:
    content = ResponseOutputText(type="output_text", text=text, annotations=[])
    return ResponseOutputMessage(id="m", type="message", role="assistant", status="completed", content=[content])


@function_tool
def look_up(what: str) -> str:
    """Look something up."""
    return LONG


async def test_memory_and_short_results_reach_the_model_and_not_the_session() -> None:
    model = Scripted(
        ResponseFunctionToolCall(type="function_call", call_id="c1", name="look_up", arguments='{"what": "cat"}'),
        said("In Porto."),
        said("Milo."),
    )
    facts, session = {"ana": [CAT]}, SQLiteSession("chat")
    shortener = shortener_of(tool_results=ToolResults(trigger_tokens=40, target_tokens=20))
    config = RunConfig(
        call_model_input_filter=attngs_input_filter(shortener, memory=lambda user: facts[user], namespace=lambda user: user),
        tracing_disabled=True,
    )
    agent = Agent[str](name="helper", instructions="You help.", model=model, tools=[look_up])
    await Runner.run(agent, "Where is the cat?", context="ana", session=session, run_config=config)
    await Runner.run(agent, "What is the cat called?", context="ana", session=session, run_config=config)
    first, second, third = model.calls
    assert "The cat is Milo." in first[0]["content"]
    assert second[0] == first[0]
    assert second[-1]["output"].startswith("[shortened: ")
    assert third[: len(second)] == second, "what a provider has cached is not sent again as it was"
    kept = await session.get_items()
    assert kept[0]["content"] == "Where is the cat?"  # type: ignore[typeddict-item]
    assert LONG in str(kept)
    session.close()
