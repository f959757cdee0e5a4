"""A writer that is asked once: the same messages get the same reply, without asking again.

A reply costs money and seconds, so each reply that ended well is kept under its user's namespace and a digest of the writer's name and the
messages. A reader that gets the same context for the same question also finds its own provider's prompt cache filled.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from attngs.errors import AssetError, ChatError, ConfigError
from attngs.protocols import AsyncChatModel, ChatModel, ResultCache
from attngs.reading.context_cache import digest
from attngs.reading.copies import Shared
from attngs.types import ChatReply, Message, Usage
from attngs.writing.chat.callable_chat import Function, as_chat
from attngs.writing.chat.messages import check_reply

_NOTHING = Usage(0, 0)


class CachedChat(Shared):
    """Any writer, with its replies kept in `results`.

    A reply is kept if it has text and ended with `stop` or without a reason. A kept reply has `Usage(0, 0)`, so that the usages of all
    replies add up to what was used. Equal requests at the same time may each be asked; the last reply is kept.

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

    @property
    def context_window(self) -> int | None:
        """The writer's, in tokens, where it is known."""
        return getattr(self._chat, "context_window", None)

    def for_namespace(self, namespace: str) -> CachedChat:
        """The same writer for one user's requests, whose replies no other user gets.

        Raises:
            ConfigError: `namespace` is no text.
        """
        if not isinstance(namespace, str):
            raise ConfigError(f"`namespace` must be a str, got {namespace!r}.")
        view = CachedChat(self._chat, self._results, name=self._name)
        view._namespace = namespace
        return view

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """The kept reply, or the writer's.

        Raises:
            ConfigError: The writer can only be awaited.
            ChatError: The writer returned something that is not a reply. Its own errors pass unchanged.
            AssetError: The results are damaged.
        """
        if not isinstance(self._chat, ChatModel):
            raise ConfigError("`chat` can only be awaited; call `acomplete`, or pass a writer with `complete`.")
        key = self._key(messages)
        if (kept := self._results.get(self._namespace, key)) is not None:
            return _unpack(kept)
        reply = check_reply(self._chat.complete(messages))
        if _ended_well(reply):
            self._results.put(self._namespace, key, _pack(reply))
        return reply

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete` for an event loop. Results, and a writer that can only be called, get a thread."""
        key = self._key(messages)
        if (kept := await asyncio.to_thread(self._results.get, self._namespace, key)) is not None:
            return _unpack(kept)
        if isinstance(self._chat, AsyncChatModel):
            reply = check_reply(await self._chat.acomplete(messages))
        else:
            reply = check_reply(await asyncio.to_thread(self._chat.complete, messages))
        if _ended_well(reply):
            await asyncio.to_thread(self._results.put, self._namespace, key, _pack(reply))
        return reply

    def _key(self, messages: Sequence[Message]) -> bytes:
        return digest("chat reply 1", self._name, *(part for message in messages for part in (message.role, message.content)))


def _ended_well(reply: ChatReply) -> bool:
    return bool(reply.text.strip()) and reply.finish_reason in ("stop", None)


def _pack(reply: ChatReply) -> bytes:
    content = {"text": reply.text, "finish_reason": reply.finish_reason}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def _unpack(value: bytes) -> ChatReply:
    try:
        content = json.loads(value.decode(errors="surrogatepass"))
        return check_reply(ChatReply(text=content["text"], finish_reason=content["finish_reason"], usage=_NOTHING))
    except (ValueError, TypeError, KeyError, AttributeError, ChatError) as error:
        raise AssetError("the result cache returned something that was not put there. Clear it, or pass another one.") from error
