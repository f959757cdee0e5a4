"""LlamaIndex's prompt templates as what a writer is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.prompts import BasePromptTemplate, ChatPromptTemplate

from attngs.prompts import GuidedPrompt, defuse, marked_text
from attngs.types import Marking, Message

_GUIDED = GuidedPrompt()

REWRITE_PROMPT = ChatPromptTemplate(
    message_templates=[
        ChatMessage(role=MessageRole.SYSTEM, content=_GUIDED.system),
        ChatMessage(
            role=MessageRole.USER,
            content=_GUIDED.user.replace("{query}", "{query_str}").replace("{context}", "{context_str}"),
        ),
    ]
)
"""attngs' own prompt, in LlamaIndex's terms. Fields: `query_str`, `context_str` (with the marks), `target_tokens`."""


@dataclass(frozen=True, slots=True)
class HostPrompt:
    """A LlamaIndex template in attngs' seam."""

    template: BasePromptTemplate

    def __call__(self, marking: Marking, *, target_tokens: int) -> Sequence[Message]:
        messages = self.template.format_messages(
            query_str=defuse(marking.query), context_str=marked_text(marking), target_tokens=str(target_tokens)
        )
        return [Message(message.role.value, message.content or "") for message in messages]
