"""Some units of a memory score as if all were looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from attngs import ContextCompressor, Document, GreedySelector, Marker, Marking, Memory
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.selection.selector import MEMORY_FLOOR
from attngs.testing import count_words

QUESTION = "How much did the boiler of the mill cost?"
THINGS = ["lamp", "gate", "boiler", "roof", "mill", "well", "fence", "stove"]


def chat(turns: int) -> list[Document]:
    """A user says little of many things, and an assistant says much of each."""
    found = list[Document]()
    for turn in range(turns):
        thing, place = THINGS[turn % 8], THINGS[turn * 5 // 8 % 8]
        found.append(
            Document(
                text=f"The {thing} of the {place} cost me {20 + turn} crowns.", id=f"u{turn}", metadata={"role": "user", "place": 2 * turn}
            )
        )
        advice = f"A {thing} like that of a {place} costs what it costs. Ask what the {thing} did cost others. It may cost less in March."
        found.append(Document(text=advice, id=f"a{turn}", metadata={"role": "assistant", "place": 2 * turn + 1}))
    return found


def memory_of(folder: Path, marker: Marker, documents: Sequence[Document], *, room: int) -> Memory:
    memory = Memory.open(folder / "m.db", namespace="ana", marker=marker, counter=count_words, room=room)
    memory.add(documents)
    return memory


def in_both(whole: Marking, found: Marking) -> tuple[np.ndarray, np.ndarray]:
    """The scores of the units that were looked at, in the whole and among themselves."""
    scores = {(sentence.document.id, sentence.start): score for sentence, score in zip(whole.sentences, whole.scores, strict=True)}
    return np.array([scores[sentence.document.id, sentence.start] for sentence in found.sentences]), np.array(found.scores)


def test_words_score_exactly_as_in_the_whole(tmp_path: Path) -> None:
    marker, documents = Marker(LexicalScorer()), chat(60)
    memory = memory_of(tmp_path, marker, documents, room=300)
    question = QUESTION.replace("How much", "What")  # a question for a figure also looks at how many units are better
    found = memory.ask(question, target_tokens=60).marking
    assert 10 < len(found.sentences) < 100
    whole, some = in_both(marker.mark(documents, question), found)
    assert some == pytest.approx(whole)


def test_states_score_about_as_in_the_whole(tmp_path: Path, default_marker: Marker) -> None:
    documents = chat(100)
    memory = memory_of(tmp_path, default_marker, documents, room=600)
    for question in (QUESTION, "What did I pay for the lamp?", "Does a well cost less in spring?"):
        found = memory.ask(question, target_tokens=60).marking
        whole, some = in_both(default_marker.mark(documents, question, namespace="ana"), found)
        assert 30 < len(some) < 200
        assert np.corrcoef(whole, some)[0, 1] > 0.95


def test_a_budget_is_offered_the_same_messages(tmp_path: Path, default_marker: Marker) -> None:
    """Users come first, so what an assistant says, however good, takes no room of theirs."""
    documents = chat(100)
    memory = memory_of(tmp_path, default_marker, documents, room=600)
    selector = GreedySelector(min_score=MEMORY_FLOOR)
    whole = ContextCompressor(default_marker, selector=selector, counter=count_words).compress(
        documents, QUESTION, target_tokens=80, namespace="ana"
    )
    found = memory.ask(QUESTION, target_tokens=80)
    expected, kept = ({source.document_id for source in result.kept} for result in (whole, found))
    assert len(expected & kept) >= 0.8 * len(expected)
    assert all(name.startswith("u") for name in kept)


def test_the_question_itself_lifts_nothing_around_it(tmp_path: Path, default_marker: Marker) -> None:
    text = " ".join(document.text for document in chat(80))
    half = text.index(". ", len(text) // 2) + 2
    documents = [Document(text=f"{text[:half]}{QUESTION} {text[half:]}", id="diary")]
    memory = memory_of(tmp_path, default_marker, documents, room=600)
    marking = memory.ask(QUESTION, target_tokens=60).marking
    (echo,) = [i for i, sentence in enumerate(marking.sentences) if QUESTION in sentence.text]
    assert marking.scores[echo] == min(marking.scores)
    whole, some = in_both(default_marker.mark(documents, QUESTION, namespace="ana"), marking)
    assert np.corrcoef(np.delete(whole, echo), np.delete(some, echo))[0, 1] > 0.95


def test_probabilities_are_those_of_the_whole(tmp_path: Path, default_marker: Marker) -> None:
    documents = chat(100)
    memory = memory_of(tmp_path, default_marker, documents, room=600)
    whole = default_marker.mark(documents, QUESTION, namespace="ana")
    found = memory.ask(QUESTION, target_tokens=60).marking
    known = {(s.document.id, s.start): p for s, p in zip(whole.sentences, whole.probabilities or (), strict=True)}
    some = {(s.document.id, s.start): p for s, p in zip(found.sentences, found.probabilities or (), strict=True)}
    assert all(abs(some[place] - known[place]) < 0.15 for place in some)


@pytest.mark.parametrize("make", [lambda: "?!", lambda: "\ud800", lambda: "x " * 400])
def test_questions_that_say_nothing(tmp_path: Path, default_marker: Marker, make: Callable[[], str]) -> None:
    memory = memory_of(tmp_path, default_marker, chat(60), room=300)
    result = memory.ask(make(), target_tokens=30)
    assert result.compressed_tokens <= 30
    assert np.isfinite(result.marking.scores).all()
