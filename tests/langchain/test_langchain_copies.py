"""What several documents say is kept once, and none of them is lost."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document
from test_langchain_agents import compressor_of

HALL = ["The hall was painted in May.", "The cat of the house sleeps there.", "Nobody plays the piano.", "The roof leaks when it rains."]
CHUNKS = [Document(id=str(n), page_content=" ".join(HALL[n : n + 3]), metadata={"source": "hall.txt", "page": n}) for n in range(2)]


@pytest.mark.parametrize("output", ["separate", "merged"])
@pytest.mark.parametrize("target_tokens", [8, 16])
def test_overlapping_chunks_say_it_once_and_no_document_is_lost(output: str, target_tokens: int) -> None:
    compressor = compressor_of("cat", "cat", "roof", target_tokens=target_tokens, output=output)
    found = compressor.compress_documents(CHUNKS, "Where is the cat, and what of the roof?")
    assert " ".join(document.page_content for document in found).count("The cat of the house sleeps there.") == 1
    entries = [document.metadata["attngs"] for document in found]
    others = [other for entry in entries for other in entry.get("also_in", [])]
    shown = [source["id"] for entry in entries for source in entry.get("sources", [])] + [document.id for document in found]
    assert {"0", "1"} <= {*shown, *(other["id"] for other in others)}
    assert others or output == "merged"
    for other in others:
        chunk = CHUNKS[int(other["id"])]
        assert (other["label"], other["metadata"]) == (other["id"], chunk.metadata)
        assert [chunk.page_content[start:end].strip() for start, end in other["spans"]] == ["The cat of the house sleeps there."]


def test_what_is_said_once_names_nobody() -> None:
    [document] = compressor_of("roof", target_tokens=7).compress_documents([CHUNKS[1]], "What of the roof?")
    assert "also_in" not in document.metadata["attngs"]
