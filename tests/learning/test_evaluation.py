"""A budget keeps what it can pay for, and recall counts evidence characters, each once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example as with_example
from hypothesis import given
from hypothesis import strategies as st

from attngs import Marker, evaluate
from attngs.errors import ConfigError, InputError
from attngs.learning.evaluation import BASELINES, BUDGETS, baseline_recall, label_units, within_budget
from attngs.learning.labelled import LabelledExample
from attngs.reading.tokens import CallableCounter
from attngs.selection.layout import ExtractLayout
from attngs.selection.selector import GreedySelector
from attngs.testing import FakeScorer, count_words
from attngs.text.sentences import split_sentences
from attngs.types import Document, Marking, Sentence

COUNTER = CallableCounter(count_words)


def example(*evidence: tuple[int, int, int], text: str = "One two. Three four five. Six. ", group: str = "") -> LabelledExample:
    return LabelledExample(query="what?", documents=(Document(text=text, id="a"),), evidence=evidence, group=group)


def sentences_of(one: LabelledExample) -> list[Sentence]:
    return [
        Sentence(document=document, position=position, start=span.start, end=span.end)
        for position, document in enumerate(one.documents)
        for span in split_sentences(document.text, "sentence")
    ]


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 9)), max_size=30), st.integers(0, 40))
def test_never_more_than_the_budget_and_the_best_that_fits_first(units: list[tuple[float, int]], budget: int) -> None:
    scores, costs = [score for score, _ in units], np.array([cost for _, cost in units], dtype=np.int64)
    kept = within_budget(scores, costs, budget)
    assert costs[kept].sum() <= budget
    assert len(set(kept)) == len(kept)
    affordable = [i for i in range(len(units)) if costs[i] <= budget]
    if affordable and len(units) <= 16:
        assert kept[0] == max(affordable, key=lambda i: (scores[i], -i))


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.9, 1.0]) | st.floats(-5, 5), st.integers(0, 12)), min_size=1, max_size=60),
    st.integers(1, 60),
)
@with_example([(1.0, 5), (0.9, 16), (0.1, 1)], 10)
@with_example([(0.0, 9), *[(0.5, 8)] * 20, (0.5, 1)], 7)
def test_evaluation_keeps_what_the_selector_keeps(units: list[tuple[float, int]], budget: int) -> None:
    texts = [f"word{number} " * cost or "  " for number, (_, cost) in enumerate(units)]  # what is said twice is kept once
    ends = np.cumsum([len(text) for text in texts]).tolist()
    document = Document(text="".join(texts), id="a")
    sentences = [Sentence(document=document, position=0, start=a, end=b) for a, b in zip([0, *ends], ends, strict=False)]
    scores = tuple(score for score, _ in units)
    marking = Marking(query="what?", sentences=tuple(sentences), scores=scores, marked=(False,) * len(units))
    layout = ExtractLayout(label="", gap=" ", document_gap=" ")  # the words of a text are those of its units
    chosen = GreedySelector(layout=layout).select(marking, target_tokens=budget, counter=COUNTER).kept
    costs = np.array([cost for _, cost in units])
    assert [i for i in sorted(within_budget(scores, costs, budget)) if costs[i]] == list(chosen)


def test_recall_by_hand() -> None:
    one = example((0, 9, 26), (0, 9, 20), (0, 26, 30))  # the second sentence, marked twice, and the third
    units = label_units(one, sentences_of(one), COUNTER)
    assert units.costs.tolist() == [2, 3, 1]
    assert units.hits.tolist() == [0, 17, 4]
    assert units.labels.tolist() == [False, True, True]
    assert units.recall([0.0, 1.0, 0.5], 0.5) == pytest.approx(17 / 21)
    assert units.recall([0.0, 0.5, 1.0], 0.2) == pytest.approx(4 / 21)
    assert units.recall([0.0, 0.5, 1.0], 1.0) == 1


def test_a_unit_is_evidence_with_half_of_itself_or_of_the_evidence() -> None:
    text = "A very long sentence that goes on and on. It ends."
    one = example((0, 2, 11), text=text)
    assert label_units(one, sentences_of(one), COUNTER).labels.tolist() == [True, False]
    one = example((0, 0, 3), (0, 42, 50), text=text)
    assert label_units(one, sentences_of(one), COUNTER).labels.tolist() == [False, True]


def test_short_quotes_in_several_long_units_are_evidence_all_the_same() -> None:
    text = "Ana says that the new pills are blue. Ben says that the doctor is away. Cleo says that the clinic is shut. It rained on us all."
    places = [(0, text.index(word), text.index(word) + 4) for word in ("blue", "away", "shut")]
    one = example(*places, text=text)
    units = label_units(one, sentences_of(one), COUNTER)
    assert units.labels.tolist() == [True, True, True, False]
    assert units.average_precision([1.0, 0.9, 0.1, 0.5]) == pytest.approx((1 + 1 + 3 / 4) / 3)


def test_without_evidence_there_is_no_recall() -> None:
    one = example()
    with pytest.raises(InputError, match="no evidence is known for the question 'what"):
        label_units(one, sentences_of(one), COUNTER)


def test_baselines_are_what_they_say() -> None:
    one = example((0, 26, 30))
    units = label_units(one, sentences_of(one), COUNTER)
    assert set(BASELINES) == {"BM25", "recency", "lead", "random"}
    assert baseline_recall("recency", units, 0.2) == 1
    assert baseline_recall("lead", units, 0.4) == 0


def test_a_marker_beside_the_baselines() -> None:
    marker = Marker(FakeScorer("Six"), counter=COUNTER, name="ours")
    rows = [*(example((0, 26, 30), group=str(i % 3)) for i in range(6)), example()]
    found = evaluate(rows, marker)
    assert (found.examples, found.skipped, found.groups) == (6, 1, 3)
    assert list(found.recall) == ["ours", *BASELINES]
    assert found.recall["ours"][BUDGETS[-1]] == (1, 1, 1)
    assert found.ahead["recency"][0.2] == (0, 0, 0)
    plain = json.loads(found.to_json())
    assert plain["recall"]["ours"]["20%"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    with pytest.raises(InputError, match="none of the 1 examples has `evidence`"):
        evaluate([example()], marker)
    with pytest.raises(ConfigError, match="no tokenizer to count with"):
        evaluate(rows, Marker(FakeScorer("Six")))
