"""The budget is never exceeded, nothing is lost, order is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import ContextCompressor, Marker
from attngs.errors import ConfigError
from attngs.marking.algorithm import ranking
from attngs.protocols import TokenCounter
from attngs.reading.tokens import CallableCounter
from attngs.selection.layout import ExtractLayout
from attngs.selection.selector import GreedySelector
from attngs.testing import FakeScorer, count_words
from attngs.types import Document, Marking, Selection, Sentence

WORDS = CallableCounter(count_words)
NO_LABEL = ExtractLayout(label="")


def marking_of(*documents: list[tuple[str, float]], marked: set[int] | None = None) -> Marking:
    """Sentences with their scores, document by document."""
    sentences, scores = [], []
    for position, rows in enumerate(documents):
        document = Document(text="".join(text for text, _ in rows), id=f"d{position}")
        start = 0
        for text, score in rows:
            sentences.append(Sentence(document=document, position=position, start=start, end=start + len(text)))
            scores.append(score)
            start += len(text)
    flags = tuple(marked is None or i in marked for i in range(len(sentences)))
    return Marking(query="q", sentences=tuple(sentences), scores=tuple(scores), marked=flags)


ONE = [("a a a. ", 1.0), ("b b. ", 3.0), ("c c c c. ", 2.0), ("d.", 0.5)]

texts = st.text(alphabet="ab \n\t.é漢\ud800<>[]", max_size=12)
rows = st.lists(st.tuples(texts.filter(bool), st.floats(-3, 3, allow_nan=False)), max_size=6)
markings = st.lists(rows, max_size=4).map(lambda documents: marking_of(*documents))
selectors = st.builds(
    GreedySelector,
    candidates=st.sampled_from(["all", "marked"]),
    neighbors=st.integers(0, 2),
    must_keep=st.sampled_from([(), ("a",), (re.compile("b"), lambda sentence: "é" in sentence.text)]),
    min_per_document=st.integers(0, 2),
    layout=st.sampled_from([ExtractLayout(), NO_LABEL, ExtractLayout(gap=" [...] ", label="<<{id}>> ")]),
)
counters = st.sampled_from([count_words, len, lambda text: (len(text) + 3) // 4, lambda text: text.count("a") * 3, lambda text: 5])


def unquoted(text: str) -> str:
    """Without the sign that keeps a line of a document from passing for a label (tests/text/test_defusing.py)."""
    return "".join(text.replace(">", "").split())


@given(markings, selectors, st.integers(1, 60), counters)
def test_invariants(marking: Marking, selector: GreedySelector, budget: int, count: object) -> None:
    counter = CallableCounter(count)  # type: ignore[arg-type]
    selection = selector.select(marking, target_tokens=budget, counter=counter)
    assert selection.tokens == (counter.count([selection.text])[0] if selection.text else 0)
    assert selection.tokens <= budget
    assert sorted(selection.kept + selection.dropped) == list(range(len(marking.sentences)))
    assert list(selection.kept) == sorted(selection.kept)
    position = 0
    for i in selection.kept:  # verbatim and in order
        position = unquoted(selection.text).index(unquoted(marking.sentences[i].text.strip()), position)
    assert selection == selector.select(marking, target_tokens=budget, counter=counter)


@given(markings)
def test_a_budget_larger_than_the_text_keeps_all_of_it(marking: Marking) -> None:
    selection = GreedySelector().select(marking, target_tokens=10_000, counter=CallableCounter(len))
    assert all(not marking.sentences[i].text.strip() for i in selection.dropped)


def test_best_first_then_reading_order() -> None:
    selection = GreedySelector().select(marking_of(ONE), target_tokens=6, counter=WORDS)
    assert selection.text == "b b. c c c c."
    assert (selection.kept, selection.dropped, selection.tokens, selection.reason) == ((1, 2), (0, 3), 6, None)


def test_what_does_not_fit_is_skipped_for_the_next_best() -> None:
    marking = marking_of([*ONE[:1], ("b b. ", 3.0), ("c c c c. ", 2.0), ("d.", -9.0)])
    selection = GreedySelector().select(marking, target_tokens=5, counter=WORDS)
    assert (selection.text, selection.reason) == ("a a a. b b.", None)


def test_scraps_far_down_the_ranking_are_not_used_as_filler() -> None:
    rows = [("good one here. ", 9.0), *((f"too long to fit {i}. ", 8 - i / 9) for i in range(30)), ("x.", -3.0)]
    assert GreedySelector().select(marking_of(rows), target_tokens=4, counter=WORDS).text == "good one here."
    few = [("good one here. ", 9.0), ("too long to fit. ", 8.0), ("x.", -3.0)]
    assert GreedySelector().select(marking_of(few), target_tokens=4, counter=WORDS).text == "good one here."


def test_gaps_labels_and_document_borders() -> None:
    rows = [*ONE[:3], ("d.", 2.5)]
    selection = GreedySelector().select(marking_of(rows, [("e e. ", 4.0)]), target_tokens=8, counter=WORDS)
    assert selection.text == "[d0]\nb b.\nd.\n\n[d1]\ne e."
    assert selection.tokens == 7
    assert (
        GreedySelector(layout=NO_LABEL).select(marking_of([("x. ", 1.0)], [("y.", 1.0)]), target_tokens=9, counter=WORDS).text == "x.\n\ny."
    )


def test_neighbors_come_along_where_they_fit() -> None:
    marking = marking_of([("a. ", 0.1), ("b. ", 0.2), ("c. ", 9.0), ("d. ", 0.3), ("e. ", 5.0)])
    assert GreedySelector(neighbors=1).select(marking, target_tokens=3, counter=WORDS).text == "b. c. d."
    assert GreedySelector(neighbors=2).select(marking, target_tokens=3, counter=WORDS).text == "c. d. e."


def test_must_keep_goes_before_everything() -> None:
    for must in ("d", re.compile("^d"), lambda sentence: sentence.start > 15):
        selection = GreedySelector(must_keep=(must,)).select(marking_of(ONE), target_tokens=3, counter=WORDS)
        assert selection.text == "b b.\nd."
    selection = GreedySelector(must_keep=("c",)).select(marking_of(ONE), target_tokens=3, counter=WORDS)
    assert selection.text == "b b."
    assert selection.reason == "1 of 1 sentences that must be kept did not fit into 3 tokens"


def test_every_document_gets_its_minimum() -> None:
    documents = [[("a a. ", 9.0), ("b b. ", 8.0)], [("c c. ", 1.0)]]
    plain = GreedySelector(layout=NO_LABEL).select(marking_of(*documents), target_tokens=4, counter=WORDS)
    fair = GreedySelector(layout=NO_LABEL, min_per_document=1).select(marking_of(*documents), target_tokens=4, counter=WORDS)
    assert (plain.text, fair.text) == ("a a. b b.", "a a.\n\nc c.")
    tight = GreedySelector(layout=NO_LABEL, min_per_document=1).select(marking_of(*documents), target_tokens=2, counter=WORDS)
    assert tight.reason == "1 documents have no sentence that fitted into 2 tokens"


def test_the_best_sentence_never_goes_missing_in_silence() -> None:
    selection = GreedySelector().select(marking_of([("the best of all. ", 9.0), ("rest.", 1.0)]), target_tokens=3, counter=WORDS)
    assert selection.text == "rest."
    assert selection.reason == "the best sentence takes 4 tokens and did not fit into 3"


def test_only_marked_sentences_when_asked() -> None:
    marking = marking_of(ONE, marked={2})
    for budget in (4, 9, 100):
        assert GreedySelector(candidates="marked").select(marking, target_tokens=budget, counter=WORDS).text == "c c c c."
    both = GreedySelector(candidates="marked", must_keep=("d",)).select(marking, target_tokens=100, counter=WORDS)
    assert (both.text, both.reason) == ("c c c c. d.", None)


@pytest.mark.parametrize(
    ("marking", "selector", "reason"),
    [
        (marking_of(), GreedySelector(), "the documents hold no text"),
        (marking_of([("  \n ", 1.0)]), GreedySelector(), "the documents hold no text"),
        (
            marking_of([("a b c.", 1.0)], [("d e f g.", 1.0)]),
            GreedySelector(),
            "nothing fits: the shortest sentence takes 4 tokens with its label",
        ),
        (marking_of([("a b c.", 1.0)], marked=set()), GreedySelector(candidates="marked"), "nothing was marked"),
        (marking_of([("  ", 1.0)], [("a b c.", 0.5)], marked={0}), GreedySelector(candidates="marked"), "nothing was marked"),
    ],
)
def test_an_empty_result_says_why(marking: Marking, selector: GreedySelector, reason: str) -> None:
    selection = selector.select(marking, target_tokens=2, counter=WORDS)
    assert (selection.text, selection.tokens, selection.kept) == ("", 0, ())
    assert selection.reason is not None
    assert selection.reason.startswith(reason)


@pytest.mark.parametrize("budget", [0, -1, True, 2.5, None, "9"])
def test_budgets_that_are_none(budget: object) -> None:
    with pytest.raises(ConfigError, match="`target_tokens` must be a whole number of at least 1"):
        GreedySelector().select(marking_of(ONE), target_tokens=budget, counter=WORDS)  # type: ignore[arg-type]


def test_a_sentence_that_fits_is_found_behind_any_number_that_do_not() -> None:
    rows = [[(f"word {i} " * 20, 9.0)] for i in range(40)]
    selection = GreedySelector().select(marking_of(*rows, [("short one.", 1.0)]), target_tokens=8, counter=WORDS)
    assert selection.text == "[d40]\nshort one."
    marked = GreedySelector(candidates="marked").select(marking_of(*rows, [("short.", 1.0)], marked={3}), target_tokens=8, counter=WORDS)
    assert marked.reason == "nothing fits: the shortest marked sentence takes 41 tokens with its label, the budget is 8"


def test_settings_out_of_range() -> None:
    for bad in ("allergy", (5,)):
        with pytest.raises(ConfigError, match="`must_keep` must be a tuple"):
            GreedySelector(must_keep=bad)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`neighbors`"):
        GreedySelector(neighbors=None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`label`"):
        ExtractLayout(label="[{date}]")
    with pytest.raises(ConfigError, match="`neighbors`"):
        GreedySelector(neighbors=-1)
    with pytest.raises(ConfigError, match="not a regular expression"):
        GreedySelector(must_keep=("(",))
    with pytest.raises(ConfigError, match="`candidates`"):
        GreedySelector(candidates="some")  # type: ignore[arg-type]


def test_ties_are_deterministic() -> None:
    marking = marking_of([("a. ", 1.0), ("b. ", 1.0), ("c. ", 1.0)])
    assert ranking(marking.scores) == [0, 1, 2]
    assert GreedySelector().select(marking, target_tokens=2, counter=WORDS).text == "a. b."


def test_a_pattern_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attngs.selection.selector.PATTERN_SECONDS", 0.5)
    marking = marking_of([("a" * 5_000 + "b", 1.0)])
    for pattern in (r"(a+)+$", re.compile(r"(A+)+$", re.IGNORECASE)):
        with pytest.raises(ConfigError, match=r"`must_keep` holds '\(.*\)\+\$', which took more than 0.5 seconds"):
            GreedySelector(must_keep=(pattern,)).select(marking, target_tokens=10, counter=WORDS)


def test_a_pattern_that_is_slow_on_many_sentences_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attngs.selection.selector.PATTERN_SECONDS", 0.05)
    marking = marking_of([("Aaaaa aaaaa aaaaa aaaaa aaaaa aa. ", 1.0)] * 3_000)
    with pytest.raises(ConfigError, match="make it simpler"):
        GreedySelector(must_keep=(r"(\w+\s?)+$",)).select(marking, target_tokens=10, counter=WORDS)


class Recorder:
    """Counts words, and remembers what it was asked."""

    name = "recorder"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def count(self, texts: Sequence[str]) -> list[int]:
        self.texts += texts
        return [count_words(text) for text in texts]


@pytest.mark.parametrize("budget", [10, 300, 3_000])
def test_a_long_context_is_neither_counted_whole_nor_again_and_again(budget: int) -> None:
    marking = marking_of([(f"word{i} and more. ", float(i * 7919 % 2_003)) for i in range(2_000)])
    counter = Recorder()
    selection = GreedySelector().select(marking, target_tokens=budget, counter=counter)
    assert selection.tokens == budget - budget % 3
    whole = [text for text in counter.texts if text.count("word") > 1]
    assert len(whole) <= 5, "everything where that may fit, what was chosen, and that with what may still fit"
    assert len(counter.texts) < 2 * budget + 600, "not every sentence of a context of which few are kept"


def test_a_context_that_fits_is_selected_once() -> None:
    counter, asked = Recorder(), list[Marking]()

    class Watched(GreedySelector):
        def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection:
            asked.append(marking)
            return super().select(marking, target_tokens=target_tokens, counter=counter)

    documents = ["She likes tea. It rained.", "He likes milk."]
    result = ContextCompressor(Marker(FakeScorer()), selector=Watched(), counter=counter).compress(documents, "tea?", target_tokens=50)
    assert result.method == "passthrough"
    assert len(asked) == 1
    assert [text.split()[0] for text in counter.texts].count("She") <= 3, "as a document, as a sentence, and in the result"


def probable(*probabilities: float) -> Marking:
    """Sentences `s0. `, `s1. ` ... with these probabilities, which are their scores too."""
    return replace(marking_of([(f"s{i}. ", p) for i, p in enumerate(probabilities)]), probabilities=probabilities)


def test_nothing_below_the_floor_is_kept_even_where_it_would_fit() -> None:
    selection = GreedySelector(min_score=0.3).select(probable(0.1, 0.9, 0.3, 0.2), target_tokens=99, counter=WORDS)
    assert (selection.kept, selection.text, selection.reason, selection.silent) == ((1, 2), "s1. s2.", None, False)


@pytest.mark.parametrize("floor", [None, 0, 0.0])
def test_no_floor_keeps_everything_and_needs_no_probabilities(floor: float | None) -> None:
    marking = replace(probable(0.0, 0.1), probabilities=None)
    assert GreedySelector(min_score=floor).select(marking, target_tokens=99, counter=WORDS).kept == (0, 1)


def test_silence_says_why() -> None:
    selection = GreedySelector(min_score=0.2).select(probable(0.04, 0.01), target_tokens=99, counter=WORDS)
    assert (selection.kept, selection.text, selection.tokens, selection.silent) == ((), "", 0, True)
    assert selection.reason == "nothing in the documents bears on the question (best 0.04, floor 0.20)"


def test_want_of_room_is_no_silence() -> None:
    selection = GreedySelector(min_score=0.2).select(
        replace(marking_of([("a a a a.", 1.0)]), probabilities=(0.9,)), target_tokens=1, counter=WORDS
    )
    assert (selection.kept, selection.silent) == ((), False)
    assert "nothing fits" in str(selection.reason)


def test_what_must_be_kept_and_neighbours_need_no_probability() -> None:
    marking = probable(0.01, 0.9, 0.01, 0.01)
    assert GreedySelector(min_score=0.5, must_keep=("s3",)).select(marking, target_tokens=99, counter=WORDS).kept == (1, 3)
    assert GreedySelector(min_score=0.5, neighbors=1).select(marking, target_tokens=99, counter=WORDS).kept == (0, 1, 2)
    assert GreedySelector(min_score=0.95, must_keep=("s3",)).select(marking, target_tokens=99, counter=WORDS).kept == (3,)


def test_the_minimum_of_a_document_does_not_outbid_the_floor() -> None:
    marking = replace(marking_of([("a. ", 2.0)], [("b. ", 1.0)]), probabilities=(0.9, 0.1))
    selector = GreedySelector(min_score=0.5, min_per_document=1, layout=NO_LABEL)
    assert selector.select(marking, target_tokens=99, counter=WORDS).kept == (0,)


def test_a_floor_needs_a_marker_that_can_tell() -> None:
    with pytest.raises(ConfigError, match=r"`min_score` is 0.2.*attngs fit"):
        GreedySelector(min_score=0.2).select(marking_of(ONE), target_tokens=9, counter=WORDS)


@pytest.mark.parametrize("odd", [-0.1, 1.1, float("nan"), True, "0.2"])
def test_a_floor_is_a_probability(odd: object) -> None:
    with pytest.raises(ConfigError, match="`min_score` must be a probability"):
        GreedySelector(min_score=odd)  # type: ignore[arg-type]


@given(markings, st.data(), st.floats(0.01, 1), st.integers(1, 60))
def test_all_that_is_kept_reaches_the_floor(marking: Marking, data: st.DataObject, floor: float, budget: int) -> None:
    size = len(marking.sentences)
    probabilities = tuple(data.draw(st.lists(st.floats(0, 1), min_size=size, max_size=size)))
    selection = GreedySelector(min_score=floor).select(
        replace(marking, probabilities=probabilities), target_tokens=budget, counter=CallableCounter(len)
    )
    said = [(i, *selection.copies.get(i, ())) for i in selection.kept]  # a copy may be kept in place of the one that reaches it
    assert all(max(probabilities[i] for i in same) >= floor for same in said)
    assert sorted(selection.kept + selection.dropped) == list(range(size))
    assert not (selection.silent and any(probability >= floor for probability in probabilities))
