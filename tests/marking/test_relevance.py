"""Probabilities say whether a question has anything to do with a context, and leave the order of its sentences alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import ContextCompressor, ExtractLayout, GreedySelector, Marker, MarkRequest
from attngs.errors import ModelError
from attngs.marking.relevance import CROWD, LATIN, OTHER, Measures, calibration_for, standing
from attngs.selection.selector import MEMORY_FLOOR, memory_floor
from attngs.testing import FakeScorer
from attngs.types import Marking, ScoreRequest

MEMORY = (
    "Greta cannot eat shellfish; a prawn once put her into hospital.",
    "Her brother Anselm runs a bicycle workshop in Ghent.",
    "The boiler is serviced every October by a Mr Okafor.",
    "She moved the piano lesson from Mondays to Thursdays at six.",
    "Greta's landlord raised the rent to 910 euros in April.",
    "She is reading about the history of lighthouses.",
    "Her running group meets at the canal on Saturday mornings.",
    "Anselm's wedding is planned for the second weekend of September.",
    "She wants to learn enough Dutch to order in a bakery.",
    "The cat, Pepper, takes half a thyroid tablet twice a day.",
    "Greta works from home on Wednesdays and Fridays.",
    "Her passport expires in February next year.",
)

IDLE = (
    "hello!",
    "thanks, that's all",
    "ok, great",
    "What is 31 times 14?",
    "Write a function in Go that counts vowels.",
    "Guten Tag!",
    "Was ist 31 mal 14?",
    "Merci bien !",
    "Combien font 31 fois 14 ?",
    "¡Buenas! ¿Qué tal?",
    "¿Cuánto es 31 por 14?",
    "早安",
    "31乘以14等于多少?",
    "Доброе утро!",
)

ASKED = {
    "What time is the piano lesson?": "Thursdays",
    "When is Anselm's wedding?": "September",
    "How much rent does Greta pay?": "910",
    "Which tablets does the cat take?": "thyroid",
    "When does her passport expire?": "February",
    "Who services the boiler?": "Okafor",
}

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@pytest.mark.parametrize("turn", IDLE)
def test_an_idle_turn_is_shown_nothing_of_a_memory(default_marker: Marker, turn: str) -> None:
    compressor = ContextCompressor(default_marker, selector=GreedySelector(min_score=MEMORY_FLOOR))
    result = compressor.compress(MEMORY, turn, target_tokens=1_000)
    assert (result.text, result.kept, result.compressed_tokens) == ("", (), 0)
    assert result.reason is not None
    assert "nothing in the documents bears on the question" in result.reason


@pytest.mark.parametrize("query", ASKED)
def test_a_question_that_the_memory_answers_is_shown_the_answer(default_marker: Marker, query: str) -> None:
    compressor = ContextCompressor(default_marker, selector=GreedySelector(min_score=MEMORY_FLOOR))
    assert ASKED[query] in compressor.compress(MEMORY, query, target_tokens=60).text


@pytest.mark.parametrize("query", [*IDLE, *ASKED])
def test_probabilities_follow_the_scores(default_marker: Marker, query: str) -> None:
    marking = default_marker.mark(MEMORY, query)
    assert marking.probabilities is not None
    by_score = [p for _, p in sorted(zip(marking.scores, marking.probabilities, strict=True))]
    assert by_score == sorted(by_score)
    assert all(0 <= p <= 1 for p in by_score)


def test_a_greeting_of_the_past_does_not_answer_one_of_today(default_marker: Marker) -> None:
    chat = [*MEMORY, "Hello!", "Thanks!", "How are you?"]
    marking = default_marker.mark(chat, "Thanks!")
    assert marking.probabilities is not None
    assert max(marking.probabilities) < MEMORY_FLOOR


def test_a_batch_gives_the_probabilities_of_single_questions(default_marker: Marker) -> None:
    queries = [IDLE[0], *ASKED]
    found = default_marker.mark_batch([MarkRequest(documents=MEMORY, query=query) for query in queries])
    for query, marking in zip(queries, found, strict=True):
        assert isinstance(marking, Marking)
        alone = default_marker.mark(MEMORY, query).probabilities
        assert alone is not None
        assert marking.probabilities == pytest.approx(alone, abs=1e-4)


def test_no_text_has_no_probability_to_speak_of(default_marker: Marker) -> None:
    assert default_marker.mark([], "anything").probabilities == ()
    assert default_marker.mark(["\n\n"], "anything").probabilities is not None
    assert default_marker.mark(MEMORY, "?!").probabilities is not None


@given(SCORES)
def test_standing_keeps_the_order_and_is_1_for_the_best(scores: list[float]) -> None:
    found = standing(scores)
    assert np.all((found >= 0) & (found <= 1))
    assert found[int(np.argmax(scores))] == 1
    assert np.all(np.diff(found[np.argsort(scores, kind="stable")]) >= 0)


FACTS = ("Ana likes green tea.", "The car needs new tyres.", "The dentist is on Friday at nine.", "Her sister Vera bakes pastries in Lyon.")


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("What does Ana like to drink?", 0),
        ("When do I see the dentist?", 2),
        ("What does Vera do for a living?", 3),
        ("What must be bought for the car?", 1),
    ],
)
def test_of_a_few_facts_those_that_bear_on_the_question_are_probable(query: str, answer: int) -> None:
    marking = Marker.default().mark(FACTS, query)
    probabilities = marking.probabilities
    assert probabilities is not None
    assert len(FACTS) < CROWD
    assert probabilities[answer] == max(probabilities) > 0.5
    assert sorted(probabilities)[1] < 0.2
    ranked = [probability for _, probability in sorted(zip(marking.scores, probabilities, strict=True))]
    assert ranked == sorted(ranked)


def test_two_facts_that_answer_together_are_both_probable() -> None:
    facts = ("Ana is allergic to nuts.", "Ana cannot eat shellfish.", "The car needs new tyres.", "The bus was late.")
    probabilities = Marker.default().mark(facts, "Which food must Ana not eat?").probabilities
    assert probabilities is not None
    assert min(probabilities[:2]) > 0.5 > max(probabilities[2:])


@given(st.floats(0, 1), st.floats(0, 5), st.floats(0, 1), st.floats(0, 14))
def test_bearing_is_a_probability_and_grows_with_likeness(likeness: float, shared: float, cover: float, sentences: float) -> None:
    measures = Measures(likeness, shared, cover, sentences, idle=0.2)
    for calibration in (LATIN, OTHER):
        assert 0 <= calibration(measures) <= 1
    assert LATIN(measures._replace(likeness=likeness + 0.1)) >= LATIN(measures)
    assert OTHER(measures._replace(cover=cover + 0.1)) >= OTHER(measures)


def test_the_question_s_script_chooses_the_weights() -> None:
    assert [calibration_for(query) for query in ("Wie geht's?", "你好", "Πού μένει;")] == [LATIN, OTHER, OTHER]


class Sure(FakeScorer):
    """A scorer with probabilities of its own."""

    def __init__(self, *probabilities: float) -> None:
        super().__init__("x")
        self._probabilities = probabilities

    def probabilities(self, request: ScoreRequest, scores: Sequence[float]) -> Sequence[float]:
        return self._probabilities


def test_a_scorer_may_bring_probabilities_of_its_own() -> None:
    marker = Marker(Sure(0.1, 0.7))
    assert marker.calibrated
    assert marker.mark(["a", "x"], "q").probabilities == (0.1, 0.7)
    assert memory_floor(None, marker) == MEMORY_FLOOR
    assert memory_floor(0.0, marker) == 0.0


def test_a_scorer_without_them_has_no_floor() -> None:
    marker = Marker(FakeScorer("x"))
    assert not marker.calibrated
    assert marker.mark(["a", "x"], "q").probabilities is None
    assert memory_floor(None, marker) is None
    assert memory_floor(0.3, marker) == 0.3


@pytest.mark.parametrize(("odd", "message"), [((0.1, 1.5), "probability 1.5"), ((0.1,), "1 scores for 2"), ((0.1, math.nan), "is nan")])
def test_what_is_no_probability_is_an_error(odd: tuple[float, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Marker(Sure(*odd)).mark(["a", "x"], "q")


def test_sentences_know_their_probability_in_the_result() -> None:
    unlabelled = GreedySelector(layout=ExtractLayout(label=""))
    result = ContextCompressor(Marker(Sure(0.1, 0.7)), selector=unlabelled, counter=len).compress(["aaa", "x"], "q", target_tokens=3)
    assert [source.probability for source in (*result.kept, *result.dropped)] == [0.7, 0.1]
    plain = ContextCompressor(Marker(FakeScorer("x")), selector=unlabelled, counter=len).compress(["aaa", "x"], "q", target_tokens=3)
    assert {source.probability for source in (*plain.kept, *plain.dropped)} == {None}
