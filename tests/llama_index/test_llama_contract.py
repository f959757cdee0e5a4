"""The contract that attngs' compressors in every framework keep."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from llama_index.core.schema import NodeWithScore, TextNode
from llama_nodes import RecordingLLM

from attngs import Document, Marker
from attngs.testing import FakeScorer, check_compressor, count_words
from llama_index_attngs import AttnGSPostprocessor


class Host:
    """LlamaIndex's nodes; their metadata is not shown, since the contract counts texts."""

    def __init__(self, **settings: object) -> None:
        self.settings = settings

    def wrap(self, documents: Sequence[Document]) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=TextNode(text=d.text, id_=d.id, metadata=dict(d.metadata), excluded_llm_metadata_keys=list(d.metadata)), score=0.5
            )
            for d in documents
        ]

    def read(self, item: NodeWithScore) -> Document:
        metadata = {key: value for key, value in item.node.metadata.items() if key != "attngs"}
        return Document(text=item.node.get_content(), id=item.node.node_id, metadata=metadata)

    def compress(self, items: Sequence[NodeWithScore], query: str, target_tokens: int) -> list[NodeWithScore]:
        return self._post(target_tokens).postprocess_nodes(list(items), query_str=query)

    async def acompress(self, items: Sequence[NodeWithScore], query: str, target_tokens: int) -> list[NodeWithScore]:
        return await self._post(target_tokens).apostprocess_nodes(list(items), query_str=query)

    def _post(self, target_tokens: int) -> AttnGSPostprocessor:
        return AttnGSPostprocessor(target_tokens=target_tokens, counter=count_words, **self.settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("marker", [Marker(FakeScorer("key", "Lisbon", "table")), "default"], ids=["fake", "embedded"])
def test_extract(marker: Marker | str) -> None:
    check_compressor(Host(marker=marker), counter=count_words)


def test_rewrite() -> None:
    llm = RecordingLLM("The key to the shed hangs behind the door.")
    check_compressor(Host(marker=Marker(FakeScorer("key", "Lisbon")), mode="rewrite", chat=llm), counter=count_words, verbatim=False)
    assert llm.sent
