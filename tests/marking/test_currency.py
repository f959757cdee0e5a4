"""A later note that says what changed comes before the older one, and the result names it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from attngs.compressor import ContextCompressor
from attngs.marking.currency import find_successors, successors_first
from attngs.marking.marker import Marker
from attngs.types import Document, ScoreRequest, Sentence

HOME, PLAY, MOVE, SCHOOL = (
    "Omar rents a room in Ghent.",
    "Omar plays the cello.",
    "Omar moved to a flat in Bruges.",
    "Omar's son likes maths.",
)
NOTES = (HOME, PLAY, MOVE, SCHOOL)
QUESTION = "In which town does Omar rent?"


@pytest.fixture(scope="module")
def compressor() -> ContextCompressor:
    return ContextCompressor(Marker.default())


def dated(texts: Sequence[str], *days: str) -> list[Document]:
    days = days or tuple(f"2026-05-0{i + 1}" for i in range(len(texts)))
    return [Document(text=text, metadata={"date": day}) for text, day in zip(texts, days, strict=True)]


def units(documents: Sequence[Document]) -> tuple[Sentence, ...]:
    return tuple(Sentence(document=d, position=i, start=0, end=len(d.text)) for i, d in enumerate(documents))


def successors(compressor: ContextCompressor, documents: Sequence[Document], question: str = QUESTION) -> dict[int, int]:
    return dict(compressor.compress(documents, question, target_tokens=16).marking.successors)


def test_what_changed_is_kept_where_one_note_fits(compressor: ContextCompressor) -> None:
    result = compressor.compress(dated(NOTES), QUESTION, target_tokens=16)
    assert MOVE in result.text
    assert HOME not in result.text
    old = next(source for source in (*result.kept, *result.dropped) if source.text == HOME)
    assert old.superseded_by is not None
    assert old.superseded_by[1:] == (2, 0, len(MOVE))
    assert [source["superseded_by"][1:] for source in result.to_dict()["dropped"] if source["text"] == HOME] == [[2, 0, len(MOVE)]]  # type: ignore[attr-defined]


def test_both_are_kept_where_both_fit(compressor: ContextCompressor) -> None:
    result = compressor.compress(dated(NOTES), QUESTION, target_tokens=36)
    assert HOME in result.text
    assert MOVE in result.text


def test_dates_count_and_not_the_order(compressor: ContextCompressor) -> None:
    newest_first = dated(NOTES[::-1], "2026-05-04", "2026-05-03", "2026-05-02", "2026-05-01")
    assert successors(compressor, newest_first) == {3: 1}
    before = dated(NOTES, "2026-05-04", "2026-05-01", "2026-05-02", "2026-05-03")
    assert successors(compressor, before) == {}


def test_a_date_in_the_id_counts(compressor: ContextCompressor) -> None:
    documents = [Document(text=text, id=f"{i + 1} May 2026") for i, text in enumerate(NOTES)]
    assert successors(compressor, documents) == {0: 2}


@pytest.mark.parametrize("days", [("", "", "", ""), ("soon", "later", "7", "x")])
def test_without_dates_nothing_is_later(compressor: ContextCompressor, days: tuple[str, ...]) -> None:
    assert successors(compressor, dated(NOTES, *days)) == {}


def test_messages_of_a_chat_need_no_dates(compressor: ContextCompressor) -> None:
    chat = [Document(text=text, metadata={"role": "user"}) for text in NOTES]
    assert successors(compressor, chat) == {0: 2}
    assert successors(compressor, [*chat[:-1], Document(text=SCHOOL)]) == {}


def test_the_order_of_what_a_search_found_tells_no_time(compressor: ContextCompressor) -> None:
    same_day = dated(NOTES, *["2026-05-01"] * 4)
    assert successors(compressor, same_day) == {0: 2}
    found = [Document(text=d.text, metadata={**d.metadata, "relevance_score": 0.5}) for d in same_day]
    assert successors(compressor, found) == {}
    assert successors(compressor, [Document(text=d.text, metadata={**d.metadata, "relevance_score": 0.5}) for d in dated(NOTES)]) == {0: 2}


def test_a_later_value_needs_no_word_of_change(compressor: ContextCompressor) -> None:
    documents = dated(("The boiler pressure is 1.2 bar.", PLAY, "Boiler pressure 1.6 bar after the visit.", SCHOOL))
    assert successors(compressor, documents, "What is the boiler pressure?") == {0: 2}


def test_who_moved_lives_somewhere_else(compressor: ContextCompressor) -> None:
    texts = ("Priya lives in Leeds.", "The soup was cold.", "Priya moved to Cardiff.", "The tram was late.", "It snowed all day.")
    assert successors(compressor, dated(texts), "Where does Priya live?") == {0: 2}


def test_long_messages_have_no_successors(compressor: ContextCompressor) -> None:
    more = " The bus was late. It rained. Nobody came. The shop was closed. We ate soup."
    assert successors(compressor, dated((HOME + more, PLAY, MOVE + more, SCHOOL))) == {}


@pytest.mark.parametrize(
    "later",
    [
        "Omar's cellist colleague rents a room in Bruges.",
        "The post office moved to Bruges.",
        "Omar moved his lesson to Friday.",
        "Omar has a new cello bow.",
    ],
)
def test_other_notes_are_no_successors(compressor: ContextCompressor, later: str) -> None:
    assert successors(compressor, dated((HOME, PLAY, later, SCHOOL))) == {}


def test_a_scorer_that_knows_no_likeness_finds_none() -> None:
    class Plain:
        def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
            return [1.0, 0.0, 0.9, 0.0]

    request = ScoreRequest(query=QUESTION, sentences=units(dated(NOTES)))
    assert find_successors(request, (1.0, 0.0, 0.9, 0.0), Plain()) == {}


def test_the_last_of_a_chain_comes_first() -> None:
    assert successors_first((9.0, 8.0, 1.0, 7.0), {0: 3, 1: 3}) == (7.0, 8.0, 1.0, 9.0)
    assert successors_first((7.0, 9.0), {0: 1}) == (7.0, 9.0)
