"""Questions that name a thing by its number."""

from __future__ import annotations

import pytest

from attngs.marking.named_figures import lift_by_named_figures
from attngs.types import Document, Sentence, Span


def units(*texts: str) -> list[Sentence]:
    return [Sentence(document=Document(text=text), position=i, start=0, end=len(text)) for i, text in enumerate(texts)]


def test_a_number_behind_a_word_of_the_question_names_one_of_many() -> None:
    texts = ("best", "Gate 2: rust", "Gate 12: fine", "On day 2: rain")
    after = lift_by_named_figures("What is wrong with gate 2?", units(*texts), (9.0, 0.0, 0.0, 0.0))
    assert [score > 0 for score in after] == [True, True, False, False]
    assert max(after) == pytest.approx(9.0)


@pytest.mark.parametrize("query", ["What is wrong?", "Which gates need paint?", "2 7"])
def test_other_questions_change_nothing(query: str) -> None:
    scores = (0.3, 0.2)
    assert lift_by_named_figures(query, units("Gate 2: rust", "Gate 7: fine"), scores) is scores


def test_a_row_has_the_number_below_the_name_of_its_column() -> None:
    document = Document(text="best\nGate\tState\n2\trust\n3\tfine\n")
    head = Span(5, 16)
    rows = [
        Sentence(document=document, position=0, start=0, end=5),
        Sentence(document=document, position=0, start=16, end=23, heads=(head,), kind="row"),
        Sentence(document=document, position=0, start=23, end=30, heads=(head,), kind="row"),
    ]
    _, second, third = lift_by_named_figures("What state is gate 2 in?", rows, (9.0, 0.0, 0.0))
    assert second > third
