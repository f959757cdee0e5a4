"""A writer that is asked once: the same messages get the same reply, without asking again.

A written context is what costs money and seconds. Kept are replies that ended well, each under its user's namespace and a digest of the
writer's name and the messages, which hold all that a request differs in. A reader that gets the same context for the same question also
finds its own provider's prompt cache filled.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attngs.chat.callable_chat import Function, as_chat
from attngs.errors import AssetError, ChatError, ConfigError
from attngs.protocols import AsyncChatModel, ChatModel, ResultCache
from attngs.reading.context_cache import digest
from attngs.types import ChatReply, Message, Usage

Answer = TypeVar("Answer")

Outcome: TypeAlias = "Future[Answer | Exception | None]"
"""What came of a request, or `None`: whoever worked on it was interrupted, and somebody else must."""


class SingleFlight(Generic[Answer]):
    """Requests that are being worked on now. Safe from threads and event loops; a fork begins with none."""

    def __init__(self) -> None:
        self._flights: dict[tuple[int, Hashable], Outcome[Answer]] = {}

    async def join(
        self,
        key: Hashable,
        work: Callable[[], Awaitable[Answer]],
        wait: Callable[[Outcome[Answer]], Awaitable[Answer | Exception | None]],
    ) -> tuple[Answer, bool]:
        """The answer, and whether it was worked out here.

        An error reaches everyone who waits. A worker that is cancelled or interrupted reaches nobody: the next in the queue takes over.

        Args:
            key: Equal for equal requests.
            work: Does it. Runs if nobody else is at it.
            wait: Waits for what comes of another's work.
        """
        name = (os.getpid(), key)
        while True:
            mine: Outcome[Answer] = Future()
            mine.set_running_or_notify_cancel()  # now nobody who waits can cancel it for the others
            flight = self._flights.setdefault(name, mine)
            if flight is mine:
                return await self._work(name, mine, work), True
            outcome = await wait(flight)
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return outcome, False

    async def _work(self, name: tuple[int, Hashable], flight: Outcome[Answer], work: Callable[[], Awaitable[Answer]]) -> Answer:
        outcome: Answer | Exception | None = None
        try:
            outcome = await work()
        except Exception as error:
            outcome = error
            raise
        finally:
            del self._flights[name]
            flight.set_result(outcome)
        return outcome


Value = TypeVar("Value")

_NOTHING = Usage(0, 0)


class CachedChat:
    """Any writer, with its replies kept in `results`.

    A reply is kept when it has text and ended with `stop` or without saying why. Equal requests at the same time are asked once: threads
    wait for threads and tasks for tasks, an error reaches all of them and is not kept, and when the one that asks is cancelled, the next
    asks. A reply that was not asked for, but kept or shared, has `Usage(0, 0)`: the usages of all replies add up to what was used.

    Args:
        chat: The writer, or a function as for `as_chat`.
        results: Where replies are kept.
        name: Names everything but the messages that a reply depends on: model, endpoint, sampling settings. Another name, other replies.

    Raises:
        ConfigError: `chat` is neither, or `name` is empty.
    """

    def __init__(self, chat: ChatModel | AsyncChatModel | Function, results: ResultCache, *, name: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(
                f"`name` must say which model replies with which settings, for example 'gpt-4o-mini, temperature 0', got {name!r}."
            )
        self._chat = as_chat(chat)
        self._results = results
        self._name = name
        self._namespace = ""
        self._threads: SingleFlight[ChatReply] = SingleFlight()
        self._tasks: SingleFlight[ChatReply] = SingleFlight()

    @property
    def context_window(self) -> int | None:
        """The writer's, in tokens, where it is known."""
        return getattr(self._chat, "context_window", None)

    def for_namespace(self, namespace: str) -> CachedChat:
        """The same writer for one user's requests: what it keeps is found again under the same namespace only.

        Raises:
            ConfigError: `namespace` is no text.
        """
        if not isinstance(namespace, str):
            raise ConfigError(f"`namespace` must be a str, got {namespace!r}.")
        view = copy.copy(self)
        view._namespace = namespace
        return view

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """The kept reply, or the writer's.

        Raises:
            ConfigError: The writer can only be awaited.
            ChatError: The writer returned something that is not a reply. What it raises itself comes through as it is.
            AssetError: The results are damaged.
        """
        if not isinstance(self._chat, ChatModel):
            raise ConfigError("`chat` can only be awaited; call `acomplete`, or pass a writer with `complete`.")
        return _finished(self._reply(tuple(messages), self._threads, _Blocking()))

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete` without blocking the event loop."""
        return await self._reply(tuple(messages), self._tasks, _Awaiting())

    async def _reply(self, messages: Sequence[Message], flights: SingleFlight[ChatReply], way: _Way) -> ChatReply:
        key = digest("chat reply 1", self._name, *(part for message in messages for part in (message.role, message.content)))

        async def work() -> ChatReply:
            if (kept := await way.run(self._results.get, self._namespace, key)) is not None:
                return _unpack(kept)
            reply = _checked(await way.ask(self._chat, messages))
            if reply.text.strip() and reply.finish_reason in ("stop", None):
                await way.run(self._results.put, self._namespace, key, _pack(reply))
            return reply

        reply, asked = await flights.join((self._namespace, key), work, way.wait)
        return reply if asked else replace(reply, usage=_NOTHING)


class _Way(Protocol):
    """How to do what takes time."""

    async def run(self, function: Callable[..., Value], *arguments: Any) -> Value: ...

    async def wait(self, flight: Outcome[ChatReply]) -> ChatReply | Exception | None: ...

    async def ask(self, chat: ChatModel | AsyncChatModel, messages: Sequence[Message]) -> object: ...


class _Blocking:
    """In this thread: what is awaited here never waits for an event loop."""

    async def run(self, function: Callable[..., Value], *arguments: Any) -> Value:
        return function(*arguments)

    async def wait(self, flight: Outcome[ChatReply]) -> ChatReply | Exception | None:
        return flight.result()

    async def ask(self, chat: ChatModel | AsyncChatModel, messages: Sequence[Message]) -> object:
        assert isinstance(chat, ChatModel)
        return chat.complete(messages)


class _Awaiting:
    """In a task: files and writers that block get a thread."""

    async def run(self, function: Callable[..., Value], *arguments: Any) -> Value:
        return await asyncio.to_thread(function, *arguments)

    async def wait(self, flight: Outcome[ChatReply]) -> ChatReply | Exception | None:
        return await asyncio.wrap_future(flight)

    async def ask(self, chat: ChatModel | AsyncChatModel, messages: Sequence[Message]) -> object:
        if isinstance(chat, AsyncChatModel):
            return await chat.acomplete(messages)
        return await asyncio.to_thread(chat.complete, messages)


def _finished(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        value: Value = finished.value
        return value
    raise AssertionError("a request that must not wait has waited")


def _checked(reply: object) -> ChatReply:
    if not isinstance(reply, ChatReply) or not isinstance(reply.text, str):
        raise ChatError(f"the writer returned {type(reply).__name__}; it must return a `ChatReply` with text, and raise when it has none.")
    return reply


def _pack(reply: ChatReply) -> bytes:
    content = {"text": reply.text, "finish_reason": reply.finish_reason}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def _unpack(value: bytes) -> ChatReply:
    try:
        content = json.loads(value.decode(errors="surrogatepass"))
        return _checked(ChatReply(text=content["text"], finish_reason=content["finish_reason"], usage=_NOTHING))
    except (ValueError, TypeError, KeyError, AttributeError, ChatError) as error:
        raise AssetError("the result cache returned something that was not put there. Clear it, or pass another one.") from error
