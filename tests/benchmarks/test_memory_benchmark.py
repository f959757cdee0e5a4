"""The memory's benchmark: its arithmetic and its page."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from attngs import Document, Marker, Memory
from attngs.types import Marking, Sentence, Span
from benchmarks.beam.data import FILE
from benchmarks.memory import forest, recall
from benchmarks.memory.growth import grown
from benchmarks.memory.page import GROWTH, draw, write_page
from benchmarks.memory.recall import NAMESPACE, Asked, Case, measure, meetings, plain
from benchmarks.memory.vectors import WAYS, can_run, compare


def test_a_small_case_keeps_what_a_look_at_everything_keeps(tmp_path: Path, default_marker: Marker) -> None:
    documents = [
        Document(text="Ana is allergic to nuts. It rained all day. The bus was late.", id="a"),
        Document(text="Ivo likes milk.", id="b"),
    ]
    asked = Asked(id="q", kind="", text="What may Ana not eat?", judged=lambda places: float((0, 0, 25) in places))
    case = Case(name="beam1", documents=documents, questions=[asked])
    rows = list(measure(case, default_marker, tmp_path, (20,)))
    assert [(row.set, row.budget, row.whole, row.memory) for row in rows] == [("beam", 20, 1.0, 1.0), ("beam", 0, 0.0, 0.0)]
    found = {
        "recall": {"where": "here", "rows": plain(rows)},
        "growth": {
            "where": "here",
            "rows": [dict.fromkeys(GROWTH, 9)] * 2,
        },
    }
    assert (
        "| BEAM, messages of which something is kept | 1 | 20 tokens | 1.000 | 1.000 | 1.000 |" in write_page(found, tmp_path).read_text()
    )
    assert [path.name for path in draw(found, tmp_path)] == ["memory.svg"]
    assert draw({}, tmp_path) == []

    path = grown([tmp_path / "beam1.db"], tmp_path / "grown.db", 100)
    with Memory.open(path, namespace=NAMESPACE, marker=default_marker) as memory:
        assert memory.get("3-b").text == "Ivo likes milk."
        sizes = [memory.counter.count([document.text])[0] for document in memory.documents()]
        assert sum(sizes) >= 100 > sum(sizes[:-1])
        assert "nuts" in memory.ask("What may Ana not eat?", target_tokens=20).text


def test_evidence_of_meetings_counts_by_character(tmp_path: Path) -> None:
    row = {
        "id": "q1",
        "query": "Why?",
        "documents": [{"id": "m", "text": "abcdefghij", "metadata": {}}],
        "evidence": [{"doc_id": "m", "start": 2, "end": 6}],
    }
    with lzma.open(tmp_path / "qmsum_val.jsonl.xz", "wt") as file:
        file.write(json.dumps(row) + "\n")
    (case,) = meetings(tmp_path, 3)
    (asked,) = case.questions
    assert (case.name, asked.id, asked.text) == ("qm0", "q1", "Why?")
    assert asked.judged([(0, 0, 4), (0, 3, 5)]) == 0.75


def test_a_forest_goes_down_and_up() -> None:
    document, other = Document(text="Food. Nuts. Milk. Bus."), Document(text="Tea. Rain.")
    head = Span(0, 6)
    units = [
        Sentence(document=document, position=0, start=0, end=6),
        Sentence(document=document, position=0, start=6, end=12, heads=(head,)),
        Sentence(document=document, position=0, start=12, end=18, heads=(head,)),
        Sentence(document=document, position=0, start=18, end=22),
        Sentence(document=other, position=1, start=0, end=5),
        Sentence(document=other, position=1, start=5, end=10),
    ]
    marking = Marking(query="Why?", sentences=tuple(units), scores=(0.0, 9.0, 1.0, 1.0, 2.0, 1.0), marked=(True,) * 6)
    marked = forest.Forest.of(marking, [forest.SMALL + 1, forest.SMALL])
    assert marked.sections[1] == marked.sections[2] != marked.sections[4]
    assert marked.sections[4] == marked.sections[5] != marked.sections[0]
    changed = {name: way(marked) - marked.scores for name, way in forest.WAYS.items()}
    assert not changed["flat"].any()
    below, beside = changed["down from documents, 0.6"][[2, 5]]
    assert below > 0 > beside  # of two units of one score, the one in the better document gains
    assert changed["down from sections, 0.6"][1] == changed["down from sections, 0.6"][2] > changed["down from sections, 0.6"][3]
    assert np.flatnonzero(changed["up to the section"]).tolist() == [2]
    assert np.flatnonzero(changed["whole small documents"]).tolist() == [5]


def test_the_ways_of_a_forest_are_compared_on_each_question(tmp_path: Path, default_marker: Marker) -> None:
    documents = [Document(text="Ana is allergic to nuts. " + "It rained. " * 20, id="a"), Document(text="Ivo likes milk.", id="b")]
    asked = Asked(id="q", kind="event_ordering", text="What may Ana not eat?", judged=lambda places: float((0, 0, 25) in places))
    rows = list(forest.measure_ways(Case(name="beam1", documents=documents, questions=[asked]), default_marker, (12,)))
    assert [row["budget"] for row in rows] == [12, 0]
    assert rows[0]["kept"].keys() == forest.WAYS.keys()
    assert rows[0]["kept"]["flat"] == rows[0]["kept"]["up to the section"] == 1.0
    page = write_page({"forest": {"where": "here", "rows": rows}}, tmp_path).read_text()
    assert "| of these, the order of events | 12 tokens | 1 | 1.000 | +0.000 (+0.000 ... +0.000) |" in page


def test_messages_of_a_chat_are_put_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"chat": "1", "documents": [{"id": str(i), "text": f"Line\n{i}", "metadata": {"role": "user"}} for i in range(3)]},
        {
            "id": "q1",
            "task": "beam/summarization",
            "query": "Why?",
            "documents": "1",
            "meta": {"evidence_messages": ["0", "2"], "original": [], "updated": []},
        },
    ]
    with lzma.open(tmp_path / FILE, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    monkeypatch.setattr(recall, "MESSAGES", 2)
    (case,) = recall.sessions(tmp_path, [1])
    assert [document.text for document in case.documents] == ["User: Line 0\nUser: Line 1\n", "User: Line 2\n"]
    (asked,) = case.questions
    assert asked.judged([(0, 0, 6), (1, 0, 6)]) == 0.0  # the name of the speaker alone
    assert asked.judged([(0, 6, 10), (0, 15, 20)]) == 0.5
    assert asked.judged([(0, 6, 10), (1, 0, 8)]) == 1.0


def test_every_way_of_looking_finds_the_nearest() -> None:
    rows = list(compare((500,), 500))
    assert [row["way"] for row in rows] == [name for name in WAYS if can_run(name)]
    assert all(row["recall"] > 0.9 for row in rows)
