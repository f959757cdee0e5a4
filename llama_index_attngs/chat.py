"""LlamaIndex's LLMs and prompt templates, in the shapes that attngs asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate

from attngs.text.defusing import TURN, quote_lines
from attngs.types import ChatReply, Marking, Message, Usage
from attngs.writing.chat.failures import as_chat_error
from attngs.writing.chat.messages import clean_messages, in_our_words
from attngs.writing.prompts import GUIDED, GuidedPrompt, context_text, defuse
from llama_index_attngs.messages import field, quote_messages


class LlamaIndexChat:
    """A LlamaIndex LLM as a chat model of attngs. Its own retries, callbacks and limits apply."""

    def __init__(self, llm: BaseLLM) -> None:
        self._llm = llm

    def __repr__(self) -> str:
        return f"LlamaIndexChat({self._llm.class_name()})"

    @property
    def context_window(self) -> int:
        """How many tokens the LLM can read and write together. A longer context is rewritten in parts."""
        return int(self._llm.metadata.context_window)

    def complete(self, messages: Sequence[Message]) -> ChatReply:
        """Ask the LLM.

        Raises:
            ChatError: The LLM raised; its own error is the cause.
        """
        try:
            return _reply(self._llm.chat(self._host_messages(messages)))
        except Exception as error:
            raise as_chat_error(error, self._llm.class_name(), messages) from error

    async def acomplete(self, messages: Sequence[Message]) -> ChatReply:
        """`complete`, awaited."""
        try:
            return _reply(await self._llm.achat(self._host_messages(messages)))
        except Exception as error:
            raise as_chat_error(error, self._llm.class_name(), messages) from error

    def _host_messages(self, messages: Sequence[Message]) -> list[ChatMessage]:
        """The messages in LlamaIndex's type.

        For an LLM that only completes text LlamaIndex writes them as `user: ...`, so no other line may look like that.
        """
        completes = not self._llm.metadata.is_chat_model
        return [
            ChatMessage(role=message.role, content=quote_lines(message.content, TURN) if completes else message.content)
            for message in clean_messages(messages)
        ]


@dataclass(frozen=True, slots=True)
class HostTemplate:
    """A LlamaIndex prompt template as a template of attngs.

    Its fields are `query_str`, `context_str` with the marks, and `target_tokens`.
    """

    template: BasePromptTemplate

    name = "llama-index"
    context: Literal["all"] = "all"
    cites = False
    answer = ""

    def __call__(self, marking: Marking, *, target_tokens: int) -> Sequence[Message]:
        empty = self.template.format_messages(query_str="{", context_str="{", target_tokens="{")
        around = "\n".join(message.content or "" for message in empty)
        messages = self.template.format_messages(
            query_str=quote_messages(defuse(marking.query, around)),
            context_str=quote_messages(context_text(marking, GUIDED.marks, around)),
            target_tokens=str(target_tokens),
        )
        return [Message(message.role.value, message.content or "") for message in messages]

    def again(self, messages: Sequence[Message], reply: str, *, tokens: int, target_tokens: int) -> Sequence[Message]:
        return GUIDED.again(messages, reply, tokens=tokens, target_tokens=target_tokens)


def host_template(prompt: GuidedPrompt) -> ChatPromptTemplate:
    """The prompt as a LlamaIndex template, with the fields of `HostTemplate`."""
    user = prompt.user.replace("{query}", "{query_str}").replace("{context}", "{context_str}")
    return ChatPromptTemplate(
        message_templates=[ChatMessage(role=MessageRole.SYSTEM, content=prompt.system), ChatMessage(role=MessageRole.USER, content=user)]
    )


def _reply(response: ChatResponse) -> ChatReply:
    choices = field(response.raw, "choices")
    choice = choices[0] if isinstance(choices, Sequence) and choices else None
    reason = field(choice, "finish_reason") or field(response.additional_kwargs, "finish_reason")
    return ChatReply(
        text=response.message.content or "", finish_reason=in_our_words(str(reason)) if reason else None, usage=_usage(response)
    )


def _usage(response: ChatResponse) -> Usage | None:
    """The tokens that the provider reports, wherever it does; LlamaIndex has no field for them."""
    for place in (field(response.raw, "usage"), response.additional_kwargs):
        for names in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
            read, written = (field(place, name) for name in names)
            if isinstance(read, int) and isinstance(written, int):
                return Usage(read, written)
    return None
