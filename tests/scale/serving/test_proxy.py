"""Chats through the proxy, as the official client and plain HTTP see them; the upstream is an endpoint on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest
from openai import APIStatusError, InternalServerError, OpenAI, RateLimitError
from servers import Running, client_of, running, settings_of

from attngs.hosts.shortening import History, ToolResults
from attngs.scale.serving.limits import Limits
from attngs.scale.serving.settings import ServerSettings, Upstream
from tests.loopback.server import LoopbackServer, refused_url
from tests.loopback.turns import BREAK_OFF, HANG, HTML, RATE_LIMITED, SERVER_ERROR, TOOL_CALL, Turn, always

LONG = "Nothing here. " * 30 + "The cat is in the harbour. " + "The weather was fine. " * 30
CALL = {"id": "call_0", "type": "function", "function": {"name": "look_up", "arguments": '{"what": "cat"}'}}


@pytest.fixture
def server(loopback: LoopbackServer) -> Iterator[Running]:
    rules = {"tool_results": ToolResults(trigger_tokens=40, target_tokens=20), "history": History(trigger_tokens=250, target_tokens=30)}
    with running(settings_of(loopback.url, limits=Limits(seconds=2.0, body_bytes=1_000_000), **rules)) as server:
        yield server


def openai(server: Running, key: str = "none") -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def post(server: Running, body: Any, **fields: Any) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/chat/completions", **({"json": body} if not isinstance(body, bytes) else {"content": body}), **fields
    )


def test_the_official_client_gets_a_reply_and_a_stream(server: Running, loopback: LoopbackServer) -> None:
    with openai(server) as client:
        reply = client.chat.completions.create(model="m", messages=[user("one two three")])  # type: ignore[arg-type]
        assert reply.choices[0].message.content == "one two three"
        stream = client.chat.completions.create(model="m", messages=[user("one two three")], stream=True)  # type: ignore[call-overload]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "one two three"
        loopback.plan = always(TOOL_CALL)
        reply = client.chat.completions.create(model="m", messages=[user("look")])  # type: ignore[arg-type]
        assert reply.choices[0].message.tool_calls


def test_a_client_that_lists_models_gets_the_upstreams(server: Running, loopback: LoopbackServer) -> None:
    with openai(server, "key-of-mine") as client:
        assert [model.id for model in client.models.list()] == ["tiny"]
    [request] = loopback.requests
    assert (request.path, request.raw) == ("/v1/models", b"")
    assert "authorization" not in request.headers  # callers' keys are for this server


async def test_models_without_an_upstream_are_refused() -> None:
    async with client_of() as client:
        assert (await client.get("/v1/models")).json()["error"]["code"] == "no_upstream"


def test_pieces_of_a_stream_come_as_they_are_written(server: Running, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(pause=0.1))
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json={"messages": [user("a b c d e f")], "stream": True}) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        times = [time.monotonic() for _ in reply.iter_raw()]
    assert len(times) >= 4
    assert times[-1] - times[0] > 0.2


def test_what_is_not_changed_goes_on_byte_by_byte(server: Running, loopback: LoopbackServer) -> None:
    raw = b'{ "messages":[{"role":"user","content":"h\xc3\xa9llo","odd":1e400}], "x_new": {"a": [1.0, null]},\n "temperature": 0.10}'
    reply = post(
        server, raw, headers={"content-type": "application/json; charset=utf-8", "x-extra": "1", "cookie": "a=b"}, params={"v": "2"}
    )
    assert reply.status_code == 200
    [request] = loopback.requests
    assert request.raw == raw
    assert request.headers["x-extra"] == "1"
    assert "cookie" not in request.headers
    assert request.headers["host"] in loopback.url


def test_long_results_and_old_turns_are_shortened_and_fields_stay(server: Running, loopback: LoopbackServer) -> None:
    called = {"role": "assistant", "content": None, "tool_calls": [CALL], "odd": 1}
    chat = [user("Where is the cat?"), called, {"role": "tool", "tool_call_id": "call_0", "content": LONG}]
    post(server, {"model": "m", "messages": chat, "seed": 4, "new_field": {"a": 1}})
    sent = loopback.requests[-1].body
    assert (sent["model"], sent["seed"], sent["new_field"]) == ("m", 4, {"a": 1})
    assert sent["messages"][:2] == chat[:2]
    assert sent["messages"][2]["tool_call_id"] == "call_0"
    assert sent["messages"][2]["content"].startswith("[shortened: ")
    assert "The cat is in the harbour." in sent["messages"][2]["content"]


def test_the_shared_beginning_grows_over_a_chat(server: Running, loopback: LoopbackServer) -> None:
    chat: list[Any] = [{"role": "system", "content": "Be kind."}]
    for number in range(12):
        chat.append(user(f"{number}: where is the cat?"))
        if number % 3 == 0:
            chat += [
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_0", "content": LONG},
            ]
        assert post(server, {"messages": chat}).status_code == 200
        chat.append({"role": "assistant", "content": f"It was in the harbour, I have read, at {number}."})
    sent = [json.dumps(request.body["messages"])[:-1] for request in loopback.requests]
    broken = sum(not after.startswith(before) for before, after in pairwise(sent))
    assert broken <= 3
    assert sum("earlier_conversation" in text for text in sent) >= 1
    assert max(map(len, sent)) < len(json.dumps(chat)) / 2


@pytest.mark.parametrize(("turn", "kind"), [(RATE_LIMITED, RateLimitError), (SERVER_ERROR, InternalServerError)])
@pytest.mark.parametrize("stream", [False, True])
def test_the_upstreams_errors_pass_with_their_status(
    server: Running, loopback: LoopbackServer, turn: Turn, kind: type[APIStatusError], stream: bool
) -> None:
    loopback.plan = always(turn)
    with openai(server) as client, pytest.raises(kind) as failed:
        client.chat.completions.create(model="m", messages=[user("hi")], stream=stream)  # type: ignore[call-overload]
    assert failed.value.response.json()["error"]["message"] == turn.text
    assert all(failed.value.response.headers[name] == value for name, value in turn.headers.items())


def test_a_page_of_another_kind_passes_as_it_is(server: Running, loopback: LoopbackServer) -> None:
    loopback.plan = always(HTML)
    reply = post(server, {"messages": [user("hi")]})
    assert (reply.content, reply.headers["content-type"]) == (HTML.raw, "text/html")


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_breaks_off_is_never_taken_for_whole(server: Running, loopback: LoopbackServer, stream: bool) -> None:
    loopback.plan = always(BREAK_OFF)
    with pytest.raises(httpx.RemoteProtocolError):
        post(server, {"messages": [user("one two three four")], "stream": stream})


def test_an_upstream_that_is_late_is_a_504(server: Running, loopback: LoopbackServer) -> None:
    loopback.plan = always(HANG)
    reply = post(server, {"messages": [user("hi")]}, timeout=10)
    assert (reply.status_code, reply.json()["error"]["type"]) == (504, "timeout_error")


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_an_upstream_that_is_not_there_is_a_502() -> None:
    with refused_url() as url, running(settings_of(url)) as server:
        reply = post(server, {"messages": [user("hi")]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert url in reply.json()["error"]["message"]


BAD = [
    (b"{", 400, "no JSON"),
    (b"[]", 400, "`messages` must be a list"),
    (b'{"messages": []}', 400, "`messages` must be a list"),
    (b'{"messages": ["hi"]}', 400, "`messages[0]`"),
    (b'{"messages": [{"role": "wizard", "content": "x"}]}', 400, "the role of `messages[0]`"),
    (b'{"messages": [{"role": "user", "content": 3}]}', 400, "the content of `messages[0]`"),
    (b"[" * 100_000, 400, "no JSON"),
]


def test_what_is_no_chat_is_refused_before_anybody_is_asked(server: Running, loopback: LoopbackServer) -> None:
    for raw, status, message in BAD:
        reply = post(server, raw, headers={"content-type": "application/json"})
        assert reply.status_code == status
        assert message in reply.json()["error"]["message"]
    assert post(server, b'{"messages": []}', headers={"content-type": "text/plain"}).status_code == 415
    assert loopback.requests == []


def test_a_chat_that_is_too_large_is_a_413_that_the_client_can_read(server: Running, loopback: LoopbackServer) -> None:
    reply = post(server, {"messages": [user("x" * 3_000_000)]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
    assert loopback.requests == []


def test_lone_surrogates_reach_the_upstream(server: Running, loopback: LoopbackServer) -> None:
    chat = [user("The cat \ud800?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}]
    raw = json.dumps({"messages": [*chat, {"role": "tool", "tool_call_id": "call_0", "content": LONG}]}).encode()
    assert post(server, raw, headers={"content-type": "application/json"}).status_code == 200
    assert loopback.requests[-1].body["messages"][0] == chat[0]


def test_a_number_that_cannot_be_written_again_is_refused(server: Running, loopback: LoopbackServer) -> None:
    chat = [user("The cat?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}]
    raw = json.dumps({"seed": 1, "messages": [*chat, {"role": "tool", "tool_call_id": "call_0", "content": LONG}]}).encode()
    reply = post(server, raw.replace(b'"seed": 1', b'"seed": 1e400'), headers={"content-type": "application/json"})
    assert (reply.status_code, loopback.requests) == (400, [])


@pytest.mark.parametrize(
    ("upstream", "sent", "received"),
    [
        ({}, {"Authorization": "Bearer token-of-ana"}, None),
        ({"key": "sk-own-key"}, {"Authorization": "Bearer token-of-ana"}, "Bearer sk-own-key"),
        ({"pass_key": True}, {"X-Attngs-Token": "Bearer token-of-ana", "Authorization": "Bearer sk-callers"}, "Bearer sk-callers"),
    ],
)
def test_whose_key_goes_upstream(loopback: LoopbackServer, upstream: Any, sent: dict[str, str], received: str | None) -> None:
    settings = ServerSettings(tokens=settings_of(tokens=True).tokens, upstream=Upstream(base_url=loopback.url, **upstream))
    with running(settings) as server:
        assert post(server, {"messages": [user("hi")]}, headers=sent).status_code == 200
        assert post(server, {"messages": [user("hi")]}, headers={"Authorization": "Bearer sk-callers"}).status_code == 401
    [request] = loopback.requests
    assert request.headers.get("authorization") == received
    assert "token-of" not in str(request.headers)


def test_when_it_stops_running_requests_end_and_new_ones_are_refused(loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(pause=0.15))
    with running(settings_of(loopback.url)) as server:
        texts = list[str]()

        def ask() -> None:
            with openai(server) as client:
                stream = client.chat.completions.create(model="m", messages=[user("a b c d e f g h")], stream=True)  # type: ignore[call-overload]
                texts.append("".join(chunk.choices[0].delta.content or "" for chunk in stream))

        asking = threading.Thread(target=ask)
        asking.start()
        while not loopback.requests:
            time.sleep(0.01)
        server.server.should_exit = True
        time.sleep(0.3)
        with pytest.raises(httpx.TransportError):
            post(server, {"messages": [user("hi")]})
        asking.join()
    assert texts == ["a b c d e f g h"]
    assert len(loopback.requests) == 1


def test_a_client_that_leaves_ends_the_request_upstream(server: Running, loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(pause=0.05))
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json={"messages": [user("a " * 400)], "stream": True}) as reply:
        next(reply.iter_raw())
    end = time.monotonic() + 5
    while not loopback.gone and time.monotonic() < end:
        time.sleep(0.02)
    assert loopback.gone == 1


def test_without_an_upstream_chats_are_refused(loopback: LoopbackServer) -> None:
    with running(settings_of()) as server:
        reply = post(server, {"messages": [user("hi")]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (501, "no_upstream")
