"""Questions that name a thing by its number, or ask for a figure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from attngs.marking.figures import lift_by_figures
from attngs.types import Document, ScoreRequest, Sentence, Span


def lifted(query: str, sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    return lift_by_figures(ScoreRequest(query=query, sentences=sentences), scores)


def units(*texts: str) -> list[Sentence]:
    return [Sentence(document=Document(text=text), position=i, start=0, end=len(text)) for i, text in enumerate(texts)]


def test_a_number_behind_a_word_of_the_question_names_one_of_many() -> None:
    texts = ("best", "Gate 2: rust", "Gate 12: fine", "On day 2: rain")
    after = lifted("What is wrong with gate 2?", units(*texts), (9.0, 0.0, 0.0, 0.0))
    assert [score > 0 for score in after] == [True, True, False, False]
    assert max(after) == pytest.approx(9.0)


@pytest.mark.parametrize("query", ["What is wrong?", "Which gates need paint?", "2 7"])
def test_other_questions_change_nothing(query: str) -> None:
    scores = (0.3, 0.2)
    assert lifted(query, units("Gate 2: rust", "Gate 7: fine"), scores) is scores


def test_a_row_has_the_number_below_the_name_of_its_column() -> None:
    document = Document(text="best\nGate\tState\n2\trust\n3\tfine\n")
    head = Span(5, 16)
    rows = [
        Sentence(document=document, position=0, start=0, end=5),
        Sentence(document=document, position=0, start=16, end=23, heads=(head,), kind="row"),
        Sentence(document=document, position=0, start=23, end=30, heads=(head,), kind="row"),
    ]
    _, second, third = lifted("What state is gate 2 in?", rows, (9.0, 0.0, 0.0))
    assert second > third


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("How much rent do I pay?", ("best", "905 euros from January", "The landlord is called Kees.")),
        ("How many sisters has she?", ("best", "She has three sisters.", "Her sisters sing.")),
        ("And when is the exam?", ("best", "The exam is on Thursday.", "The exam is hard.")),
        ("When does the Monday train leave?", ("best", "It leaves at 9:15.", "The Monday train is blue.")),
        ("Wie alt ist der Hund?", ("best", "Der Hund ist zwölf.", "Der Hund bellt.")),
        ("À quelle heure part le train ?", ("best", "Le train part à 8 h 15.", "Le train est bleu.")),
        ("她有多少只猫?", ("best", "她有3只猫。", "她喜欢猫。")),
    ],
)
def test_a_question_for_a_figure_is_answered_by_one(query: str, texts: tuple[str, ...]) -> None:
    _, having, lacking = lifted(query, units(*texts), (9.0, 1.0, 1.0))
    assert having > lacking


@pytest.mark.parametrize("query", ["When I cook for Lea, what should I leave out?", "Who knows when?", "What does one do when it rains?"])
def test_a_question_for_something_else_gains_nothing_by_figures(query: str) -> None:
    scores = (9.0, 1.0, 1.0)
    assert lifted(query, units("best", "She has 3 cats.", "It rained."), scores) == scores
