"""Any function as a writer."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from attngs import ContextCompressor, Marker
from attngs.errors import ChatError, ConfigError, InputError
from attngs.protocols import AsyncChatModel, ChatModel
from attngs.testing import FakeChat, FakeScorer, count_words
from attngs.types import ChatReply, Message, Usage
from attngs.writing.chat.callable_chat import CallableChat, as_chat

ASKED = [Message("system", "Repeat."), Message("user", "tea")]
REPLY = ChatReply(text="tea", finish_reason="length", usage=Usage(1, 2))


def repeat(messages: Sequence[Message]) -> str:
    return messages[-1].content


async def repeat_later(messages: Sequence[Message]) -> str:
    await asyncio.sleep(0)
    return messages[-1].content


class Repeater:
    def __call__(self, messages: Sequence[Message]) -> str:
        return messages[-1].content


class AsyncRepeater:
    async def __call__(self, messages: Sequence[Message]) -> str:
        return messages[-1].content


FUNCTIONS = [
    repeat,
    repeat_later,
    Repeater(),
    AsyncRepeater(),
    functools.partial(repeat_later),
    lambda messages: messages[-1].content,
    lambda messages: repeat_later(messages),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_sync_code_can_use_every_kind(function: Any) -> None:
    chat = as_chat(function)
    assert isinstance(chat, ChatModel)
    assert isinstance(chat, AsyncChatModel)
    assert chat.complete(ASKED) == ChatReply(text="tea")
    assert asyncio.run(chat.acomplete(ASKED)) == ChatReply(text="tea")


@pytest.mark.parametrize("function", FUNCTIONS)
async def test_async_code_can_use_every_kind(function: Any) -> None:
    assert await CallableChat(function).acomplete(ASKED) == ChatReply(text="tea")


def test_a_whole_reply_comes_through() -> None:
    assert as_chat(lambda messages: REPLY).complete(ASKED) is REPLY  # type: ignore[union-attr]


@pytest.mark.parametrize("function", [repeat_later, AsyncRepeater(), lambda messages: repeat_later(messages)])
async def test_an_async_function_does_not_block_a_running_loop(function: Any) -> None:
    with pytest.raises(ConfigError, match="await `acomplete`"):
        CallableChat(function).complete(ASKED)


async def test_a_sync_function_may_be_called_inside_a_loop() -> None:
    assert CallableChat(repeat).complete(ASKED).text == "tea"


def test_what_an_async_function_keeps_stays_usable() -> None:
    loops = set()

    async def remember(messages: Sequence[Message]) -> str:
        loops.add(asyncio.get_running_loop())
        return "x"

    chat = CallableChat(remember)
    threads = [threading.Thread(target=chat.complete, args=(ASKED,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chat.complete(ASKED)
    assert len(loops) == 1


async def test_a_sync_function_does_not_block_the_loop() -> None:
    release = threading.Event()

    def wait(messages: Sequence[Message]) -> str:
        assert release.wait(20)
        return "done"

    task = asyncio.create_task(CallableChat(wait).acomplete(ASKED))
    await asyncio.sleep(0)
    release.set()  # reached, although the function waits
    assert (await task).text == "done"


class WithStatus(Exception):
    def __init__(self, status: object, headers: object = None, *, nested: bool = False) -> None:
        super().__init__("the service said no")
        if nested:
            self.response = SimpleNamespace(status_code=status, headers=headers)
        else:
            self.status_code = status


@pytest.mark.parametrize(
    ("error", "retryable", "status", "retry_after"),
    [
        (TimeoutError("slow"), True, None, None),
        (ConnectionResetError("gone"), True, None, None),
        (WithStatus(429), True, 429, None),
        (WithStatus(408), True, 408, None),
        (WithStatus(503, {"retry-after": "3"}, nested=True), True, 503, 3.0),
        (WithStatus(429, object(), nested=True), True, 429, None),
        (WithStatus(401), False, 401, None),
        (WithStatus("429"), False, None, None),
        (WithStatus(True), False, None, None),
        (ValueError("what?"), False, None, None),
        (StopIteration(), False, None, None),
        (OSError("disk"), False, None, None),
    ],
)
async def test_what_it_raises_becomes_a_chat_error(
    error: Exception, retryable: bool, status: int | None, retry_after: float | None
) -> None:
    def fail(messages: Sequence[Message]) -> str:
        raise error

    async def fail_later(messages: Sequence[Message]) -> str:
        raise error

    chats = [CallableChat(fail)] if isinstance(error, StopIteration) else [CallableChat(fail), CallableChat(fail_later)]
    for chat in chats:
        with pytest.raises(ChatError, match=type(error).__name__) as caught:
            await chat.acomplete(ASKED)
        assert (caught.value.retryable, caught.value.status, caught.value.retry_after) == (retryable, status, retry_after)
        assert caught.value.__cause__ is error


def test_a_chat_error_comes_through() -> None:
    error = ChatError("busy", retryable=True, status=429, retry_after=2.0)

    def fail(messages: Sequence[Message]) -> str:
        raise error

    async def fail_later(messages: Sequence[Message]) -> str:
        raise error

    for function in (fail, fail_later):
        with pytest.raises(ChatError) as caught:
            CallableChat(function).complete(ASKED)
        assert caught.value is error


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_stops_a_program_stops_it(kind: type[BaseException]) -> None:
    def stop(messages: Sequence[Message]) -> str:
        raise kind

    with pytest.raises(kind):
        CallableChat(stop).complete(ASKED)


async def test_cancelling_reaches_the_function() -> None:
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(messages: Sequence[Message]) -> str:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    task = asyncio.create_task(CallableChat(wait).acomplete(ASKED))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


@pytest.mark.parametrize("answer", [None, 3, b"tea", ["tea"], {"content": "tea"}, ChatReply(text=None)])  # type: ignore[arg-type]
async def test_another_answer_is_an_error(answer: Any) -> None:
    async def later(messages: Sequence[Message]) -> Any:
        return answer

    with pytest.raises(ChatError, match="must return a str or a `ChatReply`"):
        CallableChat(lambda messages: answer).complete(ASKED)
    with pytest.raises(ChatError, match="must return a str or a `ChatReply`"):
        await CallableChat(later).acomplete(ASKED)


def test_a_writer_is_taken_as_it_is() -> None:
    chat = FakeChat("x")
    assert as_chat(chat) is chat


@pytest.mark.parametrize("value", [None, "gpt-4o", 3, FakeChat])
def test_no_writer(value: object) -> None:
    with pytest.raises(ConfigError, match="`chat` must"):
        as_chat(value)


def test_settings_are_checked() -> None:
    assert CallableChat(repeat, context_window=100).context_window == 100
    with pytest.raises(ConfigError, match="`context_window`"):
        CallableChat(repeat, context_window=0)
    with pytest.raises(ConfigError, match="`function`"):
        CallableChat("repeat")  # type: ignore[arg-type]


def test_messages_are_checked_and_cleaned() -> None:
    with pytest.raises(InputError, match="`messages` is empty"):
        CallableChat(repeat).complete([])
    assert CallableChat(repeat).complete([Message("user", "a\ud800")]).text == "a\ufffd"


def test_it_writes_for_a_compressor() -> None:
    marker = Marker(FakeScorer("tea"))
    compressor = ContextCompressor(marker, CallableChat(lambda messages: "She likes tea."), counter=count_words)
    result = compressor.compress(["Ana likes tea. She moved to Porto in May."], "What does she like?", target_tokens=4)
    assert (result.text, result.method) == ("She likes tea.", "rewrite")
