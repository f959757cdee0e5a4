"""The memory's benchmark: its arithmetic and its page."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

from attngs import Document, Marker, Memory
from benchmarks.memory.growth import grown
from benchmarks.memory.page import draw, write_page
from benchmarks.memory.recall import NAMESPACE, Case, measure, meetings, plain
from benchmarks.memory.vectors import WAYS, can_run, compare


def test_a_small_case_keeps_what_a_look_at_everything_keeps(tmp_path: Path, default_marker: Marker) -> None:
    documents = [
        Document(text="Ana is allergic to nuts. It rained all day. The bus was late.", id="a"),
        Document(text="Ivo likes milk.", id="b"),
    ]
    case = Case(
        name="beam1", documents=documents, questions=[("q", "What may Ana not eat?", lambda docs, places: float((0, 0, 25) in places))]
    )
    rows = list(measure(case, default_marker, tmp_path, (20,)))
    assert [(row.set, row.budget, row.whole, row.memory) for row in rows] == [("beam", 20, 1.0, 1.0), ("beam", 0, 0.0, 0.0)]
    found = {
        "recall": {"where": "here", "rows": plain(rows)},
        "growth": {
            "where": "here",
            "rows": [
                dict.fromkeys(
                    "tokens file_mb open_s first_s ask_ms ask_worst_ms ask_cold_ms add_ms ask_after_add_ms delete_ms peak_mb".split(), 9
                )
            ]
            * 2,
        },
    }
    assert (
        "| BEAM, messages of which something is kept | 1 | 20 tokens | 1.000 | 1.000 | 1.000 |" in write_page(found, tmp_path).read_text()
    )
    assert [path.name for path in draw(found, tmp_path)] == ["memory.svg"]
    assert draw({}, tmp_path) == []

    path = grown([tmp_path / "beam1.db"], tmp_path / "grown.db", 100)
    with Memory.open(path, namespace=NAMESPACE, marker=default_marker) as memory:
        assert len(memory) == 10
        assert memory.get("3-b").text == "Ivo likes milk."
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
    ((name, query, judged),) = case.questions
    assert (case.name, name, query) == ("qm0", "q1", "Why?")
    assert judged(case.documents, [(0, 0, 4), (0, 3, 5)]) == 0.75


def test_every_way_of_looking_finds_the_nearest() -> None:
    rows = list(compare((500,), 500))
    assert [row["way"] for row in rows] == [name for name in WAYS if can_run(name)]
    assert all(row["recall"] > 0.9 for row in rows)
