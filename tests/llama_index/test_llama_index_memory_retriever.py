"""`AttnGSMemoryRetriever` in LlamaIndex: a memory on disk as nodes, under a hard budget."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import MetadataMode

from attngs import Document, Marker, Memory, Splitter
from attngs.errors import ConfigError, InputError
from attngs.testing import FakeScorer, count_words
from llama_index_attngs import AttnGSMemoryRetriever, AttnGSPostprocessor

MARKER = Marker(FakeScorer("cat", "nuts"), splitter=Splitter(unit="sentence"))


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    memory = Memory.open(tmp_path / "m.db", namespace="ana", marker=MARKER, counter=count_words)
    memory.add(
        [
            Document(id="cat", text="The cat is Milo. It rained all day.", metadata={"date": "2026-03-14"}),
            Document(id="nuts", text="She may eat no nuts. The bus was late."),
        ]
    )
    return memory


def postprocessor_of(target_tokens: int = 8) -> AttnGSPostprocessor:
    return AttnGSPostprocessor(marker=MARKER, counter=count_words, target_tokens=target_tokens)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_nodes_have_the_ids_and_metadata_of_the_memory(memory: Memory, how: str) -> None:
    retriever = AttnGSMemoryRetriever(memory, postprocessor_of())
    found = retriever.retrieve("Who is the cat?") if how == "sync" else await retriever.aretrieve("Who is the cat?")
    assert [each.node.node_id for each in found] == ["cat"]
    assert found[0].node.get_content() == "The cat is Milo."
    assert found[0].node.metadata["date"] == "2026-03-14"
    assert json.loads(found[0].node.metadata["attngs"])["spans"] == [[0, 17]]
    shown = "\n\n".join(each.node.get_content(metadata_mode=MetadataMode.LLM) for each in found)
    assert count_words(shown) <= 8


def test_an_empty_memory_and_an_empty_question(tmp_path: Path, memory: Memory) -> None:
    empty = Memory.open(tmp_path / "e.db", namespace="ana", marker=MARKER, counter=count_words)
    assert AttnGSMemoryRetriever(empty, postprocessor_of()).retrieve("Who is the cat?") == []
    with pytest.raises(InputError):
        AttnGSMemoryRetriever(memory, postprocessor_of()).retrieve(" ")


@pytest.mark.parametrize("arguments", [("m.db", postprocessor_of()), (None, postprocessor_of())])
def test_what_is_no_memory_is_refused(arguments: tuple[Any, Any]) -> None:
    with pytest.raises(ConfigError, match=r"`attngs\.Memory`"):
        AttnGSMemoryRetriever(*arguments)
