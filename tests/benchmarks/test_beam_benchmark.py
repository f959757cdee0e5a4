"""The BEAM benchmark: its judge and its arithmetic are right on a chat that one can check by hand, and it runs from file to page."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from pathlib import Path

import pytest

from attngs.types import Document
from benchmarks.beam.__main__ import main
from benchmarks.beam.data import CONTRADICTION, UPDATE, Question, load_chats
from benchmarks.beam.judge import BOTH, COMPLETE, FRESH, HELD, STALE, TOUCHED, judge
from benchmarks.beam.measure import Row, load_rows, measure, summarise, up_to_date
from benchmarks.beam.methods import BUDGETS, NAMES, choose
from benchmarks.beam.page import write_page
from benchmarks.evidence.methods import OURS, Bench

MESSAGES = ("The wedding is in May.", "Lovely! Shall I write the list?", "Yes. It moved to June.  We are forty.", "Then book soon.")
DOCUMENTS = tuple(Document(id=f"m{i}", text=text) for i, text in enumerate(MESSAGES))
WEDDING = Question(
    id="wedding",
    ability=UPDATE,
    query="When is the wedding?",
    chat=1,
    evidence=frozenset({"m0", "m2"}),
    original=frozenset({"m0"}),
    updated=frozenset({"m2"}),
)
IDLE = Question(id="idle", ability="abstention", query="Who bakes the cake?", chat=1, evidence=frozenset())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines: list[object] = [
        {"chat": number, "documents": [{"id": d.id, "text": d.text, "metadata": {"role": "user"}} for d in DOCUMENTS]} for number in (1, 2)
    ]
    for chat in (1, 2):
        for question in (WEDDING, IDLE):
            meta = {name: sorted(getattr(question, name)) for name in ("original", "updated")}
            lines.append(
                {
                    "id": f"{question.id}-{chat}",
                    "task": f"memory_qa/{question.ability}",
                    "query": question.query,
                    "documents": chat,
                    "meta": {**meta, "evidence_messages": sorted(question.evidence)},
                }
            )
    text = "\n".join(map(json.dumps, lines))
    (tmp_path / "beam_100k_a.jsonl.xz").write_bytes(lzma.compress(text.encode()))
    return tmp_path


def test_a_message_counts_once_something_of_it_is_kept() -> None:
    assert judge(WEDDING, DOCUMENTS, [(0, 0, 22), (1, 0, 7)]) == {TOUCHED: 0.5, HELD: 0.5, COMPLETE: 0, FRESH: 0, STALE: 1}
    assert judge(WEDDING, DOCUMENTS, [(2, 0, 5), (2, 3, 6)]) == {TOUCHED: 0.5, HELD: 0, COMPLETE: 0, FRESH: 1, STALE: 0}
    assert judge(WEDDING, DOCUMENTS, [(0, 0, 22), (2, 0, 22)]) == {TOUCHED: 1, HELD: 1, COMPLETE: 1, FRESH: 1, STALE: 0}


def test_white_space_counts_for_nothing() -> None:
    assert judge(WEDDING, DOCUMENTS, [(2, 22, 24)]) == {TOUCHED: 0, HELD: 0, COMPLETE: 0, FRESH: 0, STALE: 0}


def test_a_contradiction_needs_both_sides() -> None:
    question = replace(WEDDING, ability=CONTRADICTION, original=frozenset(), updated=frozenset())
    assert judge(question, DOCUMENTS, [(0, 0, 22)])[BOTH] == 0
    assert judge(question, DOCUMENTS, [(0, 0, 22), (2, 0, 5)])[BOTH] == 1
    assert FRESH not in judge(question, DOCUMENTS, [])


def test_a_question_without_evidence_is_not_judged() -> None:
    assert judge(IDLE, DOCUMENTS, [(0, 0, 22)]) == {}


def test_chats_are_read_with_their_questions(folder: Path) -> None:
    chats = load_chats(folder)
    assert [chat.number for chat in chats] == [1, 2]
    assert [question.id for question in chats[1].questions] == ["wedding-2", "idle-2"]
    assert chats[0].questions[0] == replace(WEDDING, id="wedding-1")
    assert [document.id for document in chats[0].documents] == ["m0", "m1", "m2", "m3"]
    assert [len(chat.questions) for chat in load_chats(folder / "beam_100k_a.jsonl.xz", numbers=[2], limit=1)] == [1]


def row(question: Question, method: str, touched: float, where: str = "today, commit abc, a machine") -> Row:
    measures = {TOUCHED: touched, HELD: 0.0, COMPLETE: 0.0, FRESH: 0.0, STALE: 0.0} if question.evidence else {}
    each = len(BUDGETS)
    return Row(
        method=method,
        question=f"{question.id}-{question.chat}",
        chat=question.chat,
        ability=question.ability,
        where=where,
        measures={name: [value] * each for name, value in measures.items()},
        tokens=[100] * each,
        ms=[20.0] * each,
    )


def test_means_and_the_lead_by_hand() -> None:
    second = replace(WEDDING, chat=2)
    ours, other = (
        [row(WEDDING, OURS, 1), row(second, OURS, 0.5), row(IDLE, OURS, 0)],
        [row(q, "recency", 0.5) for q in (WEDDING, second, IDLE)],
    )
    summary = summarise([*ours, *other])
    assert summary["questions"] == {"all": 2, UPDATE: 2, "abstention": 1}
    assert summary["methods"][OURS]["512"][TOUCHED]["all"] == [0.75, 0.5, 1]
    assert summary["lead"]["recency"]["512"][TOUCHED]["all"][0] == 0.25
    assert summary["abstention_tokens"]["recency"]["4096"] == 100
    assert summary["warm_ms"][OURS] == 20


def test_a_question_counts_once_every_method_has_it() -> None:
    summary = summarise([row(WEDDING, OURS, 1), row(replace(WEDDING, chat=2), OURS, 0), row(WEDDING, "recency", 0)])
    assert summary["questions"]["all"] == 1
    assert summary["methods"][OURS]["512"][TOUCHED]["all"][0] == 1


def test_rows_of_another_commit_are_measured_again_but_for_a_rival() -> None:
    rows = [row(WEDDING, OURS, 1), row(IDLE, OURS, 0, "today, commit abcd, a machine")]
    assert up_to_date(rows, {"code": "abc"}) == {rows[0].key}
    assert not up_to_date(rows, {"code": "abc-changed"})
    assert up_to_date([row(IDLE, "llmslim", 0)], {"code": "abcd"})
    assert not up_to_date([row(IDLE, OURS, 0, "today, commit unknown, a machine")], {"code": "unknown"})


def test_the_page_says_where_each_method_was_measured(tmp_path: Path) -> None:
    rows = [row(WEDDING, OURS, 1, "today, commit abc, here"), row(WEDDING, "recency", 1, "yesterday, commit abb, there")]
    page = write_page({"final": summarise(rows)}, tmp_path).read_text()
    assert "yesterday, commit abb, there (recency); today, commit abc, here (attngs)." in page


def test_every_method_stays_within_the_budget(folder: Path) -> None:
    methods, left_out = choose(Bench(), NAMES)
    assert methods.keys() | left_out.keys() == set(NAMES)
    for chat in load_chats(folder, limit=1):
        for name, method in methods.items():
            method.read(chat)
            found = measure(name, method, chat, chat.questions[0], "here")
            assert all(0 < tokens <= budget for tokens, budget in zip(found.tokens, BUDGETS, strict=True))
            assert found.measures[COMPLETE] == [1] * len(BUDGETS)  # everything fits


def test_rows_of_other_chats_and_methods_stay_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(folder), "--chats", "1", "--methods", "recency", OURS, "--out", str(folder)])
    main([str(folder), "--chats", "2", "--methods", "recency", OURS, "--out", str(folder)])
    main([str(folder), "--chats", "1", "--methods", OURS, "--out", str(folder)])
    rows = load_rows(folder / "beam.jsonl")
    assert {row.key for row in rows} == {
        (name, f"{id}-{chat}") for name in ("recency", OURS) for id in ("wedding", "idle") for chat in (1, 2)
    }
    page = (folder / "beam.md").read_text()
    assert "## Development chats: 1, 2" in page
    assert "- left out: llmslim" in page
    assert "Touched, by ability, at 1,024 tokens" in page
    assert "all questions" in (folder / "beam.svg").read_text()
    assert "What it costs" in capsys.readouterr().out
