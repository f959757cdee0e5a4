"""The endpoint that other tests lean on, asked by the official client: what it says is what the client's own types hold."""

from __future__ import annotations

import pytest
from openai import APIConnectionError, InternalServerError, OpenAI, RateLimitError

from tests.loopback.server import LoopbackServer
from tests.loopback.turns import (
    BREAK_OFF,
    CUT_OFF,
    HTML,
    PASSING,
    RATE_LIMITED,
    SERVER_ERROR,
    TOOL_CALL,
    USUAL,
    Turn,
    always,
    script,
    seeded,
)

ASKED = [{"role": "user", "content": "one two  three"}]


def client_of(loopback: LoopbackServer, **settings: int) -> OpenAI:
    return OpenAI(base_url=loopback.url, api_key="none", max_retries=settings.get("max_retries", 0))


def test_a_reply(loopback: LoopbackServer) -> None:
    with client_of(loopback) as client:
        reply = client.chat.completions.create(model="m", messages=ASKED)  # type: ignore[arg-type]
    assert (reply.model, reply.choices[0].message.content, reply.choices[0].finish_reason) == ("m", "one two  three", "stop")
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (3, 3)


@pytest.mark.parametrize(("turn", "text", "reason"), [(USUAL, "one two  three", "stop"), (CUT_OFF, CUT_OFF.text, "length")])
def test_a_stream(loopback: LoopbackServer, turn: Turn, text: str, reason: str) -> None:
    loopback.plan = always(turn)
    with client_of(loopback) as client:
        options = {"include_usage": True}
        chunks = list(client.chat.completions.create(model="m", messages=ASKED, stream=True, stream_options=options))  # type: ignore[call-overload]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == [reason]
    assert chunks[-1].usage.prompt_tokens == 3
    assert len(chunks) > 4


def test_a_tool_call_as_a_stream(loopback: LoopbackServer) -> None:
    loopback.plan = always(TOOL_CALL)
    with client_of(loopback) as client, client.chat.completions.stream(model="m", messages=ASKED) as stream:  # type: ignore[arg-type]
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.name == "look_up"


def test_a_stream_that_breaks_off(loopback: LoopbackServer) -> None:
    loopback.plan = always(BREAK_OFF)
    with client_of(loopback) as client, pytest.raises(Exception, match="onnection"):
        list(client.chat.completions.create(model="m", messages=ASKED, stream=True))  # type: ignore[call-overload]


@pytest.mark.parametrize("stream", [False, True])
def test_errors(loopback: LoopbackServer, stream: bool) -> None:
    loopback.plan = script(RATE_LIMITED, SERVER_ERROR)
    with client_of(loopback) as client:
        for kind in (RateLimitError, InternalServerError):
            with pytest.raises(kind):
                client.chat.completions.create(model="m", messages=ASKED, stream=stream)  # type: ignore[call-overload]


def test_the_clients_own_retries(loopback: LoopbackServer) -> None:
    loopback.plan = script(Turn(status=429, headers={"retry-after-ms": "1"}))
    with client_of(loopback, max_retries=1) as client:
        client.chat.completions.create(model="m", messages=ASKED)  # type: ignore[arg-type]
    assert len(loopback.requests) == 2


def test_a_break_is_a_lost_connection(loopback: LoopbackServer) -> None:
    loopback.plan = always(BREAK_OFF)
    with client_of(loopback) as client, pytest.raises(APIConnectionError):
        client.chat.completions.create(model="m", messages=ASKED)  # type: ignore[arg-type]


def test_a_plan_with_a_seed_depends_on_what_is_asked_and_not_on_when() -> None:
    bodies = [{"messages": [{"content": str(number)}]} for number in range(40)]
    one, two = seeded(1, (*PASSING, HTML)), seeded(1, (*PASSING, HTML))
    forwards = [one(body) for body in bodies]
    assert forwards == [two(body) for body in reversed(bodies)][::-1]
    assert forwards != [seeded(2)(body) for body in bodies]
    third_time = [(one(body), one(body))[1] for body in bodies]
    assert third_time == [USUAL] * 40
    assert 4 <= sum(turn is not USUAL for turn in forwards) <= 24
