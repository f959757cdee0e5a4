"""The one driver of dialogues: a generator yields requests and is sent the answers.

Sync and async callers share every step of a dialogue. They differ in how a request is answered, so they pass that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from attngs.errors import AssetError, ChatError, ConfigError
from attngs.protocols import AsyncChatModel, ChatModel
from attngs.reading.telemetry import Operation, operation
from attngs.types import ChatReply, Message
from attngs.writing.chat.failures import as_chat_error
from attngs.writing.chat.messages import check_reply

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Result = TypeVar("Result")

Writer = ChatModel | AsyncChatModel


def talk(dialogue: Generator[Request, Answer, Result], answer: Callable[[Request], Answer]) -> Result:
    """Answer each request of a dialogue; returns its result."""
    step = _advance(dialogue, None)
    while isinstance(step, _Question):
        step = _advance(dialogue, answer(step.request))
    return step.result


async def atalk(dialogue: Generator[Request, Answer, Result], answer: Callable[[Request], Awaitable[Answer]]) -> Result:
    """`talk`, awaited. The dialogue's own work runs in a thread, so the event loop stays free."""
    step = await asyncio.to_thread(_advance, dialogue, None)
    while isinstance(step, _Question):
        step = await asyncio.to_thread(_advance, dialogue, await answer(step.request))
    return step.result


@dataclass(frozen=True, slots=True)
class _Question(Generic[Request]):
    """What the dialogue wants to know next."""

    request: Request


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[Result]):
    """What a dialogue that has ended returned."""

    result: Result


def _advance(dialogue: Generator[Request, Answer, Result], answer: Answer | None) -> _Question[Request] | _Outcome[Result]:
    """The next request or the result, as values: a `StopIteration` cannot leave a thread."""
    try:
        return _Question(dialogue.send(answer))  # type: ignore[arg-type]  # None starts a generator
    except StopIteration as end:
        return _Outcome(end.value)


def ask(writer: Writer, conversations: Sequence[Sequence[Message]]) -> list[ChatReply | ChatError]:
    """The writer's reply to each conversation, or its failure.

    Raises:
        ConfigError: The writer can only be awaited.
    """
    if not isinstance(writer, ChatModel):
        raise ConfigError("`chat` can only be awaited; call `acompress`, or pass a writer with `complete`.")
    return [_ask(writer, messages) for messages in conversations]


async def aask(writer: Writer, conversations: Sequence[Sequence[Message]]) -> list[ChatReply | ChatError]:
    """`ask`, awaited, all conversations at the same time."""
    return list(await asyncio.gather(*(_aask(writer, messages) for messages in conversations)))


def _ask(writer: ChatModel, messages: Sequence[Message]) -> ChatReply | ChatError:
    with _watched(writer) as watched:
        try:
            answer: ChatReply | ChatError = check_reply(writer.complete(messages))
        except Exception as error:
            answer = _failure(error, writer, messages)
        return _noted(watched, answer, messages)


async def _aask(writer: Writer, messages: Sequence[Message]) -> ChatReply | ChatError:
    if not isinstance(writer, AsyncChatModel):
        return await asyncio.to_thread(_ask, writer, messages)
    with _watched(writer) as watched:
        try:
            answer: ChatReply | ChatError = check_reply(await writer.acomplete(messages))
        except Exception as error:
            answer = _failure(error, writer, messages)
        return _noted(watched, answer, messages)


def _watched(writer: Writer) -> AbstractContextManager[Operation]:
    """The call as operators see it: by the model's name, where the writer says one."""
    model = getattr(writer, "model", "")
    provider = getattr(writer, "provider", type(writer).__name__)
    return operation("chat", {"gen_ai.provider.name": provider}, model=model if isinstance(model, str) else "", remote=True)


def _noted(watched: Operation, answer: ChatReply | ChatError, messages: Sequence[Message]) -> ChatReply | ChatError:
    """The answer, of which operators see the tokens and how it ended."""
    watched.content("gen_ai.input.messages", lambda: [_plain(message.role, message.content) for message in messages])
    if isinstance(answer, ChatError):
        watched.failed(answer)
        return answer
    ended = answer.finish_reason
    watched.note({"gen_ai.response.finish_reasons": [ended] if ended else None})
    if answer.usage:
        watched.chat_tokens(read=answer.usage.input_tokens, written=answer.usage.output_tokens)
    watched.content("gen_ai.output.messages", lambda: [{**_plain("assistant", answer.text), "finish_reason": ended or "stop"}])
    return answer


def _plain(role: str, text: str) -> dict[str, object]:
    """A message in the shape of the conventions."""
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _failure(error: Exception, writer: Writer, messages: Sequence[Message]) -> ChatError:
    """What a writer raised, as its failure; a wrong setting or a damaged file is the caller's."""
    if isinstance(error, ConfigError | AssetError):
        raise error
    failure = as_chat_error(error, f"`{type(writer).__name__}`", messages)
    failure.__cause__ = failure.__cause__ or (error if failure is not error else None)
    return failure
