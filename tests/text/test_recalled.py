"""What memory layers return is taken as it comes: ids, times and scores stay."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore
from pydantic import BaseModel

from attngs import ContextCompressor, Document, Marker
from attngs.errors import InputError
from attngs.testing import FakeScorer, count_words
from attngs.text.documents import as_documents
from examples.recorded import as_objects, recorded

ExtractedMemory = namedtuple("ExtractedMemory", ["id", "content"])
"""As LangMem's."""


class Memory(BaseModel):
    """As LangMem's."""

    content: str


def compressed(answer: Any, question: str, tokens: int, marker: Marker) -> Any:
    return ContextCompressor(marker).compress(answer, question, target_tokens=tokens)


def test_mem0() -> None:
    answer = recorded("mem0")
    documents = as_documents(answer)
    assert [(document.id, document.text) for document in documents] == [(item["id"], item["memory"]) for item in answer["results"]]
    first = answer["results"][0]
    assert documents[0].metadata == {name: first[name] for name in ("hash", "score", "created_at", "user_id")}
    assert as_documents(answer["results"]) == documents


def test_mem0_with_a_graph() -> None:
    documents = as_documents(recorded("mem0_graph"))
    assert [document.text for document in documents[4:]] == ["ana allergic to hazelnuts.", "ana lives in porto.", "ana owns milo."]
    assert [document.id for document in documents[4:]] == ["document-5", "document-6", "document-7"]
    assert documents[0].metadata["category"] == "life"


@pytest.mark.parametrize("shaped", [lambda answer: answer, as_objects])
def test_zep(shaped: Any) -> None:
    answer = recorded("zep")
    documents = as_documents(shaped(answer))
    items = [*answer["edges"], *answer["episodes"], *answer["nodes"]]
    assert [document.id for document in documents] == [item["uuid"] for item in items]
    assert documents[0].text == "Ana lives in Lisbon (until 2026-05-02)."
    assert documents[0].metadata["valid_at"] == "2025-11-18T00:00:00Z"
    assert documents[1].text == "Ana has her home in Porto."
    assert documents[-2].text.startswith("Ana: I have the keys!")
    assert documents[-1].text == "Milo: Ana's cat, who is afraid of stairs."


@pytest.mark.parametrize("shaped", [lambda answer: answer, as_objects])
def test_graphiti_and_hindsight(shaped: Any) -> None:
    edges, facts = as_documents(shaped(recorded("graphiti"))), as_documents(shaped(recorded("hindsight")))
    assert [document.id for document in edges] == [edge["uuid"] for edge in recorded("graphiti")]
    assert edges[0].text == "Ana works at the harbour clinic (until 2026-04-01)."
    assert as_documents(as_objects(recorded("graphiti")[0])) == edges[:1], "one object, which is iterable, is one document"
    assert [document.id for document in facts] == [fact["id"] for fact in recorded("hindsight")["results"]]
    assert facts[1].metadata["occurred_start"] == "2026-05-02T00:00:00Z"
    assert facts[0].metadata["app"] == "kitchen"


def test_langmem() -> None:
    store = InMemoryStore()
    store.put(("memories", "ana"), "k1", {"kind": "Memory", "content": {"content": "Ana may eat no nuts."}})
    store.put(("memories", "ana"), "k2", {"kind": "Memory", "content": {"content": "Her cat is Milo."}})
    documents = as_documents(store.search(("memories", "ana")))
    assert {(document.id, document.text) for document in documents} == {("k1", "Ana may eat no nuts."), ("k2", "Her cat is Milo.")}
    assert "created_at" in documents[0].metadata
    extracted = [ExtractedMemory("m1", Memory(content="Ana may eat no nuts.")), ExtractedMemory("m2", Memory(content="Her cat is Milo."))]
    assert [(document.id, document.text) for document in as_documents(extracted)] == [
        ("m1", "Ana may eat no nuts."),
        ("m2", "Her cat is Milo."),
    ]
    assert as_documents(extracted[0])[0].id == "m1"


def test_pairs_of_a_document_and_a_score() -> None:
    documents = as_documents([(Document(text="Tea.", id="t", metadata={"page": 1}), 0.5), ("Cake.", 1)])
    assert [(document.id, document.text, document.metadata) for document in documents] == [
        ("t", "Tea.", {"page": 1, "score": 0.5}),
        ("document-2", "Cake.", {"score": 1.0}),
    ]


@pytest.mark.parametrize("answer", [{"results": []}, {"edges": [], "episodes": []}, []])
def test_nothing_found_is_no_document(answer: Any) -> None:
    assert as_documents(answer) == ()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"answer": 42}, r"`documents\[0\]` is an object with the fields `answer`, and none of them is known to hold a text"),
        ({"results": [{"id": "a"}]}, r"`documents\[0\]` is an object with the fields `id`"),
        ({"results": [{"memory": None}]}, r"`documents\[0\]`: `memory` must be a string, got null"),
        ({"results": [[1]]}, r"`documents\[0\]` must be a str or an `attngs.Document`, got list"),
        ([{"id": 3.5, "memory": "Tea."}], r"`documents\[0\]`: `id` must be a string or a whole number, got float"),
        ([(3, 0.5)], r"`documents\[0\]` must be a str or an `attngs.Document`, got tuple"),
    ],
)
def test_an_answer_that_cannot_be_read_says_why(answer: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        as_documents(answer)


def test_nothing_of_the_answer_is_changed() -> None:
    answer = recorded("zep")
    as_documents(answer)
    assert answer == recorded("zep")


def test_ids_and_times_are_in_the_sources(default_marker: Marker) -> None:
    result = compressed(recorded("mem0"), "What may she not eat?", 16, default_marker)
    assert "hazelnuts" in result.text
    first = recorded("mem0")["results"][0]
    assert (result.sources[0].document_id, result.sources[0].metadata["created_at"]) == (first["id"], first["created_at"])


def test_two_hundred_facts_become_a_thousand_tokens() -> None:
    """What mem0 sends for a question, some 7,000 tokens, in the budget that was asked for."""
    fact = recorded("mem0")["results"][0]
    facts = [{**fact, "id": f"m{n}", "memory": f"Fact {n} tells that the cat of Ana's neighbour {n} " + "sleeps " * 24} for n in range(200)]
    compressor = ContextCompressor(Marker(FakeScorer("cat")), counter=count_words)
    result = compressor.compress({"results": facts}, "Where does the cat sleep?", target_tokens=1_000)
    assert result.original_tokens > 6_000
    assert 900 < result.compressed_tokens <= 1_000
    assert {source.document_id for source in result.sources} <= {fact["id"] for fact in facts}
    assert all(source.metadata["created_at"] == fact["created_at"] for source in result.sources)


@pytest.mark.parametrize(
    ("name", "question", "now", "tokens"),
    [("zep", "Where does Ana live?", "Porto", 60), ("graphiti", "Where does Ana work?", "children's hospital", 40)],
)
def test_a_fact_that_began_when_another_ended_comes_first(name: str, question: str, now: str, tokens: int, default_marker: Marker) -> None:
    small = compressed(recorded(name), question, 14, default_marker)
    assert now in small.text
    large = compressed(recorded(name), question, tokens, default_marker)
    old = next(source for source in large.kept if "until" in source.text)
    assert old.superseded_by is not None
    assert old.superseded_by.document_id != old.document_id
