"""A later note that says what changed comes before the older one, and the result names it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from attngs.compressor import ContextCompressor
from attngs.marking.currency import find_successors, successors_first
from attngs.marking.marker import Marker
from attngs.protocols import Floats
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
    assert successors(compressor, before) == {2: 0}


def test_a_date_in_the_id_counts(compressor: ContextCompressor) -> None:
    documents = [Document(text=text, id=f"{i + 1} May 2026") for i, text in enumerate(NOTES)]
    assert successors(compressor, documents) == {0: 2}


@pytest.mark.parametrize("days", [("", "", "", ""), ("soon", "later", "7", "x")])
def test_without_dates_nothing_is_later(compressor: ContextCompressor, days: tuple[str, ...]) -> None:
    assert successors(compressor, dated(NOTES, *days)) == {}


def test_words_may_tell_that_something_was_otherwise(compressor: ContextCompressor) -> None:
    notes = ("As of May I take the tram to the office.", PLAY, "I take the ferry to the office.", SCHOOL)
    assert successors(compressor, [Document(text=text) for text in notes], "How do I get to the office?") == {2: 0}


def test_what_a_reply_points_back_to_is_the_news(compressor: ContextCompressor) -> None:
    sessions = dated(
        (
            "Ulla: My aim is the lake swim, under 40 minutes.\nAssistant: Then train three times a week.",
            "Ulla: We painted the shed.\nAssistant: Which colour?\nUlla: Ox blood.",
            "Ulla: I have signed up for the pier swim instead.\nAssistant: That replaces the lake swim under 40 minutes.",
        )
    )
    marking = compressor.marker.mark(sessions, "Which swim is Ulla training for?")
    named = {marking.sentences[a].text[:20]: marking.sentences[b].text[:20] for a, b in marking.successors.items()}
    assert named["Ulla: My aim is the "] == "Ulla: I have signed "


def test_messages_of_a_chat_need_no_dates(compressor: ContextCompressor) -> None:
    chat = [Document(text=text, metadata={"role": "user"}) for text in NOTES]
    assert successors(compressor, chat) == {0: 2}
    assert successors(compressor, [*chat[:-1], Document(text=SCHOOL)]) == {}


def test_the_advice_of_an_assistant_is_no_news(compressor: ContextCompressor) -> None:
    chat = [Document(text=text, metadata={"role": "assistant" if text == MOVE else "user"}) for text in NOTES]
    assert successors(compressor, chat) == {}


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


def test_a_move_counts_however_far_apart_the_scores_are(compressor: ContextCompressor) -> None:
    texts = ("Priya lives in Leeds.", "Priya keeps bees.", "Priya moved to Cardiff.", "Priya's cousin sings.", "Priya swims on Mondays.")
    assert successors(compressor, dated(texts), "Where does Priya live?") == {0: 2}
    moved = ("Priya lives in Leeds.", "Priya keeps bees.", "Priya's cousin moved to Cardiff.", "Priya swims on Mondays.")
    assert successors(compressor, dated(moved), "Where does Priya live?") == {}


def test_a_fact_in_a_long_message_has_a_successor(compressor: ContextCompressor) -> None:
    more = " The bus was late. It rained. Nobody came. The shop was closed. We ate soup."
    result = compressor.compress(dated((HOME + more, PLAY, MOVE + more, SCHOOL)), QUESTION, target_tokens=20)
    assert MOVE in result.text
    assert {source.text.strip(): source.superseded_by is not None for source in (*result.kept, *result.dropped)}[HOME]


@pytest.mark.parametrize(
    ("text", "question", "old", "new"),
    [
        (
            "# Log\n\n## 3 March 2026\n\nThe greenhouse is set to 18 degrees. Slept badly.\n\n"
            "## 9 March 2026\n\nPlanted leeks.\n\n## 21 April 2026\n\nThe greenhouse is set to 14 degrees. Went to bed early.\n",
            "To how many degrees is the greenhouse set?",
            "18 degrees",
            "14 degrees",
        ),
        (
            "[02/02/2026, 09:10] Hanne: rehearsal is in the blue room\n[02/02/2026, 09:12] Sol: ok\n"
            "[05/02/2026, 18:40] Sol: who has the keys?\n[06/02/2026, 08:15] Hanne: rehearsal is now in the chapel\n",
            "Where is rehearsal?",
            "blue room",
            "chapel",
        ),
        (
            "4 January 2026: the swimming pass costs 30 euros\n\n8 January 2026: bought flour\n\n"
            "9 May 2026: the swimming pass costs 34 euros",
            "How much does the swimming pass cost?",
            "30 euros",
            "34 euros",
        ),
    ],
    ids=["diary", "chat export", "dated lines"],
)
def test_dates_in_the_text_count(compressor: ContextCompressor, text: str, question: str, old: str, new: str) -> None:
    marking = compressor.marker.mark(text, question)
    named = {marking.sentences[a].text: marking.sentences[b].text for a, b in marking.successors.items()}
    assert any(old in earlier and new in later for earlier, later in named.items())
    assert not any(new in earlier for earlier in named)


@pytest.mark.parametrize("key", ["updated_at", "last_modified", "last_modified_date"])
def test_the_time_of_a_file_counts_where_nothing_else_tells(compressor: ContextCompressor, key: str) -> None:
    days = ("2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04")
    documents = [Document(text=text, metadata={key: day}) for text, day in zip(NOTES, days, strict=True)]
    assert successors(compressor, documents) == {0: 2}
    written = [Document(text=d.text, metadata={**d.metadata, "date": day}) for d, day in zip(documents, reversed(days), strict=True)]
    assert 0 not in successors(compressor, written)


def test_a_question_about_the_present_asks_for_later_days(compressor: ContextCompressor) -> None:
    sessions = dated(
        (
            "Ulla: The physio lets me walk for ten minutes, twice a day.\nAssistant: How is the knee?\nUlla: Stiff.",
            "Ulla: We painted the shed.\nAssistant: Which colour?\nUlla: Ox blood.",
            "Ulla: The physio says half an hour of walking, with two breaks.\nAssistant: Good.\nUlla: I made soup.",
        )
    )
    marking = compressor.marker.mark(sessions, "How long may I walk this week with my knee?")
    named = {marking.sentences[a].text[:20]: marking.sentences[b].text[:20] for a, b in marking.successors.items()}
    assert named["Ulla: The physio let"] == "Ulla: The physio say"


@pytest.mark.parametrize(
    "later",
    [
        "Omar's cellist colleague rents a room in Bruges.",
        "The post office moved to Bruges.",
        "Omar moved his lesson to Friday.",
        "Omar has a new cello bow.",
        "Omar rents a room in Bruges, too.",
        "Omar's brother rents a room in Bruges.",
        "Today Omar was shown a room in Bruges.",
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


def test_no_statement_succeeds_itself() -> None:
    """Two statements that point back, each closer to the fact before the other one, send neither in a circle."""
    facts = [
        "Omar rents in Ghent. ",
        "That is no longer so. ",
        "Omar rents in Bruges. ",
        "This is no longer true. ",
        "It rained. ",
        "We ate. ",
    ]
    text, begins = "".join(facts), [len("".join(facts[:i])) for i in range(len(facts))]
    sentences = [
        Sentence(document=Document(text=text), position=0, start=begin, end=begin + len(fact))
        for begin, fact in zip(begins, facts, strict=True)
    ]

    class Crossed:
        def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
            return [1.0 for _ in sentences]

        def likeness(self, texts: Sequence[str], namespace: str) -> Floats:
            places = [facts.index(text) for text in texts]
            return np.array([[0.0 if {a, b} in ({0, 1}, {2, 3}) else 1.0 for b in places] for a in places])

    scores = (9.0, 8.9, 9.0, 8.9, 0.0, 0.0)
    found = find_successors(ScoreRequest(query="Where does he rent now?", sentences=sentences), scores, Crossed())
    assert found == {0: 2, 2: 1}
    assert max(successors_first(scores, found)) == 9.0


def test_the_last_of_a_chain_comes_first() -> None:
    placed = successors_first((9.0, 8.0, 1.0, 7.0), {0: 1, 1: 3})
    assert sorted(range(4), key=placed.__getitem__, reverse=True) == [3, 1, 0, 2]
    assert placed[3] == 9.0
    assert min(placed[:2]) > 8.9
    assert successors_first((7.0, 9.0), {0: 1}) == (7.0, 9.0)


def test_a_figure_that_both_have_tells_what_is_replaced(compressor: ContextCompressor) -> None:
    plan = "For the half marathon she wants to run under 1:55."
    news = "Her new goal replaces the 1:55: ten kilometres without pain."
    documents = dated((plan, PLAY, SCHOOL, news))
    assert successors(compressor, documents, "Which goal does she run for now?") == {0: 3}


@pytest.mark.parametrize(
    ("question", "old", "new", "follows"),
    [
        ("What does room 2 cost a night?", "Room 2 costs 90 euros a night.", "Room 3 costs 95 euros a night.", False),
        ("What does room 2 cost a night?", "Room 2 costs 90 euros a night.", "Room 2 costs 95 euros a night now.", True),
        ("Is the rehearsal still at 3 pm?", "The rehearsal is at 3 pm.", "The rehearsal moved to 5 pm.", True),
    ],
)
def test_a_numbered_thing_is_not_another(compressor: ContextCompressor, question: str, old: str, new: str, follows: bool) -> None:
    documents = dated((old, "The oven is broken.", new, "It rained."))
    assert successors(compressor, documents, question) == ({0: 2} if follows else {})


EVENTS = """\
2025-03-06 05:58:10 INFO shift begins, operator Kurz
2025-03-06 06:47:12 WARN press 2 stopped, reason: guard open
2025-03-06 06:49:50 INFO oil of press 3 warm
2025-03-06 07:15:33 WARN press 1 stopped, reason: tool change
2025-03-06 09:00:00 INFO 4120 parts made
"""
RECORDS = """\
{"ts":"2025-06-02T07:00:01Z","msg":"scheduler started"}
{"ts":"2025-06-02T07:00:58Z","msg":"report done","tenant":"alder","ms":482}
{"ts":"2025-06-02T07:02:58Z","msg":"report done","tenant":"cedar","ms":690}
{"ts":"2025-06-02T07:03:03Z","msg":"scheduler idle"}
"""


@pytest.mark.parametrize(
    ("question", "text", "kept"),
    [
        ("Why was press 2 stopped?", EVENTS, "guard open"),
        ("How long did the report of tenant alder take?", RECORDS, "482"),
    ],
)
def test_a_later_event_is_no_news_of_another_thing(compressor: ContextCompressor, question: str, text: str, kept: str) -> None:
    result = compressor.compress(text, question, target_tokens=52)
    assert kept in result.text
    assert not result.marking.successors


def test_of_one_later_document_the_sentence_about_the_same_thing_follows() -> None:
    old = Document(
        id="old",
        text="VPN: use the client 'Tunnelwolf'. The gateway is vpn1.corp.example. Ask Greta if the token is lost.",
        metadata={"updated_at": "2023-05-02"},
    )
    new = Document(
        id="new",
        text="VPN: use the client 'Tunnelwolf'. The gateway is vpn2.corp.example since May. Ask Ravi if the token is lost.",
        metadata={"updated_at": "2025-05-02"},
    )
    other = Document(
        id="other", text="The canteen opens at eleven. Lunch is 6 euros. Sick notes go to Mara.", metadata={"updated_at": "2024-06-01"}
    )
    result = ContextCompressor(Marker.default()).compress([old, new, other], "Which VPN gateway do I use?", target_tokens=40)
    [place] = [source.superseded_by for source in (*result.kept, *result.dropped) if "vpn1" in source.text]
    assert place is not None
    assert "vpn2" in new.text[place.start : place.end]
