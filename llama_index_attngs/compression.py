"""Nodes and a question -> shorter nodes under one budget."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.events.base import BaseEvent
from llama_index.core.schema import MetadataMode, NodeWithScore

from attngs.compressor import ContextCompressor
from attngs.hosts.apart import JOIN, Apart, Parts
from attngs.hosts.jobs import Job, Steps
from attngs.result.result import CompressedContext
from attngs.selection import ExtractLayout
from llama_index_attngs.chat import LlamaIndexChat
from llama_index_attngs.distinct import DistinctSelector
from llama_index_attngs.nodes import Reading, fuse, place_in_source, read_nodes, shorten
from llama_index_attngs.settings import CompressionSettings


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


Output = Literal["per_node", "fused"]

Outcome = tuple[Parts | CompressedContext, dict[int, NodeWithScore]]
"""What came of it, and by position the texts that are left."""

dispatcher = get_dispatcher(__name__)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCompression:
    """How nodes are compressed."""

    settings: CompressionSettings
    output: Output
    namespace: str

    def steps(self, nodes: Sequence[NodeWithScore], query: str) -> Steps[list[NodeWithScore]]:
        """Compress. Nodes that fit as they are come back as they are, and media always."""
        reading = read_nodes(nodes)
        if not reading.documents or (self.output == "per_node" and self._shown_tokens(nodes) <= self.settings.target_tokens):
            return list(nodes)
        started = time.perf_counter()
        self._begin(nodes)
        result, texts = yield from self._fused(reading, query) if self.output == "fused" else self._per_node(reading, query)
        out = _in_place(reading, texts)
        self._end(result, out, 1e3 * (time.perf_counter() - started))
        return out

    def _per_node(self, reading: Reading, query: str) -> Steps[Outcome]:
        """Those of which something was kept."""
        layout, chat = reading.layout(), self.settings.chat()
        apart = Apart(
            extractor=self._compressor(reading, layout, None),
            writer=self.settings.compressor(chat, self.settings.selector(ExtractLayout())) if chat else None,
            counter=self.settings.found_counter(),
            frames=layout.frames,
        )
        parts = yield from apart.steps(reading.documents, query, target_tokens=self.settings.target_tokens, namespace=self.namespace)
        return parts, {part.position: shorten(reading.texts[part.position], part) for part in parts.parts}

    def _fused(self, reading: Reading, query: str) -> Steps[Outcome]:
        """One node, where the first text was."""
        target_tokens = self.settings.target_tokens
        [result] = yield [
            Job(
                compressor=self._compressor(reading, ExtractLayout(), self.settings.chat()),
                documents=reading.documents,
                query=query,
                target_tokens=target_tokens,
                namespace=self.namespace,
            )
        ]
        return result, {0: fuse(reading, result, settings=(self.settings.mode, target_tokens))} if result.text else {}

    def _compressor(self, reading: Reading, layout: ExtractLayout, chat: LlamaIndexChat | None) -> ContextCompressor:
        places = [place_in_source(scored.node) for scored in reading.texts]
        return self.settings.compressor(chat, DistinctSelector(chosen_by=self.settings.selector(layout), places=places))

    def _shown_tokens(self, nodes: Sequence[NodeWithScore]) -> int:
        """Tokens of the nodes as the reader will be shown them."""
        shown = [scored.node.get_content(metadata_mode=MetadataMode.LLM).strip() for scored in nodes]
        return self.settings.found_counter().count([JOIN.join(filter(None, shown))])[0]

    def _begin(self, nodes: Sequence[NodeWithScore]) -> None:
        settings = self.settings
        dispatcher.event(
            CompressionStartEvent(nodes=len(nodes), target_tokens=settings.target_tokens, mode=settings.mode, output=self.output)
        )

    def _end(self, result: Parts | CompressedContext, out: Sequence[NodeWithScore], milliseconds: float) -> None:
        tokens = self._shown_tokens(out)
        logger.info("kept %d tokens of %d, budget %d", tokens, result.original_tokens, self.settings.target_tokens)
        if result.reason:
            logger.debug("not as asked: %s", result.reason)  # may quote what the LLM's client says of a prompt
        dispatcher.event(
            CompressionEndEvent(
                nodes=len(out),
                original_tokens=result.original_tokens,
                compressed_tokens=tokens,
                method=result.method,
                reason=result.reason,
                input_tokens=result.usage.input_tokens if result.usage else None,
                output_tokens=result.usage.output_tokens if result.usage else None,
                milliseconds=milliseconds,
            )
        )


def _in_place(reading: Reading, texts: dict[int, NodeWithScore]) -> list[NodeWithScore]:
    """Texts where they were, between the nodes that were left alone."""
    places = {number: place for place, number in enumerate(reading.numbers)}
    out = list[NodeWithScore]()
    for number, scored in enumerate(reading.nodes):
        if number not in places:
            out.append(scored)
        elif places[number] in texts:
            out.append(texts[places[number]])
    return out
