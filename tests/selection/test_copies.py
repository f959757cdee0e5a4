"""What is said twice is kept once, and no place of it is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest

from attngs import ContextCompressor, Document, GreedySelector, Marker
from attngs.hosts.apart import APART
from attngs.reading.tokens import CallableCounter
from attngs.result.result import CompressedContext
from attngs.selection.copies import Copies, folded
from attngs.testing import FakeScorer, count_words
from attngs.text.sentences import Splitter
from attngs.types import Marking, Sentence, Span

SPLIT = Splitter(unit="sentence")
WORDS = CallableCounter(count_words)


def compressed(texts: Sequence[str], target_tokens: int, *important: str, **options: object) -> CompressedContext:
    documents = [Document(text=text, id=f"d{number}") for number, text in enumerate(texts)]
    selector = GreedySelector(layout=APART, **options)  # type: ignore[arg-type]
    marker = Marker(FakeScorer(*(important or ("pier",))), splitter=SPLIT)
    return ContextCompressor(marker, selector=selector, counter=count_words).compress(documents, "q", target_tokens=target_tokens)


def sentences_of(texts: Sequence[str]) -> list[Sentence]:
    documents = [Document(text=text, id=f"d{number}") for number, text in enumerate(texts)]
    return [
        Sentence(document=document, position=position, start=unit.start, end=unit.end, kind=unit.kind)
        for position, document in enumerate(documents)
        for unit in SPLIT.read(document)
    ]


def same(texts: Sequence[str]) -> list[list[str]]:
    """The groups of sentences that say the same, each sentence with its document."""
    sentences = sentences_of(texts)
    copies = Copies(sentences)
    groups = {tuple(copies.of(i)) for i in range(len(sentences)) if len(copies.of(i)) > 1}
    return [[f"{sentences[i].document.id}: {sentences[i].text.strip()}" for i in group] for group in sorted(groups)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The boat leaves at nine.", "the  boat\nleaves at NINE"),
        ("The boat leaves at nine.", "> The boat leaves\n> at nine."),
        ("The boat leaves at nine.", "“The boat leaves at nine.”"),
        ("The boat leaves at nine.", "- **The boat leaves at nine.**"),
        ("Das Café öffnet um neun.", "Das Cafe\u0301 o\u0308ffnet um neun."),
        ("It's the ﬁrst pier", "It’s the first pier"),
    ],
)
def test_equal_but_for_what_changes_nothing(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It is -5 degrees.", "It is 5 degrees."),
        ("-5", "5"),
        ("It costs $5.", "It costs €5."),
        ("He came.", "He came?"),
        ("pier 1.2", "pier 12"),
        ("He is not here.", "He is here."),
    ],
)
def test_different_in_what_it_says(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_a_memory_that_is_stored_twice_leaves_room_for_another() -> None:
    texts = ["Ida mends nets at the pier.", "ida mends nets at the pier", "Olaf paints boats at the pier.", "It rained."]
    result = compressed(texts, 12)
    assert result.text == "Ida mends nets at the pier.\n\nOlaf paints boats at the pier."
    assert [tuple(place) for place in result.sources[0].copies] == [("d1", 1, 0, 26)]
    assert result.selection.copies == {0: (1,)}
    assert sorted(result.selection.kept + result.selection.dropped) == [0, 1, 2, 3]
    assert json.loads(result.to_json())["sources"][0]["copies"] == [["d1", 1, 0, 26]]


def test_a_copy_stays_in_an_open_document_else_where_it_scored_best_else_where_it_came_first() -> None:
    texts = ["Ida mends nets here.", "Rain is due soon. Ida mends nets here.", "Ida mends nets here."]
    marking = Marking(query="q", sentences=tuple(sentences_of(texts)), scores=(1.0, 5.0, 1.0, 1.0), marked=(True,) * 4)
    kept = GreedySelector(layout=APART).select(marking, target_tokens=8, counter=WORDS)
    assert (kept.kept, dict(kept.copies)) == ((1, 2), {2: (0, 3)})
    first = GreedySelector(layout=APART).select(marking, target_tokens=4, counter=WORDS)
    assert first.kept == (1,)
    better = Marking(query="q", sentences=marking.sentences, scores=(1.0, 5.0, 1.0, 2.0), marked=(True,) * 4)
    assert GreedySelector(layout=APART).select(better, target_tokens=8, counter=WORDS).kept == (1, 2)
    alone = Marking(query="q", sentences=marking.sentences, scores=(1.0, 0.0, 1.0, 2.0), marked=(True,) * 4)
    assert GreedySelector(layout=APART).select(alone, target_tokens=4, counter=WORDS).kept == (3,)


def test_what_overlapping_windows_share_stands_together_and_in_order() -> None:
    """Each copy scores best in another window; apart, the pronoun would come before the name."""
    texts = ("It rained. Rosa has the key.", "Rosa has the key. She lives at the pier.", "She lives at the pier. Dogs travel free.")
    sentences = sentences_of(texts)
    scores = (0.0, 2.0, 1.0, 1.0, 2.0, 0.0)
    marking = Marking(query="q", sentences=tuple(sentences), scores=scores, marked=(True,) * 6)
    selection = GreedySelector(layout=APART).select(marking, target_tokens=9, counter=WORDS)
    assert selection.text == texts[1]
    assert selection.kept == (2, 3)
    assert selection.copies == {2: (1,), 3: (4,)}


def test_what_is_said_alone_in_two_documents_stays_where_it_scored_best() -> None:
    sentences = sentences_of(("The pier is old.", "It rained.", "The pier is old."))
    marking = Marking(query="q", sentences=tuple(sentences), scores=(1.0, 0.0, 2.0), marked=(True,) * 3)
    assert GreedySelector(layout=APART).select(marking, target_tokens=4, counter=WORDS).kept == (2,)


def test_the_same_row_under_two_headings_is_two_facts() -> None:
    document = Document(text="Pump A\n12 Nm of torque now\nPump B\n12 Nm of torque now\n", id="d")
    spans = [(0, 7, ()), (7, 27, (Span(0, 7),)), (27, 34, ()), (34, 54, (Span(27, 34),))]
    units = [Sentence(document=document, position=0, start=start, end=end, heads=heads) for start, end, heads in spans]
    assert Copies(units).of(1) == (1,)


def test_turns_of_two_speakers_are_two_facts() -> None:
    texts = ["Ida: I will come to the pier.\nOlaf: I will come to the pier.\nIda: Good, we meet there.\nOlaf: See you there then.\n"]
    assert same(texts) == []


def test_a_short_answer_says_something_else_each_time_in_one_document() -> None:
    assert same(["Is Ida coming? No. Is Olaf coming? No."]) == []
    assert same(["Dogs travel free. It rains.", "Dogs travel free."]) == [["d0: Dogs travel free.", "d1: Dogs travel free."]]


def test_the_text_that_chunks_share_is_kept_once() -> None:
    lines = [
        "The pier was built by Ida Holm.",
        "Her son repairs the nets there.",
        "The boat to Vik leaves at ten.",
        "Dogs are welcome on the pier.",
    ]
    result = compressed([" ".join(lines[at : at + 3]) for at in range(2)], 26, "pier", "boat")
    assert [result.text.count(line) for line in lines] == [1, 1, 1, 1]
    assert {place.position for source in result.sources for place in source.copies} == {1}


def test_chunks_that_are_cut_inside_a_sentence() -> None:
    middle = "Her son repairs the nets there."
    texts = [f"The pier was built by Ida Holm. {middle} The boat to V", f"by Ida Holm. {middle} The boat to Vik leaves at ten sharp."]
    assert same(texts) == [
        ["d0: The pier was built by Ida Holm.", "d1: by Ida Holm."],
        ["d0: Her son repairs the nets there.", "d1: Her son repairs the nets there."],
        ["d0: The boat to V", "d1: The boat to Vik leaves at ten sharp."],
    ]
    result = compressed(texts, 21, "Holm", "boat")
    assert result.text == "The pier was built by Ida Holm. Her son repairs the nets there.\n\nThe boat to Vik leaves at ten sharp."


def test_a_memory_that_ends_as_another_does_is_no_piece_of_it() -> None:
    assert same(["likes green tea very much", "Olaf's sister likes green tea very much"]) == []
    assert same(["She has a cat. Ida eats fish.", "It is wrong that Ida eats fish. She has a cat."]) == [
        ["d0: She has a cat.", "d1: She has a cat."]
    ]


def test_quoted_mail_stands_where_it_was_first_said() -> None:
    texts = ["> We meet at the old pier at nine.\n\nFine, see you there.", "Dear all,\n\nWe meet at the old pier at nine.\n\nIda"]
    result = compressed(texts, 9)
    assert result.text == "We meet at the old pier at nine."
    assert [(source.document_id, len(source.copies)) for source in result.sources] == [("d1", 1)]


def test_promises_are_kept_by_a_copy() -> None:
    texts = ["Ida mends nets at the pier.", "Ida mends nets at the pier.", "Olaf is out at sea.", "It rained all of the day."]
    fair = compressed(texts, 17, min_per_document=1)
    assert (fair.selection.kept, fair.reason) == ((0, 2, 3), None)
    must = compressed(texts, 6, "Olaf", must_keep=("nets",))
    assert (must.selection.kept, must.reason) == ((0,), "the best sentence takes 5 tokens and did not fit into 6")
    near = compressed(["A b c d. Ida mends nets at the pier.", "A b c d. Olaf sails from the pier."], 15, neighbors=1)
    assert near.text.count("A b c d.") == 1


def test_what_fits_whole_stays_whole() -> None:
    result = compressed(["Ida mends nets.", "Ida mends nets."], 6)
    assert (result.method, result.text, result.dropped) == ("passthrough", "Ida mends nets.\n\nIda mends nets.", ())


def test_a_hundred_thousand_units_are_compared_in_linear_time() -> None:
    document = Document(text="The same few words are said again. " * 100_000, id="d")
    equal = [Sentence(document=document, position=i % 5, start=35 * i, end=35 * (i + 1)) for i in range(100_000)]
    started = time.process_time()
    assert len(Copies(equal).of(7)) == 100_000
    marking = Marking(query="q", sentences=tuple(equal), scores=(1.0,) * len(equal), marked=(True,) * len(equal))
    assert len(GreedySelector().select(marking, target_tokens=9, counter=WORDS).kept) == 1
    assert time.process_time() - started < 30, "a quadratic comparison would take hours"


def test_copies_do_not_fill_the_room_that_is_left() -> None:
    result = compressed(["Ida mends nets.", "Ida mends nets.", "Olaf sails.", "Ida mends nets."], 9)
    assert (result.text, result.selection.copies) == ("Ida mends nets.\n\nOlaf sails.", {0: (1, 3)})
