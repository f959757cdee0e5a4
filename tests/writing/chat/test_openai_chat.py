"""The writer behind an endpoint: the real client against a real server on this machine."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import subprocess
import sys
import traceback
from typing import Any

import pytest

from attngs import OpenAIChat
from attngs.errors import ChatError, ConfigError, InputError
from attngs.types import ChatReply, Message, Usage
from attngs.writing.chat.completion import read_completion
from attngs.writing.chat.credentials import Mask
from attngs.writing.chat.failures import retry_after
from tests.loopback.asking import KEY, ask, chat_of
from tests.loopback.server import LoopbackHost, LoopbackServer, refused_url
from tests.loopback.turns import (
    BREAK_OFF,
    CUT_OFF,
    EMPTY,
    HANG,
    HTML,
    LONE_SURROGATE,
    MALFORMED,
    NO_CHOICES,
    NO_CONTENT,
    NOT_UTF8,
    RATE_LIMITED,
    REFUSAL,
    SERVER_ERROR,
    TOOL_CALL,
    TRICKLE,
    UNAVAILABLE,
    USUAL,
    Turn,
    always,
    script,
)

SHORT = 0.8
"""Seconds of a call that is meant to run out of time."""


def test_it_asks_and_reads_the_whole_reply(loopback: LoopbackServer) -> None:
    with chat_of(loopback) as chat:
        assert chat.complete(ask("one two three")) == ChatReply(text="one two three", finish_reason="stop", usage=Usage(4, 3))
    (request,) = loopback.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    messages = [{"role": "system", "content": "Repeat."}, {"role": "user", "content": "one two three"}]
    assert request.body == {"model": "tiny", "messages": messages}, "nothing is sent that nobody set"


async def test_awaited_it_does_the_same(loopback: LoopbackServer) -> None:
    with chat_of(loopback) as chat:
        assert await chat.acomplete(ask("one two three")) == await asyncio.to_thread(chat.complete, ask("one two three"))
    assert len({request.raw for request in loopback.requests}) == 1, "the same messages make the same bytes"


def test_what_is_set_is_sent(loopback: LoopbackServer) -> None:
    settings = {"temperature": 0, "max_tokens": 9, "extra_body": {"seed": 7}, "headers": {"x-team": "blue"}, "context_window": 4_096}
    with chat_of(loopback, **settings) as chat:
        chat.complete(ask("hi"))
        assert chat.context_window == 4_096
    (request,) = loopback.requests
    assert {key: request.body[key] for key in ("temperature", "max_tokens", "seed")} == {"temperature": 0, "max_tokens": 9, "seed": 7}
    assert request.headers["x-team"] == "blue"


@pytest.mark.parametrize(
    ("turn", "text", "finish_reason"),
    [
        (REFUSAL, "I cannot help with that.", "refusal"),
        (TOOL_CALL, "", "tool_calls"),
        (NO_CONTENT, "", "stop"),
        (EMPTY, "", "stop"),
        (CUT_OFF, "This is where the tokens", "length"),
        (LONE_SURROGATE, "a\ufffdb", "stop"),
        (Turn(text="no", finish_reason="content_filter"), "no", "content_filter"),
        (Turn(text="no", finish_reason=None), "no", None),
        (
            Turn(message={"content": [{"type": "text", "text": "in "}, {"type": "image"}, {"type": "text", "text": "parts"}]}),
            "in parts",
            "stop",
        ),
        (Turn(message={"content": None, "function_call": {"name": "f", "arguments": "{}"}}, finish_reason="stop"), "", "tool_calls"),
        (Turn(message={"content": "both", "tool_calls": [{}]}, finish_reason="function_call"), "both", "tool_calls"),
        (Turn(text="x", finish_reason="eos_token"), "x", "stop"),
        (Turn(text="x", finish_reason="end_turn"), "x", "stop"),
        (Turn(text="x", finish_reason="STOP"), "x", "stop"),
        (Turn(text="x", finish_reason="stop_sequence"), "x", "stop"),
        (Turn(text="x", finish_reason=""), "x", None),
        (Turn(text="x", finish_reason="max_tokens"), "x", "length"),
        (Turn(text="x", finish_reason="model_length"), "x", "length"),
        (Turn(text="x", finish_reason="SAFETY"), "x", "content_filter"),
        (Turn(text="x", finish_reason="tool_use"), "x", "tool_calls"),
        (Turn(text="x", finish_reason="insufficient_system_resource"), "x", "insufficient_system_resource"),
    ],
)
def test_replies_of_every_kind_have_a_type(loopback: LoopbackServer, turn: Turn, text: str, finish_reason: str | None) -> None:
    loopback.plan = always(turn)
    with chat_of(loopback) as chat:
        reply = chat.complete(ask("hi"))
    assert (reply.text, reply.finish_reason) == (text, finish_reason)


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (NO_CHOICES, "no `choices`"),
        (MALFORMED, "not JSON"),
        (NOT_UTF8, "not JSON"),
        (HTML, "a web page"),
        (Turn(raw=b""), "it is empty"),
        (Turn(raw=b"[]"), "a JSON list"),
        (Turn(raw=b"[" * 100_000), "not JSON"),
        (Turn(raw=b'{"choices": [{}]}'), "no `message`"),
        (Turn(raw=b'{"choices": [{"message": {"content": 3}}]}'), "a int"),
        (Turn(raw=b'{"error": {"message": "no such model"}}'), "no such model"),
        (Turn(raw=b" " * (17 * 2**20)), "larger than"),
    ],
)
def test_what_is_no_reply_is_an_error(loopback: LoopbackServer, turn: Turn, message: str) -> None:
    loopback.plan = always(turn)
    with chat_of(loopback) as chat, pytest.raises(ChatError, match=message) as caught:
        chat.complete(ask("hi"))
    assert not caught.value.retryable
    assert len(loopback.requests) == 1, "asking again would not have helped"


@pytest.mark.parametrize(
    ("code", "status", "retryable"),
    [
        ("503", 503, True),
        ('"429"', 429, True),
        ('" 500 "', 500, True),
        ('"404"', 404, False),
        ('"200"', None, False),
        ('"overloaded_error"', None, False),
        ('"\u0664\u0662\u0669"', None, False),
        ("null", None, False),
        ("true", None, False),
        ('"' + "4" * 9_000 + '"', None, False),
    ],
)
def test_a_gateway_that_hides_the_status_in_the_body(code: str, status: int | None, retryable: bool) -> None:
    with pytest.raises(ChatError, match="overloaded") as caught:
        read_completion(f'{{"error": {{"message": "overloaded", "code": {code}}}}}'.encode(), "application/json", Mask())
    assert (caught.value.status, caught.value.retryable) == (status, retryable)


@pytest.mark.parametrize("usage", ["null", "3", "{}", '{"prompt_tokens": -1, "completion_tokens": 2}', '{"prompt_tokens": "1"}'])
def test_usage_that_makes_no_sense_is_none(usage: str) -> None:
    body = f'{{"choices": [{{"message": {{"content": "x"}}}}], "usage": {usage}}}'
    assert read_completion(body.encode(), "", Mask()) == ChatReply(text="x")


@pytest.mark.parametrize("turn", [RATE_LIMITED, SERVER_ERROR, UNAVAILABLE, BREAK_OFF, Turn(status=408), Turn(status=409)])
def test_what_may_pass_is_asked_again(loopback: LoopbackServer, turn: Turn) -> None:
    loopback.plan = script(turn)
    with chat_of(loopback) as chat:
        assert chat.complete(ask("hi")).text == "hi"
    assert len(loopback.requests) == 2


def test_retries_end(loopback: LoopbackServer) -> None:
    loopback.plan = always(RATE_LIMITED)
    with chat_of(loopback, max_retries=3) as chat, pytest.raises(ChatError, match="slow down") as caught:
        chat.complete(ask("hi"))
    assert len(loopback.requests) == 4
    assert (caught.value.status, caught.value.retryable, caught.value.retry_after) == (429, True, 0.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_will_not_pass_is_asked_once(loopback: LoopbackServer, status: int) -> None:
    loopback.plan = always(Turn(status=status, text="No."))
    with chat_of(loopback) as chat, pytest.raises(ChatError, match=f"status {status}: No") as caught:
        chat.complete(ask("hi"))
    assert len(loopback.requests) == 1
    assert (caught.value.status, caught.value.retryable) == (status, False)


def test_money_does_not_come_back_by_waiting(loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(status=429, text="You exceeded your quota.", code="insufficient_quota"))
    with chat_of(loopback) as chat, pytest.raises(ChatError, match="quota") as caught:
        chat.complete(ask("hi"))
    assert (len(loopback.requests), caught.value.retryable) == (1, False)


def test_a_pause_that_leads_past_the_deadline_is_not_begun(loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(status=429, text="slow down", headers={"retry-after": "3600"}))
    with chat_of(loopback) as chat, pytest.raises(ChatError, match="slow down") as caught:
        chat.complete(ask("hi"))
    assert (len(loopback.requests), caught.value.retry_after) == (1, 3600.0)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": ""}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("turn", [TRICKLE, HANG, Turn(delay=60.0)])
def test_the_deadline_is_kept_whatever_the_server_does(loopback: LoopbackServer, turn: Turn) -> None:
    loopback.plan = always(turn)
    with chat_of(loopback, timeout=SHORT) as chat, pytest.raises(ChatError, match=r"within 0\.8 s") as caught:
        chat.complete(ask("hi"))
    assert caught.value.retryable
    assert len(loopback.requests) == 1


async def test_waiting_for_a_slot_counts(loopback: LoopbackServer) -> None:
    loopback.plan = always(HANG)
    with chat_of(loopback, timeout=SHORT, max_concurrency=1) as chat:
        errors = await asyncio.gather(*(chat.acomplete(ask(str(number))) for number in range(8)), return_exceptions=True)
    assert all(isinstance(error, ChatError) for error in errors)
    assert len(loopback.requests) < 8, "those behind the first ran out of time before it was their turn"


def test_nobody_listens() -> None:
    """No socket is needed to fail: pytest-socket refuses it, as an operating system would."""
    with (
        OpenAIChat("m", base_url="http://127.0.0.1:9/v1", max_retries=0) as chat,
        pytest.raises(ChatError, match="Is it running") as caught,
    ):
        chat.complete(ask("hi"))
    assert caught.value.retryable


def test_a_refused_connection(loopback: LoopbackServer) -> None:
    with refused_url() as url, OpenAIChat("m", base_url=url, max_retries=1) as chat, pytest.raises(ChatError, match="Is it running"):
        chat.complete(ask("hi"))


def test_the_key_is_nowhere(loopback: LoopbackServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    header = "token-in-a-header"
    loopback.plan = script(Turn(status=401, text=f"{'x' * 290} {KEY} {header}"), Turn(raw=f"{KEY}".encode()), BREAK_OFF)
    with chat_of(loopback, max_retries=0, headers={"api-key": header}) as chat:
        shown = [repr(chat), str(chat)]
        for _ in range(3):
            with pytest.raises(ChatError) as caught:
                chat.complete(ask("hi"))
            shown += [repr(caught.value), "".join(traceback.format_exception(caught.value))]
            error: BaseException | None = caught.value
            while error is not None:  # also what a reporter would dig out
                shown += [str(error), repr(error.args)]
                error = error.__cause__ or error.__context__
    for text in [*shown, caplog.text]:
        assert KEY[:8] not in text
        assert header[:8] not in text


def test_documents_are_not_logged_above_debug(loopback: LoopbackServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    loopback.plan = script(SERVER_ERROR, Turn(status=422, raw=b'{"detail": [{"input": "the walnut story", "msg": "no"}]}'))
    with chat_of(loopback) as chat, pytest.raises(ChatError) as caught:
        chat.complete(ask("the walnut story"))
    assert "walnut" not in str(caught.value), "a server's validation error repeats the request"
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG and "walnut" in record.getMessage()]


@pytest.mark.parametrize(
    "words",
    [
        "Cannot answer: you asked about the walnut story today",
        f"{KEY}: no 'walnut'",
        "Bad input 'Walnut'",
        "x " * 200 + "the walnut story",
        "No: the walnut story",
    ],
)
def test_what_an_endpoint_quotes_of_the_request_is_not_shown(
    loopback: LoopbackServer, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    loopback.plan = script(Turn(status=400, text=words), Turn(raw=json.dumps({"error": {"message": words}}).encode()))
    with chat_of(loopback) as chat:
        for _ in range(2):
            with pytest.raises(ChatError, match="its words repeat the request") as caught:
                chat.complete(ask("Tell the walnut story."))
            assert "alnut" not in str(caught.value)
    assert any("alnut" in record.getMessage() for record in caplog.records), "at DEBUG it can be found"
    assert KEY not in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG and "alnut" in record.getMessage()]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(loopback: LoopbackServer, status: int) -> None:
    with LoopbackHost() as other:
        loopback.plan = always(
            Turn(status=status, headers={"location": other.server.url.replace("//", "//u:secret@") + "/chat/completions?t=1"})
        )
        host = other.server.url.removesuffix("/v1")
        with chat_of(loopback, headers={"api-key": "another-secret"}) as chat:
            with pytest.raises(ChatError, match=rf"redirects to {host}, where nothing was sent.*set `base_url`") as caught:
                chat.complete(ask("the walnut story"))
            assert (caught.value.status, caught.value.retryable) == (status, False)
            assert "secret" not in str(caught.value)
        assert other.server.requests == []
    assert len(loopback.requests) == 1


@pytest.mark.parametrize(("location", "host"), [("/v2/x", "http://127.0.0.1"), ("http://[x", "another place")])
def test_a_redirect_that_leads_nowhere(loopback: LoopbackServer, location: str, host: str) -> None:
    loopback.plan = always(Turn(status=307, headers={"location": location}))
    with chat_of(loopback) as chat, pytest.raises(ChatError, match=f"redirects to {host}"):
        chat.complete(ask("hi"))


def test_an_endpoints_own_words_are_short(loopback: LoopbackServer) -> None:
    loopback.plan = always(Turn(status=400, text="word\n " * 10_000))
    with chat_of(loopback) as chat, pytest.raises(ChatError) as caught:
        chat.complete(ask("hi"))
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words", "remedy"),
    [
        ({"max_tokens": 50}, "Unsupported parameter: 'max_tokens'", "'max_completion_tokens': 50"),
        ({"temperature": 0.0}, "'temperature' does not support 0", "Leave `temperature` out"),
        ({}, "Unsupported parameter: 'max_tokens'", "max_tokens"),
    ],
)
def test_a_refused_parameter_names_the_remedy(loopback: LoopbackServer, settings: dict[str, Any], words: str, remedy: str) -> None:
    loopback.plan = always(Turn(status=400, text=words))
    with chat_of(loopback, **settings) as chat, pytest.raises(ChatError, match=remedy):
        chat.complete(ask("hi"))


def test_lone_surrogates_are_cleaned_for_the_wire(loopback: LoopbackServer) -> None:
    with chat_of(loopback) as chat:
        assert chat.complete(ask("a\ud800b \udfff \ud83d\ude00")).text == "a\ufffdb \ufffd 😀"


@pytest.mark.parametrize("messages", [[], "hi", [("user",)], [Message("robot", "x")], [Message("user", None)], [{"role": "user"}]])
def test_bad_messages(messages: Any) -> None:
    with OpenAIChat("m", base_url="http://127.0.0.1/v1") as chat, pytest.raises(InputError, match="messages"):
        chat.complete(messages)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": " "}, "`model`"),
        ({"base_url": "localhost:8000"}, "`base_url`"),
        ({"base_url": "http://[bad/v1"}, "`base_url`"),
        ({"timeout": 0}, "`timeout`"),
        ({"timeout": float("nan")}, "`timeout`"),
        ({"timeout": None}, "`timeout`"),
        ({"max_retries": -1}, "`max_retries`"),
        ({"max_concurrency": 0}, "`max_concurrency`"),
        ({"max_tokens": 0}, "`max_tokens`"),
        ({"temperature": -1}, "`temperature`"),
        ({"context_window": 1.5}, "`context_window`"),
        ({"extra_body": {"messages": []}}, "`extra_body`"),
        ({"api_key": f"{KEY}\n"}, "`api_key`"),
        ({"api_key": ""}, "`api_key`"),
        ({"headers": {"x-key": f"{KEY}\u2026"}}, "x-key"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        OpenAIChat(**{"model": "m", "base_url": "http://127.0.0.1/v1", **settings})
    assert KEY not in str(caught.value)


def test_the_key_comes_from_the_environment(loopback: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        OpenAIChat("gpt-4o")
    with OpenAIChat("m", base_url=loopback.url) as chat:
        chat.complete(ask("hi"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    with OpenAIChat("m") as chat:
        chat.complete(ask("hi"))
        assert loopback.url in repr(chat)
    assert [request.headers["authorization"] for request in loopback.requests] == ["Bearer none", f"Bearer {KEY}"]


def test_a_url_with_a_password_is_not_shown() -> None:
    with OpenAIChat("m", base_url="http://ana:hunter2hunter2@127.0.0.1:9/v1?token=abcdefgh") as chat:
        assert repr(chat) == "OpenAIChat('m', base_url='http://127.0.0.1:9/v1', api_key='***')"


def test_without_the_package_it_names_the_command() -> None:
    code = "import sys; sys.modules['openai'] = None; import attngs; attngs.OpenAIChat('m', api_key='none')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "MissingDependencyError: `OpenAIChat` needs the openai package: pip install 'attngs[openai]'" in done.stderr


def test_the_usual_turn_answers_with_the_last_message(loopback: LoopbackServer) -> None:
    loopback.plan = always(USUAL)
    with chat_of(loopback) as chat:
        assert chat.complete([Message("user", "a"), Message("assistant", "b"), Message("user", "c")]).text == "c"


@pytest.mark.parametrize("status", [200, 500])
def test_a_compressed_reply_is_not_read(loopback: LoopbackServer, status: int) -> None:
    bomb = Turn(status=status, raw=gzip.compress(bytes(50_000_000)), headers={"Content-Encoding": "gzip"})
    loopback.plan = lambda body: bomb
    with (
        OpenAIChat("m", base_url=loopback.url, api_key="none") as chat,
        pytest.raises(ChatError, match="compressed its reply \\('gzip'\\)"),
    ):
        chat.complete([Message("user", "Shorten this.")])
    assert len(loopback.requests) == 1, "it will not be another one next time"
