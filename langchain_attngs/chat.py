"""Chat models, both ways: LangChain's as attngs' writer, and attngs' local one as one of LangChain's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.exceptions import ModelError
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from pydantic import ConfigDict, Field, SkipValidation

from attngs.errors import ChatError, InputError
from attngs.protocols import StreamingChatModel
from attngs.text.defusing import TURN, quote_lines
from attngs.types import ChatReply, Message, Usage
from attngs.writing.chat.failures import as_chat_error
from attngs.writing.chat.messages import clean_messages, in_our_words

NO_STREAM = "nostream"
"""LangGraph's tag for calls whose tokens belong in no user's stream."""

_KINDS: dict[str, type[BaseMessage]] = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_REASON_FIELDS = ("finish_reason", "stop_reason", "stopReason", "done_reason")


class RunnableChat:
    """A LangChain model as attngs' writer.

    It may be wrapped in anything: retries, fallbacks, rate limits, a prompt, a parser. It is invoked once for each request and never by
    `batch`, in which `with_retry` gives one request the reply of another (langchain#35475).

    Args:
        runnable: Takes a list of messages and returns a message or a text.
        config: Of the run that asks. Its callbacks put the call below that run; its tags, metadata and configurable fields go along.
    """

    def __init__(self, runnable: Runnable[Any, Any], config: RunnableConfig | None = None) -> None:
        self._runnable = runnable
        self._config = merge_configs(config, {"tags": [NO_STREAM]})

    def __repr__(self) -> str:
        return f"RunnableChat({self._runnable.get_name()})"

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """Ask the model.

        Raises:
            ChatError: The model raised, and its error is the cause; or it returned neither a message nor a text.
        """
        request = self._host_messages(messages)
        try:
            answer = self._runnable.invoke(request, self._config)
        except Exception as error:
            raise self._failure(error, messages) from error
        return self._reply(answer)

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete`, awaited."""
        request = self._host_messages(messages)
        try:
            answer = await self._runnable.ainvoke(request, self._config)
        except Exception as error:
            raise self._failure(error, messages) from error
        return self._reply(answer)

    def _host_messages(self, messages: Sequence[Message]) -> list[BaseMessage]:
        """The messages in LangChain's types.

        For a model that only completes text LangChain writes them as `Human: ...`, so no other line may look like that.
        """
        quoted = _completes(self._runnable)
        return [
            _KINDS[message.role](content=quote_lines(message.content, TURN) if quoted else message.content)
            for message in clean_messages(messages)
        ]

    def _reply(self, answer: object) -> ChatReply:
        if isinstance(answer, str):
            return ChatReply(text=answer)
        if isinstance(answer, AIMessage):
            return ChatReply(text=str(answer.text), finish_reason=_finish_reason(answer), usage=_usage(answer))
        raise ChatError(
            f"`chat` ({self._runnable.get_name()}) returned {type(answer).__name__}; it must return a chat model's message or a str."
        )

    def _failure(self, error: Exception, messages: Sequence[Message]) -> ChatError:
        failure = as_chat_error(error, f"`chat` ({self._runnable.get_name()})", messages)
        if isinstance(error, ModelError):  # LangChain's own judgement, where a provider gives no status
            failure.retryable = failure.retryable or error.is_retryable
        return failure


def _completes(runnable: object) -> bool:
    """Whether the runnable is, or wraps, a model that only completes text."""
    inner = [getattr(runnable, name, None) for name in ("bound", "runnable")]
    steps = getattr(runnable, "steps", None)
    parts = [*inner, *(getattr(runnable, "fallbacks", None) or ()), *(steps if isinstance(steps, Sequence) else ())]
    return isinstance(runnable, BaseLLM) or any(part is not None and _completes(part) for part in parts)


def _finish_reason(message: AIMessage) -> str | None:
    """Why the model stopped, in attngs' words.

    A refusal or a tool call is one even where the provider calls it a normal end.
    """
    if message.additional_kwargs.get("refusal") or _has_block(message, "refusal"):
        return "refusal"
    if message.tool_calls or message.invalid_tool_calls:
        return "tool_calls"  # any text beside it only announces the call
    values = (message.response_metadata.get(name) for name in _REASON_FIELDS)
    return in_our_words(next((value for value in values if isinstance(value, str) and value), None))


def _has_block(message: AIMessage, kind: str) -> bool:
    blocks = message.content if isinstance(message.content, list) else []
    return any(isinstance(block, Mapping) and block.get("type") == kind for block in blocks)


def _usage(message: AIMessage) -> Usage | None:
    used = message.usage_metadata
    return Usage(used["input_tokens"], used["output_tokens"]) if used else None


class LocalChatModel(BaseChatModel):
    """An `attngs.LocalChat` as a LangChain chat model.

    It is a Hugging Face model in this process that decodes greedily, streams and takes no tools. Control tokens inside messages are read
    as ordinary text. No code of the model's own runs. Leaving a stream stops the model, and so does a stop sequence in a stream.

    ```python
    model = LocalChatModel(chat=LocalChat.from_pretrained("Qwen/Qwen3-0.6B"))
    ```

    Raises:
        InputError: While writing: a message is a tool's, and such a model cannot be shown one.
        ChatError: While writing: as `LocalChat.complete`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chat: SkipValidation[StreamingChatModel] = Field(repr=False, description="Anything that writes and streams as `LocalChat` does.")

    @property
    def _llm_type(self) -> str:
        return "attngs-local"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        reply = self.chat.complete(_own_messages(messages))
        text = "".join(_until([reply.text], stop or ()))
        used = reply.usage
        usage = {"input_tokens": used[0], "output_tokens": used[1], "total_tokens": sum(used)} if used else None
        reason = reply.finish_reason if text == reply.text else "stop"
        message = AIMessage(text, usage_metadata=usage, response_metadata={"finish_reason": reason})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for text in _until(self.chat.stream(_own_messages(messages)), stop or ()):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))


def _until(pieces: Iterable[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first stop sequence, which may be spread over several of them.

    What may be the beginning of one is held back until that is known.
    """
    ends = [end for end in stop if end]
    held = ""
    for piece in pieces:
        held += piece
        found = [place for end in ends if (place := held.find(end)) >= 0]
        if found:
            held = held[: min(found)]
            break
        begun = max((size for end in ends for size in range(1, len(end)) if held.endswith(end[:size])), default=0)
        if ready := held[: len(held) - begun]:
            yield ready
        held = held[len(held) - begun :]
    if held:
        yield held


def _own_messages(messages: Sequence[BaseMessage]) -> list[Message]:
    for message in messages:
        if message.type not in _ROLES:
            raise InputError(
                f"a local model reads messages of system, user and assistant; it cannot be shown one of the type {message.type!r}."
            )
    return [Message(_ROLES[message.type], str(message.text)) for message in messages]
