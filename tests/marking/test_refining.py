"""Units that no budget holds give way to their parts, and the best part comes first."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngs import CompressedContext, ContextCompressor, Document, GreedySelector, Marker
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.reading.tokens import CallableCounter
from attngs.testing import FakeScorer, count_words

PLOTS = [
    {"plot": f"P{i}", "soil": f"clay number {i} under sand", "owner": f"Ode the {i}th of Hallum", "trees": f"{i} old apple trees"}
    for i in range(8)
]
SPEECH = "and then we went on by the river and looked at the boats " * 5 + "the password is heron nine " + "and it rained on the way " * 6


def compressed(documents: str | list[Document], query: str, budget: int, **settings: object) -> CompressedContext:
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count_words, selector=GreedySelector(**settings))  # type: ignore[arg-type]
    return compressor.compress(documents, query, target_tokens=budget)


def test_speech_without_stops_is_cut_round_its_match() -> None:
    result = compressed(SPEECH, "What is the password?", 15)
    assert "password is heron nine" in result.text
    assert "\n" not in result.text  # one stretch


def test_a_field_comes_with_the_name_of_its_record() -> None:
    assert compressed(json.dumps(PLOTS), "Which trees stand on plot P5?", 8).text == '{"plot": "P5", … "trees": "5 old apple trees"},'


def test_a_cell_comes_with_its_header_and_its_row() -> None:
    header = "| Name | Height above the sea in metres | Depth of the well in metres |\n|---|---|---|\n"
    rows = "".join(f"| Tower {name} | {20 + i} | {4 + i} |\n" for i, name in enumerate(("Ash", "Birch", "Cedar")))
    result = compressed(header + rows, "How deep is the well of tower Birch?", 15)
    assert result.text == "| Depth of the well in metres |\n| Tower Birch … | 5 |"


def test_the_error_of_a_traceback_comes_before_its_frames() -> None:
    frames = "".join(f'  File "/srv/pump{i}.py", line {i}, in turn\n    turn(pump, wheel={i})\n' for i in range(3))
    trace = f"2025-02-01 08:00:00 ERROR pump stopped\nTraceback (most recent call last):\n{frames}TimeoutError: valve is shut\n"
    calm = "".join(f"2025-02-01 08:0{i}:00 INFO tank is full\n" for i in range(1, 9))
    result = compressed(trace + calm, "Why did the pump stop?", 12)
    assert result.text == "2025-02-01 08:00:00 ERROR pump stopped\nTimeoutError: valve is shut"


def test_sources_and_heat_map_hold_the_parts() -> None:
    result = compressed(json.dumps(PLOTS), "Which trees stand on plot P5?", 8)
    whole = json.dumps(PLOTS)
    assert [whole[source.start : source.end] for source in result.kept] == [source.text for source in result.kept]
    assert "5 old apple trees" in result.to_html()


def test_scores_and_marks_of_other_units_stay_and_parts_take_the_place_of_theirs() -> None:
    marker = Marker(FakeScorer("heron"))
    texts = ["heron " + "reed " * 30, "pond"]
    before = marker.mark(texts, "heron?")
    after = marker.refine(before, [0], target_tokens=9, counter=CallableCounter(count_words))
    assert after.scores[0] == before.scores[0]
    assert all(before.scores[1] < score for score in after.scores[:-1])
    assert (after.scores[-1], after.marked[-1]) == (before.scores[1], before.marked[1])
    assert {after.marked[0]} == set(after.marked[:-1])


def test_a_plan_and_a_marking_of_the_users_are_refined_too() -> None:
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count_words)
    query = "What is the password?"
    marking = compressor.plan(SPEECH, query, target_tokens=100).marking
    plan = compressor.plan(SPEECH, query, target_tokens=15)
    assert compressor.compress(SPEECH, query, target_tokens=15, marking=marking).text == plan.selection.text
    assert "heron nine" in plan.selection.text


def test_what_fits_is_not_cut() -> None:
    result = compressed(json.dumps(PLOTS), "Which trees stand on plot P5?", 24)
    assert all(sentence.part_of is None for sentence in result.marking.sentences)


def test_must_keep_finds_a_part() -> None:
    result = compressed([Document(text=SPEECH), Document(text="Tea. Milk.")], "tea", 12, must_keep=("heron",))
    assert "heron" in result.text


TEXTS = (
    json.dumps(PLOTS),
    json.dumps(PLOTS, indent=1),
    SPEECH,
    "我住在上海我对花生过敏医生让我每天吃药" * 8,
    "Ode: It rained all day and the hay is wet. I could not mow.\nMia: The key hangs behind the mill. Take it.\nOde: Thanks a lot.\n",
    "name,soil of the plot,trees on the plot,owner of the plot\nElm,clay and sand,nine apples,Ode\nFir,peat and bog,no trees,Mia\n",
    "def mow(field):\n    if field.wet:\n        return 0\n    blades = field.width / 2\n    return blades * 7\n",
    "# A heading of a good many words that fills a budget\n\nIt rained. The hay is wet.",
)


@settings(max_examples=80)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3), st.integers(1, 60), st.sampled_from([count_words, len]))
def test_the_budget_is_hard_and_nothing_gets_lost(texts: list[str], budget: int, count: object) -> None:
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count)  # type: ignore[arg-type]
    result = compressor.compress(texts, "Which trees stand on plot P5, and where is the key?", target_tokens=budget)
    assert result.compressed_tokens <= budget
    for place, text in enumerate(texts):
        pieces = sorted((s.start, s.text) for s in (*result.kept, *result.dropped) if s.position == place)
        assert "".join(piece for _, piece in pieces) == text
    if count is count_words and budget >= 12:
        assert result.text


@pytest.mark.parametrize("text", TEXTS)
async def test_awaited_it_is_the_same(text: str) -> None:
    compressor = ContextCompressor(Marker(LexicalScorer()), counter=count_words)
    here = compressor.compress(text, "Where is the key?", target_tokens=9)
    assert (await compressor.acompress(text, "Where is the key?", target_tokens=9)).text == here.text


@pytest.mark.parametrize(
    ("sentence", "query", "said", "qualifier"),
    [
        (
            "The nurse on the ward said that since her last operation Ana may not eat fish or any shells from the sea.",
            "Can Ana have fish tonight?",
            "eat fish",
            "not",
        ),
        (
            "We were told by two neighbours on the stairs that Ben has never sold the blue boat in Porto.",
            "Where is the blue boat of Ben?",
            "sold the blue",
            "never",
        ),
        (
            "After the long talk with the bank on Friday I do not believe that Ana has moved to Braga.",
            "Where has Ana moved to?",
            "Ana has",
            "not",
        ),
        (
            "If the river rises above the second mark on the wall the guard opens the gate of the old mill.",
            "Who opens the gate of the mill?",
            "the gate",
            "If",
        ),
        ("Nach dem langen Gespräch mit dem Arzt am Freitag darf sie keinen Fisch mehr essen.", "Was ist mit dem Fisch?", "Fisch", "keinen"),
    ],
)
@pytest.mark.parametrize("budget", range(3, 15))
def test_no_piece_says_what_its_sentence_denies_or_leaves_open(sentence: str, query: str, said: str, qualifier: str, budget: int) -> None:
    text = compressed(f"It rained all day long. We went home by bus. {sentence} Nobody was there.", query, budget).text
    assert said not in text or qualifier in text
