"""Any LlamaIndex LLM as attngs' writer."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from attngs.errors import ChatError
from attngs.types import ChatReply, Message, Usage
from llama_index_attngs.fields import field

RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP status codes after which the same request may succeed."""


class LlamaIndexChat:
    """The seam between attngs and a LlamaIndex LLM: its own callbacks, spans and rate limits stay in force."""

    def __init__(self, llm: BaseLLM) -> None:
        self._llm = llm

    def __repr__(self) -> str:
        return f"LlamaIndexChat({self._llm.class_name()})"

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """Ask the LLM.

        Raises:
            ChatError: The LLM raised; its own error is the cause.
        """
        try:
            response = self._llm.chat(_host_messages(messages))
        except Exception as error:
            raise _chat_error(error, self._llm) from error
        return _reply(response)

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete`, awaited."""
        try:
            response = await self._llm.achat(_host_messages(messages))
        except Exception as error:
            raise _chat_error(error, self._llm) from error
        return _reply(response)


def _host_messages(messages: Sequence[Message]) -> list[ChatMessage]:
    return [ChatMessage(role=message.role, content=message.content) for message in messages]


def _reply(response: ChatResponse) -> ChatReply:
    choices = field(response.raw, "choices")
    choice = choices[0] if isinstance(choices, Sequence) and choices else None
    reason = field(choice, "finish_reason") or field(response.additional_kwargs, "finish_reason")
    return ChatReply(text=response.message.content or "", finish_reason=str(reason) if reason else None, usage=_usage(response))


def _usage(response: ChatResponse) -> Usage | None:
    """What the provider says it used; LlamaIndex has no field of its own for it."""
    for place in (field(response.raw, "usage"), response.additional_kwargs):
        for names in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
            read, written = (field(place, name) for name in names)
            if isinstance(read, int) and isinstance(written, int):
                return Usage(read, written)
    return None


def _chat_error(error: Exception, llm: BaseLLM) -> ChatError:
    """What the providers' errors have in common. Their words are left out: some hold parts of a key or of the request."""
    status = next(
        (code for code in (field(error, "status_code"), field(field(error, "response"), "status_code")) if isinstance(code, int)), None
    )
    lost = isinstance(error, TimeoutError | ConnectionError) or any(
        "Timeout" in kind.__name__ or "Connect" in kind.__name__ for kind in type(error).__mro__
    )
    wait = field(field(field(error, "response"), "headers"), "retry-after")
    said = f" with status {status}" if status else ""
    return ChatError(
        f"the LLM {llm.class_name()} failed{said}: {type(error).__name__}. The error that it raised is the cause of this one.",
        retryable=lost or status in RETRYABLE,
        status=status,
        retry_after=_seconds(wait),
    )


def _seconds(value: object) -> float | None:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return None
