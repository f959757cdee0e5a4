"""A question can ask for a document by its id, its source or its date."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import Document, Marker
from attngs.marking.dates import read_days
from attngs.marking.echoes import find_echoes
from attngs.marking.labels import lift_by_labels
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.context_cache import ContextCache
from attngs.types import ScoreRequest, Sentence

DIARY = {
    "2025-11-02": "We tuned the piano and drank cider.",
    "2025-11-07": "The choir rehearsed in the crypt. It rained.",
    "2025-11-20": "A pipe burst behind the organ.",
    "2025-12-07": "The children lit the second candle.",
    "2024-06-20": "Nothing to report.",
}
NOTES = tuple(DIARY.values())


class NotATime(datetime):
    """A date that is none, as pandas has one: it equals nothing and cannot be written."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return False

    def strftime(self, format: str) -> str:
        raise ValueError(format)


class Numbers:
    """An array: it compares number by number, so it is neither equal to something nor different."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


def best(query: str, documents: list[Document]) -> str:
    """The text that the default marker puts first."""
    marking = Marker.default().mark(documents, query)
    return marking.sentences[max(range(len(marking.scores)), key=marking.scores.__getitem__)].text


def diary() -> list[Document]:
    return [Document(text=text, id=day) for day, text in DIARY.items()]


@pytest.mark.parametrize(
    "query",
    [
        "What happened on 2025-11-20?",
        "What happened on 20 November 2025?",
        "What did we note on November 20th?",
        "What was on 20/11/2025?",
        "Was geschah am 20. November 2025?",
        "Que s'est-il passé le 20 novembre 2025 ?",
        "¿Qué pasó el 20 de noviembre de 2025?",
        "Wat gebeurde er op 20 november?",
        "Что было 20 ноября 2025?",
        "2025年11月20日に何がありましたか",
    ],
)
def test_a_day_can_be_asked_for_in_many_forms(query: str) -> None:
    assert best(query, diary()) == "A pipe burst behind the organ."


@pytest.mark.parametrize(
    "metadata",
    [
        {"date": "2025-11-20"},
        {"date": date(2025, 11, 20)},
        {"created_at": datetime(2025, 11, 20, 9, tzinfo=UTC)},
        {"timestamp": datetime(2025, 11, 20, 9, tzinfo=UTC).timestamp()},
        {"timestamp": int(datetime(2025, 11, 20, 9, tzinfo=UTC).timestamp() * 1000)},
        {"time": "20 Nov 2025"},
        {"updated_at": "2025-11-20T09:00:00Z"},
        {"date": "November-20-2025"},
    ],
)
def test_dates_are_read_from_metadata(metadata: dict[str, object]) -> None:
    documents = [Document(text=text, id=f"n{i}", metadata={"date": "2023-01-01"}) for i, text in enumerate(NOTES)]
    documents[2] = Document(text=NOTES[2], id="n2", metadata=metadata)
    assert best("What happened on 20 November 2025?", documents) == NOTES[2]


def test_a_month_asks_for_all_its_days() -> None:
    marking = Marker.default().mark(diary(), "What was in November 2025?")
    order = sorted(range(len(marking.scores)), key=lambda i: -marking.scores[i])
    assert {marking.sentences[i].document.id[:7] for i in order[:4]} == {"2025-11"}


@pytest.mark.parametrize("query", ["Who signed in contract-3308?", "Who signed contract 3308?", "signature of Contract_3308.pdf"])
def test_a_number_in_an_id_counts_behind_its_word(query: str) -> None:
    documents = [Document(text="Signed by both sides. " + text, id=f"contract-33{i:02}.pdf") for i, text in enumerate(NOTES * 3)]
    marking = Marker.default().mark(documents, query)
    first = max(range(len(marking.scores)), key=marking.scores.__getitem__)
    assert marking.sentences[first].document.id == "contract-3308.pdf"


def test_a_file_can_be_named() -> None:
    documents = [
        Document(text="Leave is planned with your team.", metadata={"source": f"files/{name}.pdf"})
        for name in ("onboarding", "expenses", "Travel_Policy", "handbook", "security")
    ]
    for query in ("What does handbook.pdf say about leave?", "What does the handbook say about leave?"):
        marking = Marker.default().mark(documents, query)
        assert max(range(5), key=marking.scores.__getitem__) == 3
    marking = Marker.default().mark(documents, "What does the travel policy say about leave?")
    assert max(range(5), key=marking.scores.__getitem__) == 2


def test_a_much_better_unit_elsewhere_stays_ahead() -> None:
    texts = ["The boiler was serviced by Wouters on 4 May 2025 for 180 euros."] + [f"Rain, soup and a walk of {i} km." for i in range(40)]
    documents = [Document(text=text, id=f"2025-{1 + i % 12:02}-{1 + i % 28:02}") for i, text in enumerate(texts)]
    assert best("Who serviced the boiler on 4 May 2025 for 180 euros?", documents) == texts[0]


def scored(scores: list[float], ids: list[str], query: str = "What about 20 November 2025?") -> tuple[float, ...]:
    documents = [Document(text=f"note {i}", id=name) for i, name in enumerate(ids)]
    sentences = [Sentence(document=document, position=i, start=0, end=len(document.text)) for i, document in enumerate(documents)]
    return lift_by_labels(ScoreRequest(query=query, sentences=sentences), tuple(scores), ContextCache())


def test_labels_that_join_alike_are_told_apart() -> None:
    cache = ContextCache()
    for ids in (["ash\0birch", "cedar"], ["ash", "birch", "cedar"]):
        documents = [Document(text=f"note {i}", id=name) for i, name in enumerate(ids)]
        sentences = [Sentence(document=document, position=i, start=0, end=6) for i, document in enumerate(documents)]
        scores = (1.0, 0.0, 0.0)[: len(ids)]
        assert lift_by_labels(ScoreRequest(query="What does cedar say?", sentences=sentences), scores, cache)[-1] > 0


def test_scores_stay_in_their_range() -> None:
    assert scored([0.9, 0.2, 0.1], ["a", "2025-11-20", "b"]) == pytest.approx((0.6481, 0.9, 0.1), abs=0.001)
    assert scored([0.0, 0.0, 0.0], ["a", "2025-11-20", "b"]) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("ids", "query"),
    [
        (["document-1", "document-2", "document-3"], "Which 2 documents name document-2?"),
        (["1", "2", "3"], "What are the 3 rules?"),
        (["", "", ""], "What happened on 20 November 2025?"),
        (["2025-11-20", "2025-11-20", "2025-11-20"], "What happened on 20 November 2025?"),
        (["2025-11-20", "2025-11-21", "a"], "What happened on Monday?"),
        (["2025-10-03", "2025-11-21", "a"], "Are 3 out of 5 enough?"),
        (["2025-05-03", "2025-11-21", "a"], "What may Ana not eat?"),
    ],
)
def test_what_asks_for_none_or_all_changes_nothing(ids: list[str], query: str) -> None:
    assert scored([0.3, -1.25, 7.0], ids, query) == (0.3, -1.25, 7.0)


@pytest.mark.parametrize(
    "value", [None, True, "", "soon", float("nan"), float("inf"), -1e30, 10**400, 7, [], object(), NotATime(1, 1, 1), Numbers()]
)
def test_what_is_no_date_is_passed_over(value: object) -> None:
    documents = [Document(text=text, metadata={"date": value}) for text in NOTES]
    plain = Marker(LexicalScorer()).mark(NOTES, "What happened on 20 November 2025?")
    assert Marker(LexicalScorer()).mark(documents, "What happened on 20 November 2025?").scores == plain.scores


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("notes_2026-03-18.md", [(2026, 3, 18)]),
        ("20260318-standup", [(2026, 3, 18)]),
        ("2026-03-18T10:00:00+00:00", [(2026, 3, 18)]),
        ("18-Mar-2026", [(2026, 3, 18)]),
        ("was geschah am 18. März?", [(None, 3, 18)]),
        ("op 18 maart 2026", [(2026, 3, 18)]),
        ("2026년 3월 18일", [(2026, 3, 18)]),
        ("05/03/2026", [(2026, 3, 5), (2026, 5, 3)]),
        ("2026-02-30", []),
        ("99월", []),
        ("3 out of 5", []),
        ("on Monday", []),
    ],
)
def test_days_are_read_in_names_and_questions(text: str, days: list[tuple[int | None, ...]]) -> None:
    assert [day[:3] for day in read_days(text)[0]] == days


@given(st.randoms(use_true_random=False), st.sampled_from(["What happened on 2025-11-07?", "Did it rain?", "What of December?"]))
def test_the_order_of_documents_changes_no_score(chance: random.Random, query: str) -> None:
    documents = diary()
    order = chance.sample(range(len(documents)), len(documents))
    marker = Marker(LexicalScorer())
    plain, shuffled = marker.mark(documents, query), marker.mark([documents[i] for i in order], query)
    by_text = {sentence.text: score for sentence, score in zip(plain.sentences, plain.scores, strict=True)}
    for sentence, score in zip(shuffled.sentences, shuffled.scores, strict=True):
        assert score == pytest.approx(by_text[sentence.text])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6), st.text(min_size=1, max_size=40).filter(str.strip))
def test_any_label_and_question_can_be_read(ids: list[str], query: str) -> None:
    lifted = scored([float(i) for i in range(len(ids))], ids, query)
    assert min(lifted) >= 0
    assert max(lifted) <= max(len(ids) - 1, 1)


def test_an_echo_stays_last_in_a_document_that_is_asked_for() -> None:
    query = "What happened on 20 November 2025?"
    marking = Marker(LexicalScorer()).mark([*diary(), Document(text=f"{query} A leak.", id="20 Nov 2025")], query)
    (echo,) = find_echoes(query, marking.sentences)
    assert marking.scores[echo] == min(marking.scores)
