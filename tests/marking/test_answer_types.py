"""Units gain where they have the kind of figure that a question asks for."""

from __future__ import annotations

import pytest

from attngs import Document, Marker
from attngs.marking.answer_types import lift_by_answer_type
from attngs.types import Sentence, Span


def lifted(query: str, *texts: str) -> list[str]:
    """The texts that gain; the first is far ahead of the others."""
    sentences = [Sentence(document=Document(text=text), position=i, start=0, end=len(text)) for i, text in enumerate(("best", *texts))]
    before = (9.0, *(0.0 for _ in texts))
    after = lift_by_answer_type(query, sentences, before)
    return [text for text, old, new in zip(texts, before[1:], after[1:], strict=True) if new > old]


@pytest.mark.parametrize(
    ("query", "answer", "other"),
    [
        ("How long do the beans soak?", "soak: 12 h", "beans: 3 kg"),
        ("How long do the beans soak?", "Give them ten hours.", "Use a big pot."),
        ("Wie lange müssen die Bohnen quellen?", "Quellen: zwölf Stunden", "Wasser: 3 Liter"),
        ("Combien de temps faut-il les cuire ?", "Cuisson : 40 minutes", "Rincer deux fois"),
        ("How many boats came?", "Seven of them.", "They were late."),
        ("¿Cuánto cuesta la barca?", "Son 90 euros.", "Es azul."),
        ("When does the ferry leave?", "It goes at 17:42.", "It goes twice."),
        ("Wann fährt die Fähre?", "Am Dienstag.", "Sie fährt zweimal."),
        ("In which year was the pier built?", "It is from 1904.", "It is from oak."),
    ],
)
def test_the_figure_that_is_asked_for_lifts_its_unit(query: str, answer: str, other: str) -> None:
    assert lifted(query, answer, other) == [answer]


def test_a_figure_of_the_question_and_the_time_before_a_speaker_are_no_answers() -> None:
    assert lifted("How many of the 7 boats came?", "There were 7 boats.", "Only 4 came.") == ["Only 4 came."]
    assert lifted("When does it leave?", "[18:02] Nora: who knows?", "[18:03] Olaf: at 19:30") == ["[18:03] Olaf: at 19:30"]


def test_scores_stay_in_their_range_and_other_questions_change_nothing() -> None:
    texts = ("4 boats", "a boat", "5 boats")
    sentences = [Sentence(document=Document(text=text), position=i, start=0, end=len(text)) for i, text in enumerate(texts)]
    assert lift_by_answer_type("Who rows?", sentences, (0.2, 0.9, 0.1)) == (0.2, 0.9, 0.1)
    after = lift_by_answer_type("How many boats?", sentences, (0.9, 0.2, 0.1))
    assert min(after) >= 0.1
    assert max(after) == pytest.approx(0.9)
    assert after[0] > after[2] > after[1]


def test_of_equal_fields_the_one_that_says_how_long() -> None:
    text = "kiln:\n  colour: grey\n  floor: brick\n  firing: 9h\n  door: left\noven:\n  colour: red\n  floor: clay\n  firing: 2h\n"
    marking = Marker.default().mark(Document(text=text, metadata={"source": "shop.yaml"}), "How long is the kiln used each time?")
    best = max(range(len(marking.scores)), key=marking.scores.__getitem__)
    assert "9h" in marking.sentences[best].text


def test_a_failure_that_is_asked_for_lifts_the_event_that_reports_one() -> None:
    texts = ("07:01 INFO gate is open", "07:02 INFO gate moves", "07:03 ERROR gate is stuck: a branch")
    events = [Sentence(document=Document(text=text), position=i, start=0, end=len(text), kind="event") for i, text in enumerate(texts)]
    assert lift_by_answer_type("Why did the gate stop?", events, (9.0, 0.0, 0.0))[2] > 0.0
    assert lift_by_answer_type("Which gate moves?", events, (9.0, 0.0, 0.0)) == (9.0, 0.0, 0.0)


def test_a_figure_behind_a_word_of_the_question_names_one_of_many() -> None:
    assert lifted("What is wrong with gate 2?", "Gate 2: rust", "Gate 12: fine", "On day 2: rain") == ["Gate 2: rust"]


def test_a_row_has_the_figure_below_the_name_of_its_column() -> None:
    document = Document(text="best\nGate\tState\n2\trust\n3\tfine\n")
    head = Span(5, 16)
    rows = [
        Sentence(document=document, position=0, start=0, end=5),
        Sentence(document=document, position=0, start=16, end=23, heads=(head,), kind="row"),
        Sentence(document=document, position=0, start=23, end=30, heads=(head,), kind="row"),
    ]
    _, second, third = lift_by_answer_type("What state is gate 2 in?", rows, (9.0, 0.0, 0.0))
    assert second > third
