"""Carry a talk to a writer and back: the one place where compression waits for somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Generic

from attngs.chat.retry import as_chat_error
from attngs.errors import AssetError, ChatError, ConfigError
from attngs.protocols import AsyncChatModel, ChatModel
from attngs.types import ChatReply, Message
from attngs.writing.dialogue import Dialogue, Result

Writer = ChatModel | AsyncChatModel


def talk(dialogue: Dialogue[Result], writer: Writer) -> Result:
    """Have a talk, one conversation after the other.

    Raises:
        ConfigError: The writer can only be awaited.
    """
    if not isinstance(writer, ChatModel):
        raise ConfigError("`chat` can only be awaited; call `acompress`, or pass a writer with `complete`.")
    steps = _Steps(dialogue)
    while steps.asked:
        steps.answer([_ask(writer, messages) for messages in steps.asked])
    return steps.result


async def atalk(dialogue: Dialogue[Result], writer: Writer) -> Result:
    """Have a talk without blocking the event loop; conversations that may be had at the same time are."""
    steps = await asyncio.to_thread(_Steps, dialogue)
    while steps.asked:
        answers = await asyncio.gather(*(_aask(writer, messages) for messages in steps.asked))
        await asyncio.to_thread(steps.answer, answers)
    return steps.result


class _Steps(Generic[Result]):
    """A dialogue, one step at a time.

    Attributes:
        asked: What is to be asked now; empty when the talk has ended.
        result: What came of it, once it has ended.
    """

    asked: Sequence[Sequence[Message]]
    result: Result

    def __init__(self, dialogue: Dialogue[Result]) -> None:
        self._dialogue = dialogue
        self.answer(None)

    def answer(self, answers: Sequence[ChatReply | ChatError] | None) -> None:
        """Go on to the next question, with the answers to the last ones; none at the start."""
        try:
            self.asked = self._dialogue.send(answers)  # type: ignore[arg-type]  # None starts a generator
        except StopIteration as end:
            self.asked, self.result = (), end.value


def _ask(writer: ChatModel, messages: Sequence[Message]) -> ChatReply | ChatError:
    try:
        return _checked(writer.complete(messages))
    except Exception as error:
        return _as_answer(error, writer)


async def _aask(writer: Writer, messages: Sequence[Message]) -> ChatReply | ChatError:
    if not isinstance(writer, AsyncChatModel):
        return await asyncio.to_thread(_ask, writer, messages)
    try:
        return _checked(await writer.acomplete(messages))
    except Exception as error:
        return _as_answer(error, writer)


def _as_answer(error: Exception, writer: Writer) -> ChatError:
    """Whatever a writer raises is its failure; but a setting that can never work, or a damaged file of kept replies, is the caller's."""
    if isinstance(error, ConfigError | AssetError):
        raise error
    failure = as_chat_error(error, f"`{type(writer).__name__}`")
    failure.__cause__ = failure.__cause__ or (error if failure is not error else None)
    return failure


def _checked(reply: object) -> ChatReply:
    if not isinstance(reply, ChatReply) or not isinstance(reply.text, str):
        raise ChatError(f"the writer returned {type(reply).__name__}; it must return a `ChatReply` with text, and raise when it has none.")
    return reply
