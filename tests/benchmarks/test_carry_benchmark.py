"""The leave-one-set-out benchmark: its forms are the marker's own score, and its arithmetic leaves the set out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from attngs import Document, Marker
from benchmarks.carry.constants import CONSTANTS, NOW, forms
from benchmarks.carry.measure import CHEAP, OURS, held_out, measure_set
from benchmarks.carry.page import tables, write_page
from benchmarks.carry.sets import SETS, apart
from benchmarks.carry.terms import Reader
from benchmarks.evidence.data import Row

NOTES = Document(
    id="2026-03-18",
    text="Ana moved to Porto. The flat has a stove. Rain fell all day. Ben came by. He fixed the tap. It cost 40 euros. "
    "The landlord is called Rui. He lives in Braga. Ana paid the deposit. The cat hid.",
)
CHAT = Document(
    id="chat", text="Ana: who mends the mast?\nOlaf: it is rotten\nTarek: in June, for 90\nAna: good\nOlaf: press 2 is broken\n"
)
ITEMS = tuple(Document(text=text, id=f"document-{n}") for n, text in enumerate(("Ana likes tea.", "安娜住在波尔图。", "Ben has a dog."), 1))


@pytest.fixture(scope="module")
def marker() -> Marker:
    return Marker.default()


@pytest.mark.parametrize(
    ("documents", "query"),
    [
        ((NOTES, CHAT), "Who is the landlord?"),
        ((NOTES, CHAT), "What happened on 2026-03-18?"),
        ((CHAT,), "What did Tarek say about the mast?"),
        ((CHAT, NOTES), "What is wrong with press 2?"),
        (ITEMS, "What does Ana drink?"),
        (ITEMS, "安娜住在哪里？"),
    ],
)
def test_the_shipped_form_scores_as_the_marker_does(marker: Marker, documents: tuple[Document, ...], query: str) -> None:
    terms = Reader(marker).read(Row(query=query, documents=documents, cluster=""))
    found = NOW(terms)
    assert list(found) == pytest.approx(marker.mark(documents, query).scores, abs=1e-6)


def test_a_set_is_measured_by_all_forms(marker: Marker) -> None:
    start = NOTES.text.index("The landlord")
    row = Row(query="Who is the landlord?", documents=(NOTES,), evidence=((0, start, start + 26),), cluster="a")
    found = measure_set(Reader(marker), [row, row])
    assert found["rows"] == 2
    assert set(found["means"]) == {OURS, *CHEAP, *(f"{name}: {value}" for name, value, _ in forms())}
    assert all(0 <= share <= 1 for means in found["means"].values() for share in means)


def test_the_first_value_of_every_constant_is_the_shipped_one() -> None:
    assert all(next(iter(constant.values.values())) == NOW for constant in CONSTANTS)


def test_sentences_apart_keep_their_evidence() -> None:
    start = NOTES.text.index("It cost")
    (row,) = apart([Row(query="How much?", documents=(NOTES, CHAT), evidence=((0, start, start + 17), (1, 0, 24)), cluster="")])
    assert [row.documents[number].text[begin:end] for number, begin, end in row.evidence] == [
        "It cost 40 euros.",
        "Ana: who mends the mast?",
    ]
    assert len(row.documents) == 15


def test_a_value_is_chosen_without_the_fold_that_it_is_measured_on() -> None:
    """Only `users` gains without the second hop, and it would choose so for the others alone."""
    found = results({"users": 0.9, "maren": 0.3, "madial": 0.3}, "second hop: 0.0")
    table = held_out(found)["second hop"]
    assert table["chosen"] == {"users": "0.4", "maren": "0.0", "madial": "0.0"}
    assert table["held_out"] == pytest.approx((0.5 + 0.3 + 0.3) / 3, abs=1e-4)
    assert table["values"]["0.0"] == pytest.approx((0.9 + 0.3 + 0.3) / 3, abs=1e-4)


def test_a_page_is_made_of_results(tmp_path: Path) -> None:
    found = results({"users": 0.9, "maren": 0.1}, "heads: without")
    assert "second hop" in write_page(found, tmp_path).read_text(encoding="utf-8")
    lead, constants = tables(found)
    assert [row[0] for row in lead.rows] == ["example users", "Maren"]
    assert ("", "without", "0.5000", "users +0.400, maren -0.400", "maren") in constants.rows


def test_every_answer_of_memorybank_names_a_line() -> None:
    path = Path(__file__).parents[2] / "benchmarks/carry/memorybank.json"
    labels: dict[str, list[list[int]]] = json.loads(path.read_text(encoding="utf-8"))
    assert len(labels) == 72
    assert all(places and all(0 <= day < 10 and line >= 0 for day, line in places) for places in labels.values())


def test_sets_of_one_person_are_left_out_together() -> None:
    assert SETS["users"].fold == SETS["users_apart"].fold
    assert SETS["memory_en"].fold == SETS["memory_hop"].fold == SETS["memory_chat"].fold


def results(kept: Mapping[str, float], key: str) -> dict[str, Any]:
    """Half of the evidence by every form but one."""
    means = {OURS: [0.5, 0.5], **{name: [0.4, 0.4] for name in CHEAP}, **{f"{name}: {value}": [0.5, 0.5] for name, value, _ in forms()}}
    machine = {"date": "2026-11-30", "code": "abc", "cpu": "a CPU"}
    return {
        name: {
            "rows": 2,
            "means": {**means, key: [share, share]},
            "best": ["BM25", "BM25"],
            "lead": [[0.1, 0.0, 0.2], [0.1, 0.0, 0.2]],
            "machine": machine,
        }
        for name, share in kept.items()
    }
