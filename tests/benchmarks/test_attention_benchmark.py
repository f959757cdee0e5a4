"""The sweep over a decoder's attention: contexts are cut around their evidence, features are kept, and choices are made on other sets."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Document
from benchmarks.attention.data import BYTES, cut
from benchmarks.attention.features import BM25, COSINE, OURS, READ, Unread, read_attention, units_of
from benchmarks.attention.judge import CHANCE, CHOSEN, PAPERS, SHIPPED, judge
from benchmarks.attention.page import tables
from benchmarks.attention.settings import DEFAULT, PAPER, Pooled, settings
from benchmarks.attention.sweep import Features, by_layer, left_out, load_features
from benchmarks.evidence.data import Row

LAYERS, HEADS, UNITS, WANTED = 5, 2, 12, 7


def row_of(*texts: str, evidence: str, query: str = "Where?") -> Row:
    places = tuple(
        (number, text.index(evidence), text.index(evidence) + len(evidence)) for number, text in enumerate(texts) if evidence in text
    )
    documents = tuple(Document(text=text, id=str(number)) for number, text in enumerate(texts))
    return Row(query=query, documents=documents, evidence=places, cluster="one")


def features(name: str) -> Features:
    """The question's tokens point at the evidence in the third layer, and at the first unit out of habit; the last position at nothing."""
    attention = np.random.default_rng(len(name)).normal(size=(len(READ), LAYERS, HEADS, UNITS)) * 0.01
    for place, (read_from, neutral) in enumerate(READ):
        if read_from == "query":
            attention[place, :, :, 0] += 6
            attention[place, 2, :, WANTED] += 5 * (not neutral)
    evidence = np.zeros(UNITS)
    evidence[WANTED] = 10.0
    flat = np.zeros(UNITS)
    return Features(
        set=name,
        cluster=name,
        pooled=Pooled(attention),
        evidence=evidence,
        cost=np.full(UNITS, 10, np.int64),
        scores={OURS: evidence, COSINE: flat, BM25: flat},
    )


def test_a_context_is_cut_around_its_evidence() -> None:
    long = "\n".join(f"{number}: the weather was grey and nobody said anything." for number in range(400))
    for seed in range(20):
        text = long.replace("250: the", "250: The key lies under the third pot; the")
        small = cut(row_of("Nothing. " * 60, text, "Tea. " * 20, evidence="under the third pot"), random.Random(seed))
        assert sum(len(document.text) for document in small.documents) <= BYTES
        ((number, start, end),) = small.evidence
        assert small.documents[number].text[start:end] == "under the third pot"
        assert [document.id for document in small.documents] == sorted(document.id for document in small.documents)


def test_the_settings_hold_the_papers_and_the_shipped_one_once() -> None:
    found = list(settings())
    assert found[0] == PAPER
    assert found.count(PAPER) == found.count(DEFAULT) == 1


def test_habit_is_taken_off_before_a_layer_can_win() -> None:
    one = features("a")
    raw, beyond = (one.pooled.score(DEFAULT._replace(habit=habit)) for habit in (0.0, 1.0))
    assert int(raw.argmax()) == 0
    assert int(beyond.argmax()) == WANTED
    layers = by_layer([one])
    assert layers["query beyond habit"][2] == max(layers["query beyond habit"]) > max(layers["query"])


def test_a_set_is_judged_by_what_the_others_choose() -> None:
    models = {"tiny": [features("a"), features("bb")]}
    good, bad = np.ones((2, 3)), np.zeros((2, 3))
    only_a, only_b = np.array([[1.0] * 3, [0.0] * 3]), np.array([[0.0] * 3, [1.0] * 3])
    assert left_out(models, {"tiny": {"bad": bad, "good": good}}) == {"a": "good", "bb": "good"}
    assert left_out(models, {"tiny": {"fits a": only_a, "fits bb": only_b}}) == {"a": "fits bb", "bb": "fits a"}


def test_the_page_tells_chance_from_what_was_found() -> None:
    results = judge({"tiny": [features("a"), features("bb"), features("ccc")]})
    recall = {name: values["all"][0] for name, values in results["models"]["tiny"]["recall"].items()}
    assert recall[SHIPPED] == recall[CHOSEN] > recall[CHANCE]
    assert recall[PAPERS] < recall[SHIPPED]
    text = "\n".join(table.markdown() for table in tables({"models": results["models"], **results}))
    assert "What the other sets choose" in text


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    tiny_model("qwen2", max_position_embeddings=4096).save_pretrained(tmp_path / "tiny")
    tiny_tokenizer().save_pretrained(tmp_path / "tiny")
    questions = units_of({"one": [row_of("The key is here. It rained.", evidence="The key is here.")]})
    console = Console(quiet=True)
    read_attention(questions, str(tmp_path / "tiny"), tmp_path / "features", console)
    (path,) = (tmp_path / "features" / "tiny").glob("*.npz")
    assert np.load(path)["attention"].shape == (len(READ), 4, 4, 2)
    before = path.stat().st_mtime_ns
    read_attention(questions, str(tmp_path / "tiny"), tmp_path / "features", console)
    assert path.stat().st_mtime_ns == before
    other = Unread(name=questions[0].name, row=questions[0].row, sentences=questions[0].sentences[:1])
    read_attention([other], str(tmp_path / "tiny"), tmp_path / "features", console)
    assert np.load(path)["attention"].shape[-1] == 1
    assert load_features(questions, tmp_path / "features" / "tiny", tmp_path / "features" / "text") == []


@pytest.mark.parametrize("setting", [PAPER, DEFAULT])
def test_a_score_is_a_number_for_each_unit(setting: object) -> None:
    assert features("a").pooled.score(setting).shape == (UNITS,)  # type: ignore[arg-type]
