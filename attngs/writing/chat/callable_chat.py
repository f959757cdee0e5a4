"""Any function from messages to text, sync or async, as a writer."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import nullcontext

from attngs.errors import ChatError, ConfigError, check_whole
from attngs.protocols import AsyncChatModel, ChatModel
from attngs.reading.copies import Shared
from attngs.types import ChatReply, Message
from attngs.writing.chat.background import BackgroundLoop
from attngs.writing.chat.failures import as_chat_error
from attngs.writing.chat.messages import clean_messages

Answer = str | ChatReply
Function = Callable[[Sequence[Message]], Answer | Awaitable[Answer]]


class CallableChat(Shared):
    """Makes a writer of `messages -> str`, or `-> ChatReply`, sync or async.

    Sync code can use an async function as well: it runs in a background event loop, the same one for every call, so that clients which the
    function keeps stay usable. Exceptions become `ChatError`s, retryable where that is certain: `TimeoutError`, `ConnectionError`,
    and those with an HTTP status of 408, 409, 429 or 5xx.

    Args:
        function: Gets a list of messages.
        context_window: Tokens that the model behind it reads and writes together, where you know it.
    """

    def __init__(self, function: Function, *, context_window: int | None = None) -> None:
        if not callable(function):
            raise ConfigError(f"`function` must be callable, got {function!r}.")
        if context_window is not None:
            context_window = check_whole("context_window", context_window)
        self.context_window = context_window
        self._function = function
        self._name = getattr(function, "__name__", type(function).__name__)
        # a coroutine function is called in the event loop, any other may block and is not
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
        self._background: BackgroundLoop[None] = BackgroundLoop(nullcontext)

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """Call the function, and wait for what can be awaited.

        Raises:
            ChatError: The function failed, or returned neither text nor a reply.
            ConfigError: It is async, and an event loop is running here: await `acomplete` instead.
        """
        if self._is_async:
            self._refuse_inside_a_loop()
        given = clean_messages(messages)
        answer = self._call(given)
        if inspect.isawaitable(answer):
            try:
                self._refuse_inside_a_loop()
            except ConfigError:
                if isinstance(answer, Coroutine):
                    answer.close()
                raise
            return self._background.run(lambda _: self._awaited(answer, given))
        return self._reply(answer)

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete`, awaited. A sync function runs in a thread, which goes on after a cancelled wait."""
        given = clean_messages(messages)
        answer = self._call(given) if self._is_async else await asyncio.to_thread(self._call, given)
        return await self._awaited(answer, given) if inspect.isawaitable(answer) else self._reply(answer)

    def __repr__(self) -> str:
        return f"CallableChat({self._name})"

    def _call(self, messages: Sequence[Message]) -> object:
        try:
            return self._function(messages)
        except ChatError:
            raise
        except Exception as error:
            raise self._failure(error, messages) from error

    async def _awaited(self, answer: Awaitable[object], messages: Sequence[Message]) -> ChatReply:
        try:
            return self._reply(await answer)
        except ChatError:
            raise
        except Exception as error:
            raise self._failure(error, messages) from error

    def _reply(self, answer: object) -> ChatReply:
        if isinstance(answer, ChatReply) and isinstance(answer.text, str):
            return answer
        if isinstance(answer, str):
            return ChatReply(text=answer)
        what = f"a ChatReply whose text is {type(answer.text).__name__}" if isinstance(answer, ChatReply) else type(answer).__name__
        raise ChatError(
            f"the chat function `{self._name}` returned {what}; it must return a str or a `ChatReply`, and raise when it fails."
        )

    def _failure(self, error: Exception, messages: Sequence[Message]) -> ChatError:
        return as_chat_error(error, f"the chat function `{self._name}`", messages)

    def _refuse_inside_a_loop(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        raise ConfigError(
            f"the chat function `{self._name}` is async and an event loop is running in this thread, which `complete` would block; "
            "await `acomplete`, or `acompress`."
        )


def as_chat(value: object) -> ChatModel | AsyncChatModel:
    """Accept a writer as it is, and wrap a function.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(value, type):
        raise ConfigError(f"`chat` must be a writer, not its class; make one: `{value.__name__}(...)`.")
    if isinstance(value, ChatModel | AsyncChatModel):
        return value
    if callable(value):
        return CallableChat(value)
    raise ConfigError(f"`chat` must have `complete(messages)` or `acomplete(messages)`, or be a function, got {type(value).__name__}.")
