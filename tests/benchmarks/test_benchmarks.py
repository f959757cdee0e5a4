"""The benchmarks' arithmetic on numbers that one can check by hand; nothing is timed here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.pages import seconds_range
from benchmarks.speed import forwards, models, rivals, storage, timing
from benchmarks.speed.models import Shape
from benchmarks.speed.page import write_page
from benchmarks.speed.settings import parse_arguments
from benchmarks.speed.store import Store
from benchmarks.speed.timing import Contender, Seconds
from benchmarks.speed.workbench import Workbench


def seconds(*cpu: float) -> dict[int, Seconds]:
    return {number: Seconds(value, 2 * value) for number, value in enumerate(cpu)}


def test_ratios_are_taken_within_a_round() -> None:
    summary = timing.summarise({"base": seconds(1, 2, 4), "other": seconds(2, 2)}, "base", {"other": "slow"})
    assert summary["other"]["cpu_ratio"] == [1.5, 1.0, 2.0]  # the third round has no partner
    assert summary["base"]["wall"] == [4.0, 2.0, 8.0]
    assert [summary[name]["rounds"] for name in ("base", "other")] == [3, 2]
    assert summary["other"]["note"] == "slow"


def test_contenders_take_turns() -> None:
    names = list("abcde")
    orders = [timing.shuffled(names, number) for number in range(5)]
    assert all(sorted(order) == names for order in orders)
    assert len({order[order.index("a") - 1] for order in orders if order[0] != "a"}) > 1  # not always behind the same one
    calls: list[tuple[str, int]] = []
    contenders = [
        Contender(name=name, prepare=lambda n: calls.append(("prepare", n)), run=lambda n, name=name: calls.append((name, n)))
        for name in "ab"
    ]
    measured = timing.take_turns(contenders, 2, base="a", synchronize=lambda: None)
    assert [set(runs) for runs in measured.values()] == [{0, 1}] * 2
    assert calls[:4] == [("prepare", 0), (orders_of_two(0)[0], 0), ("prepare", 0), (orders_of_two(0)[1], 0)]


def orders_of_two(number: int) -> list[str]:
    return timing.shuffled(["a", "b"], number)


def test_only_who_is_slow_beside_the_base_runs_less() -> None:
    base = seconds(4, 4)
    assert timing.is_slow(seconds(20, 20), base)
    assert not timing.is_slow(seconds(11, 11), base)
    assert not timing.is_slow(seconds(0.4, 0.4), seconds(0.01, 0.01))


def test_what_does_not_fit_in_memory_is_left_out_with_a_reason() -> None:
    assert forwards.eager_bytes(SHAPE, layers=2, tokens=10) == 4 * 100 * (3 * 4 + 8)
    assert forwards.why_not(2**30, free=4 * 2**30) is None
    assert "4.0 GiB are free" in str(forwards.why_not(8 * 2**30, free=4 * 2**30))
    assert rivals.missing(rivals.BM25) is None
    assert rivals.missing(rivals.LLMSLIM) in (None, "llmslim is not installed: pip install 'attngs[bench]'")


SHAPE = Shape(layers=5, hidden=32, inner=32, heads=4, key_heads=2, vocabulary=4_200)


@pytest.fixture(scope="module")
def bench() -> Workbench:
    return Workbench(SHAPE, "cpu")


@pytest.mark.parametrize("tokens", [64, 1_000, 12_000])
def test_a_context_has_the_tokens_that_were_asked_for(bench: Workbench, tokens: int) -> None:
    corpus = bench.corpus
    documents = corpus.context(tokens)
    assert sum(corpus.tokens(document.text) for document in documents) == pytest.approx(tokens, abs=2)
    lines = [line for document in documents for line in document.text.split("\n") if len(line) > 60]
    assert len(set(lines)) == len(lines)  # nobody gets a sentence twice
    longer = corpus.appended(documents, 200)
    assert longer[:-1] == documents
    assert corpus.tokens(longer[-1].text) == pytest.approx(200, abs=2)
    changed = [n for n, (a, b) in enumerate(zip(documents, corpus.edited(documents), strict=True)) if a != b]
    assert changed == [len(documents) // 2]
    one, other = corpus.contexts(2, 64)
    assert not {document.id for document in one} & {document.id for document in other}


def test_questions_differ_and_are_of_one_length(bench: Workbench) -> None:
    questions = [bench.corpus.question(number) for number in range(40)]
    assert len(set(questions)) == 40
    assert {bench.corpus.tokens(question) for question in questions} <= {32, 33, 34}


def test_a_reading_is_what_went_through_the_model(bench: Workbench) -> None:
    documents, marker = bench.corpus.context(300), bench.marker()
    cold = bench.read(documents, bench.corpus.question(0), marker)
    warm = bench.read(documents, bench.corpus.question(1), marker)
    assert cold.layers == warm.layers == 3  # 0.375 of the way from the first to the fifth, in the middle of which the pass ends
    assert 332 < cold.ids.shape[1] < 450
    assert warm.ids.shape[1] < cold.ids.shape[1] - 290


def test_a_bare_body_is_the_same_model_cut_short(bench: Workbench) -> None:
    ids = torch.arange(20)[None]
    body, eager = bench.bare(2), bench.bare(2, "eager")
    assert body.embed_tokens.weight is bench.model.base_model.embed_tokens.weight
    assert bench.model.config._attn_implementation == "sdpa"
    with torch.no_grad():
        hidden = bench.model.base_model(input_ids=ids, output_hidden_states=True).hidden_states[2]
        assert torch.equal(body(input_ids=ids).last_hidden_state, body.norm(hidden))
        assert (eager(input_ids=ids).last_hidden_state - body.norm(hidden)).abs().max() < 1e-5
    assert models.key_value_bytes(SHAPE, 2) == 2 * 2 * 2 * 8 * 4


def test_scores_are_compared_by_value_and_by_rank() -> None:
    found = storage.difference(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 1.0]]))
    assert found == {"max": 2.0, "mean": pytest.approx(5 / 6, abs=1e-3), "rank_correlation": [0.0, -1.0]}


def test_results_are_merged_and_made_into_a_page(tmp_path: Path) -> None:
    path = tmp_path / "results" / "speed.json"
    row = {"rounds": 2, "wall": [1.5, 1.0, 2.0], "cpu": [1.0, 1.0, 1.0], "wall_ratio": [0.05, 0.04, 0.06], "cpu_ratio": None}
    methods = {forwards.FLOOR: row, "attngs": row}
    old, new = ({"date": day, "code": "c", "cpu": "x", "cores": 2, "torch_threads": 1, "versions": {"torch": "2"}} for day in "ab")
    store = Store(path, old)
    store.put("cpu", "cold", "2048", {"tokens_read": 2_100, "layers": 5, "methods": methods, "left_out": {"eager": "too big"}})
    store.put("cpu", "cold", "128", {})
    store.save()
    store = Store(path, new | {"load_average_at_start": 3})
    store.put("cpu", "cold", "128", {"tokens_read": 200, "layers": 5, "methods": methods, "left_out": {}})
    memory = {name: {"above": 2**20, "whole": 3 * 2**30} for name in methods}
    store.put("cpu", "memory", "128", {"methods": memory, "left_out": {}})
    store.save()
    assert '"wall": [1.5, 1.0, 2.0]' in path.read_text()
    found = json.loads(path.read_text())
    assert found["machines"] == [old, new]
    assert [found["results"]["cpu"]["cold"][size]["machine"] for size in ("2048", "128")] == [0, 1]
    page = write_page(store).read_text()
    assert "| tokens | 128 | 2,048 |" in page
    assert "| attngs | 1.5 (1 - 2) s | 1 s | 0.05 (0.04 - 0.06) | - | 2 |" in page
    assert "- eager is left out: too big" in page
    assert "| attngs | 3.00 GiB |" in page
    store.put("cpu", "memory", "128", {"methods": memory, "left_out": {}})
    store.put("cpu", "cold", "2048", {"methods": {}, "left_out": {}})
    store.save()
    assert json.loads(path.read_text())["machines"] == [new]  # nothing of the old one is left


@pytest.mark.parametrize(
    ("spread", "text"), [([0.0123, 0.0123, 0.0123], "12.3 ms"), ([1.5, 0.9, 1_234.0], "1.5 (0.9 - 1,234) s"), (None, "-")]
)
def test_seconds_are_told_in_one_unit(spread: list[float] | None, text: str) -> None:
    assert seconds_range(spread) == text


def test_arguments() -> None:
    settings = parse_arguments(["--sizes", "64", "128", "--rounds", "2", "--parts", "warm"])
    assert (settings.sizes, settings.rounds, settings.parts) == ((64, 128), 2, ("warm",))
    assert parse_arguments(["--quick"]).shape is models.QUICK
    for wrong in (["--sizes", "20"], ["--rounds", "0"], ["--parts", "all"], ["--sizes", "100000"]):
        with pytest.raises(SystemExit):
            parse_arguments(wrong)
