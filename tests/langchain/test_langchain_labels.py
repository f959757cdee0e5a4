"""A retrieved document can be asked for by what LangChain knows of it: its id, source, title and date."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from langchain_attngs import AttnGSCompressor, AttnGSRetriever

SAID = [
    "The pump was oiled. Members may borrow nine bikes at a time. The yard is swept daily.",
    "The gate was left open. Members may borrow four bikes at a time. Someone lost a glove.",
    "The shed got a new lock. Members may borrow seven bikes at a time. The kettle broke.",
    "The sign was painted. Members may borrow two bikes at a time. The radio was loud.",
]


def documents(*told: dict[str, Any]) -> list[Document]:
    """A document for each: what is told of it, `id` aside, is its metadata."""
    return [
        Document(id=fields.get("id"), page_content=text, metadata={name: value for name, value in fields.items() if name != "id"})
        for text, fields in zip(SAID, told, strict=True)
    ]


NAMED = {
    "id": [{"id": f"bylaw-{number}"} for number in range(31, 35)],
    "source": [{"source": f"/srv/club/{name}.pdf", "page": 3} for name in ("statutes", "charter", "minutes", "leaflet")],
    "title": [{"title": name} for name in ("Statutes", "Charter", "Minutes", "Leaflet")],
    "filename": [{"filename": f"{name}.docx", "filetype": "docx"} for name in ("statutes", "charter", "minutes", "leaflet")],
    "subject": [{"subject": name} for name in ("Re: statutes", "Re: charter", "Re: minutes", "Re: leaflet")],
    "url": [{"url": f"https://club.example/{name}.html"} for name in ("statutes", "charter", "minutes", "leaflet")],
}
ASKED = {
    "id": "How many bikes may members borrow by bylaw-33?",
    "source": "According to minutes.pdf, how many bikes may members borrow?",
}


@pytest.mark.parametrize("field", NAMED)
def test_a_question_names_the_document(field: str) -> None:
    given = documents(*NAMED[field])
    before = copy.deepcopy(given)
    question = ASKED.get(field, "What do the minutes say about how many bikes members may borrow?")
    compressor = AttnGSCompressor(target_tokens=14)
    [found] = compressor.compress_documents(given, question)
    assert "seven bikes" in found.page_content
    assert (found.id, given) == (before[2].id, before)
    retriever = AttnGSRetriever(retriever=RunnableLambda(lambda query: given), compressor=compressor)
    assert retriever.invoke(question) == [found]


@pytest.mark.parametrize(
    "days",
    [
        [{"created_at": f"2024-0{month}-12T08:00:00Z"} for month in range(3, 7)],
        [{"date": date(2024, month, 12)} for month in range(3, 7)],
        [{"last_modified": datetime(2024, month, 12, tzinfo=UTC)} for month in range(3, 7)],
        [{"creationdate": f"2024-0{month}-12T08:00:00+02:00", "source": "all.pdf"} for month in range(3, 7)],
        [{"published": f"2024-0{month}-12"} for month in range(3, 7)],
        [{"timestamp": datetime(2024, month, 12, tzinfo=UTC).timestamp()} for month in range(3, 7)],
    ],
)
def test_a_question_names_the_day(days: list[dict[str, Any]]) -> None:
    found = AttnGSCompressor(target_tokens=14).compress_documents(documents(*days), "How many bikes could members borrow on 2024-05-12?")
    assert ["seven bikes" in document.page_content for document in found] == [True]


def test_a_merged_document_has_ids_as_labels_and_numbers_where_they_are_long_or_missing() -> None:
    given = documents({"id": "3"}, {"id": "f3b4c2de-0b7a-4f64-9d0c-5f3c8a1b2c3d"}, {}, {"id": "leaflet"})
    [merged] = AttnGSCompressor(target_tokens=60, output="merged").compress_documents(given, "How many bikes may members borrow?")
    entry = merged.metadata["attngs"]
    labels = {source["label"]: source["id"] for source in entry["sources"]}
    assert labels == {"3": "3", "2": given[1].id, "#3": None, "leaflet": "leaflet"}
    assert [line for line in merged.page_content.splitlines() if line.startswith("[")] == [f"[{label}]" for label in labels]


@pytest.mark.parametrize("output", ["separate", "merged"])
def test_of_two_dated_notes_the_later_one_is_named(output: str) -> None:
    notes = [
        Document(id="may", page_content="Ana lives in Porto.", metadata={"date": "2024-05-02"}),
        Document(id="june", page_content="Ana moved to Lyon.", metadata={"date": "2024-06-20"}),
        *(Document(id=f"x{number}", page_content=text, metadata={"date": "2024-04-01"}) for number, text in enumerate(SAID)),
    ]
    found = AttnGSCompressor(target_tokens=40, output=output).compress_documents(notes, "Where does Ana live?")
    entries = [document.metadata["attngs"] for document in found]
    [superseded] = [each for entry in entries for each in entry.get("superseded_by", [])]
    assert superseded == {"span": [0, 19], "label": "june", "id": "june", "by": [0, 18]}


def test_an_earlier_entry_of_ours_is_no_label() -> None:
    compressor = AttnGSCompressor(target_tokens=30)
    once = compressor.compress_documents(documents({}, {}, {}, {}), "How many bikes may members borrow?")
    twice = AttnGSCompressor(target_tokens=10).compress_documents(once, "How many bikes may members borrow?")
    assert twice[0].metadata["attngs"]["previous"]["method"] == "extract"
