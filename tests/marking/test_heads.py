"""A unit is cut, scored and kept together with the earlier units that it is read with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import ContextCompressor, Document, GreedySelector, Marker, Splitter
from attngs.marking.heads import errors_first, lift_by_heads
from attngs.marking.marker import MarkRequest
from attngs.marking.scales import Layout
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.tokens import CallableCounter
from attngs.testing import count_words
from attngs.types import Marking, Sentence, Span

MANUAL = """# Workshop

## Lathe

Oil it weekly. The belt is number 12.

## Drill

Oil it monthly. The belt is number 35.
"""
TABLE = "| Part | Torque (Nm) | Tool |\n|---|---|---|\n" + "".join(f"| B{i} | {20 + i} | key {i} |\n" for i in range(20))


def compressed(text: str, query: str, budget: int, **settings: object) -> str:
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count_words, selector=GreedySelector(**settings))  # type: ignore[arg-type]
    return compressor.compress([text], query, target_tokens=budget).text


def test_a_line_comes_with_its_headings() -> None:
    assert compressed(MANUAL, "number 35 belt", 12) == "# Workshop\n## Drill\nThe belt is number 35."


def test_where_not_all_headings_fit_the_nearest_one_comes() -> None:
    assert compressed(MANUAL, "number 35 belt", 8) == "## Drill\nThe belt is number 35."


def test_a_heading_is_kept_for_itself_only_where_nothing_else_fits() -> None:
    assert compressed(MANUAL, "Lathe", 5) == "## Lathe\n\nOil it weekly."
    assert compressed(MANUAL, "Lathe", 2) == "# Workshop"


def test_a_row_comes_with_the_header_and_without_the_rule() -> None:
    assert compressed(TABLE, "B7 key", 20) == "| Part | Torque (Nm) | Tool |\n| B7 | 27 | key 7 |"


def test_heads_come_once() -> None:
    text = compressed(TABLE, "B7 B9 key 7 key 9", 32)
    assert text.count("Torque") == 1
    assert "| B7 |" in text
    assert "| B9 |" in text


def test_the_result_says_which_are_heads() -> None:
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count_words)
    result = compressor.compress([MANUAL], "number 35 belt", target_tokens=12)
    assert [(source.text.strip(), source.head) for source in result.kept] == [
        ("# Workshop", True),
        ("## Drill", True),
        ("The belt is number 35.", False),
    ]
    assert [row["head"] for row in json.loads(result.to_json())["kept"]] == [True, True, False]


def test_a_format_is_told_by_metadata() -> None:
    rows = Document(text="name,age\nAna,41\nBen,17\n", metadata={"source": "people.csv"})
    sentences = Marker(LexicalScorer()).split([rows])
    assert [(s.text.strip(), [head.start for head in s.heads]) for s in sentences] == [("name,age", []), ("Ana,41", [0]), ("Ben,17", [0])]


@pytest.mark.parametrize("unit", ["sentence", "line", "turn"])
def test_other_units_have_no_heads(unit: str) -> None:
    marker = Marker(LexicalScorer(), splitter=Splitter(unit))  # type: ignore[arg-type]
    assert not any(sentence.heads for sentence in marker.split([Document(text=MANUAL, id="m")]))


def units(heads: list[tuple[int, ...]]) -> tuple[Sentence, ...]:
    """Units of two words each, `w0 x0. `, `w1 x1. ` ..., with these heads."""
    texts = [f"w{i} x{i}. " for i in range(len(heads))]
    starts = [sum(map(len, texts[:i])) for i in range(len(texts) + 1)]
    spans = [Span(starts[i], starts[i + 1]) for i in range(len(texts))]
    document = Document(text="".join(texts), id="d")
    return tuple(
        Sentence(document=document, position=0, start=span.start, end=span.end, heads=tuple(spans[j] for j in of))
        for span, of in zip(spans, heads, strict=True)
    )


FORESTS = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        *(st.sets(st.integers(0, max(i - 1, 0)), max_size=2 if i else 0).map(lambda of: tuple(sorted(of))) for i in range(n))
    )
)


@given(FORESTS, st.data(), st.integers(1, 30))
def test_every_kept_unit_has_its_nearest_head_and_the_budget_holds(
    heads: tuple[tuple[int, ...], ...], data: st.DataObject, budget: int
) -> None:
    sentences = units(list(heads))
    scores = tuple(data.draw(st.floats(-3, 3)) for _ in sentences)
    marking = Marking(query="q", sentences=sentences, scores=scores, marked=(True,) * len(sentences))
    selection = GreedySelector().select(marking, target_tokens=budget, counter=CallableCounter(count_words))
    assert selection.tokens <= budget
    assert set(selection.heads) <= set(selection.kept)
    for i in set(selection.kept) - set(selection.heads):  # a head may be there for others, without what it is read with itself
        assert not heads[i] or heads[i][-1] in selection.kept


@given(FORESTS, st.data())
def test_lifted_scores_stay_between_a_unit_and_its_best_head(heads: tuple[tuple[int, ...], ...], data: st.DataObject) -> None:
    sentences = units(list(heads))
    scores = tuple(data.draw(st.floats(0, 1)) for _ in sentences)
    for i, (lifted, score) in enumerate(zip(lift_by_heads(sentences, scores), scores, strict=True)):
        best = max([score, *(scores[j] for j in heads[i])])
        assert score <= lifted <= best
        assert (lifted == score) is (best == score)


def test_sums_and_maxima_count_the_heads() -> None:
    layout = Layout.of(units([(), (0,), (), (0, 2)]))
    values = np.array([8.0, 1.0, 4.0, 2.0])
    assert layout.total(values, 0).tolist() == [8, 1 + 0.75 * 8, 4, 2 + 0.75 * (8 + 4)]
    assert layout.highest(values, 0).tolist() == [8, 8, 4, 8]
    assert layout.total(values, None).tolist() == [15, 15, 15, 15]  # in a window every sentence counts once


def test_units_without_heads_are_left_as_they_are() -> None:
    layout, values = Layout.of(units([(), (), ()])), np.array([8.0, 1.0, 4.0])
    assert layout.total(values, 0) is values
    assert layout.highest(values, 0) is values
    assert lift_by_heads(units([(), (), ()]), (8.0, 1.0, 4.0)) == (8.0, 1.0, 4.0)


def test_a_head_that_is_not_among_the_sentences_is_passed_over() -> None:
    layout, values = Layout.of(units([(), (0,), (0, 1)])[1:]), np.array([1.0, 4.0])
    assert layout.total(values, 0).tolist() == [1, 4.75]


def test_words_of_question_in_head_and_unit_add_up() -> None:
    """Each of the two has one word; a unit below another heading has as many words of its own."""
    text = "# Kiln\n\nFire it slowly.\n\nThe fuse has 16 amperes.\n\n# Wheel\n\nThe fuse has 6 amperes.\n"
    for scorer in (LexicalScorer(), Marker.default().scorer):
        marking = Marker(scorer).mark([text], "fuse of the wheel")
        first = max(range(len(marking.scores)), key=marking.scores.__getitem__)
        assert marking.sentences[first].text.strip() == "The fuse has 6 amperes."


def test_the_scores_of_any_scorer_are_lifted() -> None:
    class Headings:
        def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
            return [1.0 if "Drill" in sentence.text else 0.0 for sentence in sentences]

    marking = Marker(Headings()).mark([MANUAL], "anything else")
    below = [score for sentence, score in zip(marking.sentences, marking.scores, strict=True) if "monthly" in sentence.text]
    assert below == [0.75]


def test_questions_together_score_as_alone() -> None:
    marker = Marker.default()
    requests = [MarkRequest(documents=[MANUAL, TABLE], query=query) for query in ("number 35 belt", "torque of B7", "Lathe oil?")]
    for request, outcome in zip(requests, marker.mark_batch(requests), strict=True):
        assert isinstance(outcome, Marking)
        assert outcome.scores == Marker.default().mark([MANUAL, TABLE], request.query).scores
        assert outcome.scores == asyncio.run(marker.amark([MANUAL, TABLE], request.query)).scores


def test_the_error_of_a_traceback_goes_ahead_of_its_frames() -> None:
    text = "boot. crash. file a. file b. TimeoutError. idle."
    document = Document(text=text)
    ends = [0, *(i + 2 for i in range(len(text)) if text.startswith(". ", i)), len(text)]
    kinds = ("event", "event", "frame", "frame", "event", "event")
    heads = (Span(ends[1], ends[2]),)
    units = [
        Sentence(document=document, position=0, start=a, end=b, kind=kind, heads=heads if 1 < i < 5 else ())
        for i, (a, b, kind) in enumerate(zip(ends, ends[1:], kinds, strict=False))
    ]
    assert errors_first(units, (0.0, 5.0, 3.0, 4.0, 1.0, 2.0)) == (0.0, 5.0, 3.0, 1.0, 4.0, 2.0)
    assert errors_first(units, (0.0, 5.0, 3.0, 4.0, 4.0, 2.0)) == (0.0, 5.0, 3.0, 4.0, 4.0, 2.0)
    assert errors_first(units[:4], (0.0, 5.0, 3.0, 4.0)) == (0.0, 5.0, 3.0, 4.0)
