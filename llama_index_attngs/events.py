"""What tracing sees of a compression: numbers, never text."""

from __future__ import annotations

from llama_index.core.instrumentation.events.base import BaseEvent


class CompressionStartEvent(BaseEvent):
    """Nodes are about to be compressed."""

    nodes: int
    target_tokens: int
    mode: str
    output: str

    @classmethod
    def class_name(cls) -> str:
        return "CompressionStartEvent"


class CompressionEndEvent(BaseEvent):
    """Nodes have been compressed."""

    nodes: int
    original_tokens: int
    """Of the texts as they came, without their metadata."""
    compressed_tokens: int
    """Of what the reader will be shown: texts, the metadata that is shown with them, and joins."""
    method: str
    reason: str | None
    """Why something that was asked for is not there."""
    input_tokens: int | None
    """Read by the LLM, in its own tokens, where there was one and it said so."""
    output_tokens: int | None
    milliseconds: float

    @classmethod
    def class_name(cls) -> str:
        return "CompressionEndEvent"
