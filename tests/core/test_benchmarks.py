"""The benchmarks' arithmetic on numbers that one can check by hand; nothing is timed here."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from attngs import Document, Marker
from attngs.scorers.lead import LeadScorer
from attngs.scorers.lexical import LexicalScorer
from attngs.testing import count_words
from attngs.tokens import CallableCounter
from benchmarks import attention, readings, recall
from benchmarks.data import Row, language_group, load_rows, parse_limits
from benchmarks.metrics import covered, estimate, merged


@pytest.mark.parametrize(
    ("kept", "share"),
    [
        ([], 0.0),
        ([(0, 0, 100)], 0.5),  # all of the first document
        ([(0, 15, 20), (0, 20, 30)], 0.25),
        ([(1, 0, 10), (1, 5, 10)], 0.5),  # kept twice counts once
        ([(2, 0, 100)], 0.0),
        ([(0, 0, 100), (1, 0, 100)], 1.0),
    ],
)
def test_covered_counts_evidence_characters(kept: list[tuple[int, int, int]], share: float) -> None:
    evidence = [(0, 10, 20), (1, 0, 10), (1, 2, 8)]  # 10 + 10 characters, some marked twice
    assert covered(evidence, kept) == share


def test_no_evidence_is_no_recall() -> None:
    with pytest.raises(ValueError, match="no evidence"):
        covered([(0, 3, 3)], [(0, 0, 9)])


def test_merged_joins_what_touches_and_leaves_documents_apart() -> None:
    assert merged([(1, 0, 2), (0, 5, 9), (0, 1, 5), (0, 2, 3)]) == [(0, 1, 9), (1, 0, 2)]


def test_the_mean_is_over_rows_and_the_interval_over_clusters() -> None:
    together = estimate([0, 0, 0, 1], ["a", "a", "a", "b"])
    assert together.mean == 0.25
    assert (together.low, together.high) == (0.0, 1.0)  # all of `a`, or all of `b`
    assert estimate([0.5] * 4, list("abcd")) == (0.5, 0.5, 0.5)


def test_the_interval_is_that_of_the_normal_distribution_and_repeats() -> None:
    values, clusters = [0.0, 1.0] * 200, [str(i) for i in range(400)]
    found = estimate(values, clusters)
    assert found == estimate(values, clusters)
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.005)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.005)


def test_rows_of_one_cluster_make_the_interval_wider() -> None:
    values = [0.0] * 10 + [1.0] * 10 + [0.0] * 10 + [1.0] * 10
    alone = estimate(values, [str(i) for i in range(40)])
    paired = estimate(values, [str(i // 10) for i in range(40)])
    assert paired.high - paired.low > 2 * (alone.high - alone.low)


def raw_row(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": f"expmrc-x-{number}",
        "query": "Which blue?",
        "documents": [{"id": "d", "text": "No. A deep blue."}, {"id": "gold", "text": f"Sea {number}. A red one."}],
        "evidence": [{"doc_id": "gold", "start": 0, "end": 6, "text": f"Sea {number}."}],
        "meta": {"lang": "zh" if number % 2 else "en"},
    } | changes


def test_rows_are_sampled_by_seed_and_put_beside_their_like(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "expmrc.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(raw_row(number)) + "\n" for number in range(8))
    rows = load_rows(tmp_path, "expmrc")
    assert [row.language for row in rows] == ["en"] * 4 + ["zh"] * 4
    assert rows[0].evidence == ((1, 0, 6),)
    assert rows[0].cluster == "Sea 0. A red one."
    assert load_rows(tmp_path, "expmrc", limit=3) == load_rows(tmp_path, "expmrc", limit=3)
    assert len(load_rows(tmp_path, "expmrc", limit=3)) == 3
    assert load_rows(tmp_path, "expmrc", limit=3, seed=1) != load_rows(tmp_path, "expmrc", limit=3)


def test_limits() -> None:
    assert parse_limits(["b=3", "9"], ["a", "b"]) == {"a": 9, "b": 3}
    assert parse_limits([], ["a"]) == {}
    for word in ("c=3", "a=0"):
        with pytest.raises(ValueError, match=word[0]):
            parse_limits([word], ["a"])
    assert [language_group(code) for code in ("en", "zh", "de", "th")] == ["en", "zh", "other latin", "other script"]


def test_recall_of_one_row_is_what_the_selector_kept() -> None:
    document = Document(text="One two. Blue sky. " + "Filler words here. " * 12, id="d")
    row = Row(query="blue", documents=(document,), evidence=((0, 9, 18),), language="en", cluster="c")
    marker = Marker(LexicalScorer(), counter=recall.CountOnce(CallableCounter(count_words)))
    scores = recall.Scores(wanted=1)
    recall.measure_row(row, marker, {"embedded": LexicalScorer(), "cosine": LeadScorer(), "BM25": LexicalScorer()}, scores)
    assert scores.tokens == [40]
    assert {key: values for key, values in scores.recall.items() if key[1] == 0.05} == {
        ("embedded", 0.05): [1.0],
        ("cosine", 0.05): [0.0],
        ("BM25", 0.05): [1.0],
        ("oracle", 0.05): [1.0],
    }
    assert max(values[0] for (_, share), values in scores.used.items() if share == 0.05) <= 0.05
    summary = recall.summarise(scores)
    assert summary["groups"]["all"]["5%"]["difference"] == {"embedded - cosine": [1.0, 1.0, 1.0], "embedded - BM25": [0.0, 0.0, 0.0]}
    assert recall.recall_table("set", summary).row_count == 4
    assert recall.language_table({"set": summary}).row_count == 2


def test_the_share_of_evidence_in_a_unit() -> None:
    assert recall.share_of_evidence((0, 0, 10), [(0, 5, 15), (1, 0, 10)]) == 0.5
    assert recall.share_of_evidence((0, 0, 10), []) == 0.0


def test_ratios_are_taken_within_a_round() -> None:
    seconds = {readings.BARE: [(1.0, 2.0), (2.0, 4.0), (4.0, 4.0)], readings.ALL: [(2.0, 2.0), (2.0, 2.0), (2.0, 2.0)]}
    summary = attention.summarise(seconds)
    assert summary[readings.ALL]["cpu_ratio_to_bare"] == 1.0
    assert summary[readings.ALL]["cpu_ratio_range"] == [0.5, 2.0]
    assert summary[readings.BARE]["wall_seconds"] == 4.0
    assert attention.time_table({100: summary}, {100: {readings.ALL: {"loaded": 1, "above": 2**20}}}).row_count == 2


def test_methods_take_turns() -> None:
    orders = [attention.shuffled(readings.METHODS, number) for number in range(5)]
    assert all(sorted(order) == sorted(readings.METHODS) for order in orders)
    assert orders == [attention.shuffled(readings.METHODS, number) for number in range(5)]
    before_bare = {order[order.index(readings.BARE) - 1] for order in orders if order[0] != readings.BARE}
    assert len(before_bare) > 1


def test_what_does_not_fit_in_memory_is_left_out_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "free_memory", lambda: 4 * 2**30)
    assert readings.why_not(readings.BARE, 4096) is None
    assert readings.why_not(readings.EAGER, 1024) is None
    assert "4.0 GiB are free" in str(readings.why_not(readings.EAGER, 4096))


def test_a_batch_of_random_text_is_whole() -> None:
    batch = readings.build_batch(128)
    assert batch.owner[0, :96].max() + 1 == batch.n_sentences
    assert batch.rows[0].tolist() == list(range(96, 128))
    assert readings.default_layer(12) == 4


def test_arguments() -> None:
    assert attention.parse_arguments(["--tokens", "64", "128", "--rounds", "2"]).rounds == [2, 2]
    for wrong in (["--tokens", "20"], ["--rounds", "1", "2"]):
        with pytest.raises(SystemExit):
            attention.parse_arguments(wrong)
    assert recall.parse_arguments(["folder", "--limit", "expmrc=5"]).limits == {"expmrc": 5}
    with pytest.raises(SystemExit):
        recall.parse_arguments(["folder", "--limit", "nothing=5"])
