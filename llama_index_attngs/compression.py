"""Nodes and a question -> shorter nodes under one budget."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal

from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.schema import MetadataMode, NodeWithScore

from attngs.result import CompressedContext
from attngs.selection import ExtractLayout
from attngs.types import Source
from llama_index_attngs.chat import LlamaIndexChat
from llama_index_attngs.distinct import DistinctSelector
from llama_index_attngs.events import CompressionEndEvent, CompressionStartEvent
from llama_index_attngs.provenance import fuse, shorten
from llama_index_attngs.reading import JOIN, Reading, place_in_source, read_nodes
from llama_index_attngs.settings import CompressionSettings
from llama_index_attngs.steps import Job, Steps

Output = Literal["per_node", "fused"]

dispatcher = get_dispatcher(__name__)
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCompression:
    """How nodes are compressed."""

    settings: CompressionSettings
    output: Output
    namespace: str

    def steps(self, nodes: Sequence[NodeWithScore], query: str) -> Steps[list[NodeWithScore]]:
        """Compress; nodes that fit as they are, and media, come back as they are."""
        started = time.perf_counter()
        reading, target = read_nodes(nodes), self.settings.target_tokens
        if not reading.documents or (self.output == "per_node" and self._size(reading.nodes) <= target):
            return list(nodes)
        mode = self.settings.mode
        dispatcher.event(CompressionStartEvent(nodes=len(nodes), target_tokens=target, mode=mode, output=self.output))
        if self.output == "fused":
            [result] = yield [self._job(reading, query, self.settings.chat(), ExtractLayout())]
            texts = {0: fuse(reading, result, settings=(mode, target))} if result.text else {}
        else:
            layout = reading.layout()
            [result] = yield [self._job(reading, query, None, layout)]
            texts = _extracts(reading, result, layout)
            if mode == "rewrite":
                texts = yield from self._rewrites(reading, texts, query)
        out = _in_place(reading, texts)
        self._report(result, out, started)
        return out

    def _rewrites(self, reading: Reading, texts: dict[int, NodeWithScore], query: str) -> Steps[dict[int, NodeWithScore]]:
        """Each node written anew, in as many tokens as its extract has: so the question shares the budget out among the nodes."""
        counts = self.settings.found_counter().count([_text(scored) for scored in texts.values()])
        compressor = self.settings.compressor(self.settings.chat(), self.settings.selector(ExtractLayout()))
        results = yield [
            Job(
                compressor=compressor,
                documents=[reading.documents[place]],
                query=query,
                target_tokens=max(1, count),
                namespace=self.namespace,
            )
            for place, count in zip(texts, counts, strict=True)
        ]
        written = dict(texts)
        for place, result in zip(texts, results, strict=True):
            if result.method == "rewrite":
                written[place] = shorten(reading.texts[place], result.text, result.sources, method="rewrite")
        for place in sorted(written, key=lambda place: -len(_text(written[place]))):
            if self._size(list(written.values())) <= self.settings.target_tokens:
                break
            written[place] = texts[place]  # token counts do not quite add up; the extracts fit together
        return written

    def _job(self, reading: Reading, query: str, chat: LlamaIndexChat | None, layout: ExtractLayout) -> Job:
        places = [place_in_source(scored.node) for scored in reading.texts]
        selector = DistinctSelector(chosen_by=self.settings.selector(layout), places=places)
        return Job(
            compressor=self.settings.compressor(chat, selector),
            documents=reading.documents,
            query=query,
            target_tokens=self.settings.target_tokens,
            namespace=self.namespace,
        )

    def _size(self, nodes: Sequence[NodeWithScore]) -> int:
        """Tokens of the nodes as the reader will be shown them."""
        shown = [scored.node.get_content(metadata_mode=MetadataMode.LLM).strip() for scored in nodes]
        return self.settings.found_counter().count([JOIN.join(filter(None, shown))])[0]

    def _report(self, result: CompressedContext, out: Sequence[NodeWithScore], started: float) -> None:
        tokens = self._size(out)
        if result.reason:
            logger.info("attngs kept %d tokens of %d: %s", tokens, result.original_tokens, result.reason)
        dispatcher.event(
            CompressionEndEvent(
                nodes=len(out),
                original_tokens=result.original_tokens,
                compressed_tokens=tokens,
                method=result.method if self.output == "fused" else self.settings.mode,
                reason=result.reason,
                milliseconds=1e3 * (time.perf_counter() - started),
            )
        )


def _text(scored: NodeWithScore) -> str:
    return scored.node.get_content(metadata_mode=MetadataMode.NONE)


def _extracts(reading: Reading, result: CompressedContext, layout: ExtractLayout) -> dict[int, NodeWithScore]:
    """By position: the nodes of which something was kept, with no more than that."""
    found = dict[int, NodeWithScore]()
    for place, members in groupby(result.kept, key=lambda source: source.position):
        sources = list(members)
        found[place] = shorten(reading.texts[place], _joined(sources, layout.gap), sources, method="extract")
    return found


def _joined(sources: Sequence[Source], gap: str) -> str:
    """The kept sentences of one text; neighbours keep the white space between them."""
    text = sources[0].text
    for before, after in pairwise(sources):
        text = text + after.text if before.end == after.start else text.rstrip() + gap + after.text.lstrip()
    return text.strip()


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
