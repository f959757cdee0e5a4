"""Nodes, and an LLM that remembers what it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llama_index.core.llms import ChatMessage, ChatResponse, CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.schema import NodeRelationship, NodeWithScore, RelatedNodeInfo, TextNode
from pydantic import PrivateAttr

QUESTION = "Which pills does she take?"
KITCHEN = "The kitchen needs paint. Her pills are blue. They cost 12 euros. The window is open."
GARDEN = "It rained all week. The hedge grew. She takes the pills at nine. The shed is locked."
PARIS = "Paris was sunny. The museum was closed. We ate well."


class RecordingLLM(CustomLLM):
    """Answers each call with `reply`, a text or a function of the messages; `sent` holds what came."""

    _reply: Any = PrivateAttr()
    _sent: list[list[ChatMessage]] = PrivateAttr(default_factory=list)

    def __init__(self, reply: Any = "An answer.") -> None:
        super().__init__()
        self._reply = reply

    @property
    def sent(self) -> list[list[ChatMessage]]:
        return self._sent

    @property
    def prompts(self) -> list[str]:
        return ["\n".join(message.content or "" for message in messages) for messages in self._sent]

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=8192, num_output=256, is_chat_model=True)

    def _answer(self, messages: list[ChatMessage]) -> str:
        self._sent.append(messages)
        if isinstance(self._reply, Exception):
            raise self._reply
        return str(self._reply(messages) if callable(self._reply) else self._reply)

    def chat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content=self._answer(list(messages))))

    async def achat(self, messages: Any, **kwargs: Any) -> ChatResponse:
        return self.chat(messages)

    def stream_chat(self, messages: Any, **kwargs: Any) -> Any:
        def chunks() -> Iterator[ChatResponse]:
            text = self._answer(list(messages))
            for end in range(1, len(text) + 1):
                yield ChatResponse(message=ChatMessage(role="assistant", content=text[:end]), delta=text[end - 1])

        return chunks()

    async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
        async def chunks() -> Any:
            for chunk in self.stream_chat(messages):
                yield chunk

        return chunks()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self._answer([ChatMessage(role="user", content=prompt)]))

    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        yield CompletionResponse(text=self._answer([ChatMessage(role="user", content=prompt)]), delta="")


def node(text: str, name: str, score: float | None = 0.5, **settings: Any) -> NodeWithScore:
    """A chunk as a retriever returns it, cut from the document `doc-<name>`."""
    settings = {
        "relationships": {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc-{name}")},
        "start_char_idx": 0,
        "end_char_idx": len(text),
        **settings,
    }
    return NodeWithScore(node=TextNode(text=text, id_=name, **settings), score=score)


def three_nodes() -> list[NodeWithScore]:
    return [node(KITCHEN, "kitchen", 0.9), node(GARDEN, "garden", 0.8), node(PARIS, "paris", None)]
