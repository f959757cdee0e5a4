"""What adapters share: documents kept apart under one budget, markings used again, and steps that sync and async both run."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngs import ContextCompressor, Document, GreedySelector, Marker, Splitter
from attngs.errors import InputError
from attngs.hosts.apart import APART, JOIN, Apart, Parts
from attngs.hosts.jobs import Job, Steps, arun_steps, run_steps
from attngs.hosts.markers import find_marker
from attngs.reading.copies import recall
from attngs.reading.tokens import as_counter
from attngs.result.result import CompressedContext
from attngs.testing import NASTY_TEXTS, FakeChat, FakeScorer, count_words

DOCUMENTS = [
    Document(id="a", text="Anna likes tea. It rained. Ben has a dog named Rex."),
    Document(id="b", text="Nobody came. The bus was late."),
    Document(id="c", text="Rex is afraid of thunder. The roof is new."),
]
QUERY = "What about Rex?"


class CountingScorer(FakeScorer):
    """Knows how often it was asked."""

    asked = 0

    def score(self, query: str, sentences: object) -> list[float]:
        self.asked += 1
        return super().score(query, sentences)  # type: ignore[arg-type]


def apart_of(chat: object = None, counter: Callable[[str], int] = count_words, *important: str) -> tuple[Apart, CountingScorer]:
    scorer = CountingScorer(*(important or ("Rex",)))
    marker = Marker(scorer, splitter=Splitter(unit="sentence"))
    extractor = ContextCompressor(marker, selector=GreedySelector(layout=APART), counter=counter)
    writer = ContextCompressor(marker, chat, selector=GreedySelector(layout=APART), counter=counter) if chat else None  # type: ignore[arg-type]
    return Apart(extractor=extractor, writer=writer, counter=as_counter(counter)), scorer


def parts_of(apart: Apart, target_tokens: int, documents: list[Document] = DOCUMENTS) -> Parts:
    parts = run_steps(apart.steps(documents, QUERY, target_tokens=target_tokens))
    assert asyncio.run(arun_steps(apart.steps(documents, QUERY, target_tokens=target_tokens))) == parts
    return parts


def test_each_document_keeps_what_matters_of_it() -> None:
    parts = parts_of(apart_of()[0], 11)
    assert [(part.position, part.text, part.tokens, part.original_tokens) for part in parts.parts] == [
        (0, "Ben has a dog named Rex.", 6, 11),
        (2, "Rex is afraid of thunder.", 5, 9),
    ]
    assert (parts.method, parts.compressed_tokens, parts.original_tokens) == ("extract", 11, 26)


def test_what_two_documents_say_is_kept_in_one_that_names_the_other() -> None:
    documents = [*DOCUMENTS, Document(id="e", text="The sky was grey. Rex is afraid of thunder.")]
    for chat in (None, FakeChat("Ben's dog is Rex.", "Rex fears thunder.")):
        parts = (
            parts_of(apart_of(chat)[0], 11, documents)
            if chat is None
            else run_steps(apart_of(chat)[0].steps(documents, QUERY, target_tokens=11))
        )
        assert [(part.position, [place.position for place in part.copies]) for part in parts.parts] == [(0, []), (2, [3])]


def test_what_fits_stays_as_it_is() -> None:
    apart, scorer = apart_of()
    parts = parts_of(apart, 26)
    assert [part.text for part in parts.parts] == [document.text for document in DOCUMENTS]
    assert (parts.method, scorer.asked) == ("passthrough", 0)


def test_a_rewrite_reads_no_document_twice_and_knows_its_sources() -> None:
    chat = FakeChat("Ben's dog is Rex.", "Rex is afraid of thunder.")
    apart, scorer = apart_of(chat)
    parts = run_steps(apart.steps(DOCUMENTS, QUERY, target_tokens=11))
    assert scorer.asked == 1
    assert parts.method == "rewrite"
    assert [part.position for part in parts.parts] == [0, 2]
    assert [[source.position for source in part.sources] for part in parts.parts] == [[0], [2]]
    assert "<start_important>Ben has a dog named Rex.<end_important>" in chat.calls[0][-1].content


def test_a_rewrite_that_fails_leaves_the_extract_and_says_so() -> None:
    parts = run_steps(apart_of(FakeChat(ValueError("no")))[0].steps(DOCUMENTS, QUERY, target_tokens=11))
    assert [part.method for part in parts.parts] == ["extract", "extract"]
    assert parts.reason is not None
    assert "2 of 2 documents" in parts.reason


@given(st.lists(st.sampled_from(NASTY_TEXTS) | st.text(max_size=30), max_size=4), st.integers(1, 40), st.booleans())
@settings(max_examples=80)
def test_the_budget_holds_for_the_joined_texts(texts: list[str], budget: int, writes: bool) -> None:
    chat = FakeChat("A text. " * 9) if writes else None
    for counter in (count_words, len):
        apart = apart_of(chat, counter, "e", "a")[0]
        parts = run_steps(apart.steps([Document(text=text) for text in texts], "question", target_tokens=budget))
        assert counter(JOIN.join(part.text for part in parts.parts)) <= budget
        assert [part.position for part in parts.parts] == sorted({part.position for part in parts.parts})


def test_a_marking_is_used_again() -> None:
    scorer = CountingScorer("Rex")
    compressor = ContextCompressor(Marker(scorer), counter=count_words)
    plan = compressor.plan(DOCUMENTS, QUERY, target_tokens=12)
    for budget in (12, 9, 7):
        again = compressor.compress(DOCUMENTS, QUERY, target_tokens=budget, marking=plan.marking)
        assert asyncio.run(compressor.acompress(DOCUMENTS, QUERY, target_tokens=budget, marking=plan.marking)).text == again.text
        assert again.marking is plan.marking
    assert scorer.asked == 1


def test_a_marking_of_something_else_is_refused() -> None:
    compressor = ContextCompressor(Marker(FakeScorer("Rex")), counter=count_words)
    marking = compressor.plan(DOCUMENTS, QUERY, target_tokens=12).marking
    others = [replace(DOCUMENTS[0], text="Something else. And more of it here and there."), *DOCUMENTS[1:]]
    for documents, query in ((DOCUMENTS, "What about Anna?"), (others, QUERY), (DOCUMENTS[1:], QUERY), ([*DOCUMENTS, others[0]], QUERY)):
        with pytest.raises(InputError, match="other documents or another question"):
            compressor.compress(documents, query, target_tokens=9, marking=marking)


class Slow:
    """A writer that waits for others to be at work with it, and knows how many were."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)

    def __call__(self, messages: object) -> str:
        self._barrier.wait(10)
        return "Rex."


def test_jobs_run_together_in_sync_code_too() -> None:
    compressor = ContextCompressor(Marker(FakeScorer("Rex")), Slow(3), counter=count_words)
    jobs = [Job(compressor=compressor, documents=DOCUMENTS, query=QUERY, target_tokens=9) for _ in range(3)]

    def steps() -> Steps[Sequence[CompressedContext]]:
        return (yield jobs)

    assert len(run_steps(steps(), workers=3)) == 3
    assert len(asyncio.run(arun_steps(steps(), workers=3))) == 3


def test_a_marker_s_copies_are_the_marker() -> None:
    marker = Marker(FakeScorer("x"))
    assert copy.deepcopy({"a": [marker]})["a"][0] is marker
    assert copy.copy(marker) is pickle.loads(pickle.dumps(marker)) is find_marker(marker) is marker
    with pytest.raises(Exception, match="pass `marker` by its name"):
        recall("of nobody", "Marker")
