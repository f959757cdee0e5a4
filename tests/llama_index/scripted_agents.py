"""An agent whose LLM follows a script, and what that LLM was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage

Call = tuple[str, dict[str, Any]]
"""A tool and its arguments."""


def rendered(messages: Sequence[ChatMessage]) -> str:
    """A request as the provider reads it."""
    return "\n".join(f"<{message.role.value}> {message.content}" for message in messages)


class ScriptedAgent:
    """Makes these calls of tools in each turn, one after the other, and says `Done.`; `sent` holds each request."""

    def __init__(self, tools: Sequence[Any], *calls: Call, **settings: Any) -> None:
        mock = pytest.importorskip("llama_index.core.llms.mock")
        if not hasattr(mock, "MockFunctionCallingLLM"):
            pytest.skip("this llama-index-core has no MockFunctionCallingLLM")
        self._calls, self.sent = calls, list[list[ChatMessage]]()
        llm = mock.MockFunctionCallingLLM(response_generator=self._reply)
        self.agent = FunctionAgent(tools=list(tools), llm=llm, streaming=False, **settings)

    def _reply(self, messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
        from llama_index.core.base.llms.types import TextBlock, ToolCallBlock

        self.sent.append(list(messages))
        done = len(self.answers)
        if done == len(self._calls):
            return ChatMessage(role="assistant", blocks=[TextBlock(text="Done.")])
        name, arguments = self._calls[done]
        return ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id=f"call-{done}", tool_name=name, tool_kwargs=arguments)])

    @property
    def answers(self) -> list[str]:
        """What the tools have said in the last turn."""
        messages = self.sent[-1]
        turn = max(number for number, message in enumerate(messages) if message.role == "user")
        return [message.content or "" for message in messages[turn:] if message.role == "tool"]

    @property
    def requests(self) -> list[str]:
        return [rendered(messages) for messages in self.sent]

    async def run(self, question: str, memory: Any = None) -> None:
        await self.agent.run(question, memory=memory)
