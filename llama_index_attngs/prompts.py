"""LlamaIndex's prompt templates as what a writer is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate

from attngs.prompts import GUIDED, context_text, defuse
from attngs.types import Marking, Message

REWRITE_PROMPT = ChatPromptTemplate(
    message_templates=[
        ChatMessage(role=MessageRole.SYSTEM, content=GUIDED.system),
        ChatMessage(role=MessageRole.USER, content=GUIDED.user.replace("{query}", "{query_str}").replace("{context}", "{context_str}")),
    ]
)
"""attngs' own prompt in LlamaIndex's terms. Fields: `query_str`, `context_str` (with the marks) and `target_tokens`."""


@dataclass(frozen=True, slots=True)
class HostPrompt:
    """A LlamaIndex template in attngs' seam."""

    template: BasePromptTemplate

    name = "llama-index"
    context: Literal["all"] = "all"
    cites = False
    answer = ""

    def __call__(self, marking: Marking, *, target_tokens: int) -> Sequence[Message]:
        messages = self.template.format_messages(
            query_str=defuse(marking.query), context_str=context_text(marking, GUIDED.marks), target_tokens=str(target_tokens)
        )
        return [Message(message.role.value, message.content or "") for message in messages]

    def again(self, messages: Sequence[Message], reply: str, *, tokens: int, target_tokens: int) -> Sequence[Message]:
        return GUIDED.again(messages, reply, tokens=tokens, target_tokens=target_tokens)
