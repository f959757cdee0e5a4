"""attngs' own chat model on this machine, where LangChain wants one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import ConfigDict, Field, SkipValidation

from attngs.errors import InputError
from attngs.protocols import StreamingChatModel
from attngs.types import Message

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}


class LocalChatModel(BaseChatModel):
    """A LangChain chat model of an `attngs.LocalChat`: a Hugging Face model in this process, greedy, streamed, without tools.

    Control tokens inside messages are read as ordinary text, no code of the model's own runs, and a stream that is left stops the model.

    ```python
    model = LocalChatModel(chat=LocalChat.from_pretrained("Qwen/Qwen3-0.6B"))
    ```

    Raises:
        InputError: While writing: a message is of a tool's, which such a model cannot be shown.
        ChatError: While writing: as `LocalChat.complete`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    chat: SkipValidation[StreamingChatModel] = Field(repr=False)
    """Anything that writes and streams as `LocalChat` does."""

    @property
    def _llm_type(self) -> str:
        return "attngs-local"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> ChatResult:
        reply = self.chat.complete(_plain(messages))
        used = reply.usage
        usage = {"input_tokens": used[0], "output_tokens": used[1], "total_tokens": sum(used)} if used else None
        message = AIMessage(reply.text, usage_metadata=usage, response_metadata={"finish_reason": reply.finish_reason})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: CallbackManagerForLLMRun | None = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for text in self.chat.stream(_plain(messages)):
            yield ChatGenerationChunk(message=AIMessageChunk(content=text))


def _plain(messages: Sequence[BaseMessage]) -> list[Message]:
    for message in messages:
        if message.type not in _ROLES:
            raise InputError(
                f"a local model reads messages of system, user and assistant; it cannot be shown one of the type {message.type!r}."
            )
    return [Message(_ROLES[message.type], str(message.text)) for message in messages]
