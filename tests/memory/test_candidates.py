"""Stage one: which units of many the marker looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from attngs import ContextCompressor, Document, GreedySelector, Marker, Memory
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.memory.memory import LEAST_ROOM
from attngs.selection.selector import MEMORY_FLOOR
from attngs.testing import count_words

DAYS = [
    Document(
        text=f"# Day {day}\n\nIt rained in the morning. We talked about the plan of the week, and about the harvest. "
        "The train was late again. In the evening there was soup, and somebody told a long story about a bridge.",
        id=f"day-{day}",
        metadata={"date": f"20{day // 336 + 10}-{day % 336 // 28 + 1:02d}-{day % 28 + 1:02d}"},
    )
    for day in range(260)
]
FACTS = [
    Document(text="Ana lives in Porto.", id="old", metadata={"date": "2011-01-01"}),
    Document(text="Ana moved to Lyon.", id="new", metadata={"date": "2012-06-01"}),
    Document(text="Ana is allergic to nuts.", id="nuts", metadata={"date": "2012-06-02"}),
    Document(text="The visitor brought figs.", id="visit", metadata={"date": "2013-03-18"}),
]


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory, default_marker: Marker) -> Memory:
    """Too much to be looked at as a whole."""
    memory = Memory.open(tmp_path_factory.mktemp("diary") / "m.db", namespace="ana", marker=default_marker)
    memory.add([*DAYS[:40], FACTS[0], *DAYS[40:80], FACTS[1], *DAYS[80:100], *FACTS[2:], *DAYS[100:]])
    return memory


def test_only_some_units_are_looked_at_and_their_places_are_those_of_the_documents(diary: Memory) -> None:
    result = diary.ask("What may Ana not eat?", target_tokens=40)
    assert "allergic to nuts" in result.text
    seen = result.kept + result.dropped
    units = diary.marker.split(list(diary.documents()), namespace="ana")
    assert len(seen) < len(units) / 1.3
    texts = {document.id: document.text for document in diary.documents()}
    assert all(texts[source.document_id][source.start : source.end] == source.text for source in seen)
    known = {(unit.document.id, unit.start): unit for unit in units}
    assert all(
        known[sentence.document.id, sentence.start].heads == sentence.heads
        and known[sentence.document.id, sentence.start].kind == sentence.kind
        for sentence in result.marking.sentences
    )
    assert result.original_tokens > LEAST_ROOM > result.compressed_tokens


def test_a_unit_comes_with_its_heads(diary: Memory) -> None:
    marking = diary.ask("Who told a story about a bridge?", target_tokens=40).marking
    there = {(sentence.document.id, sentence.start) for sentence in marking.sentences}
    assert all((sentence.document.id, head.start) in there for sentence in marking.sentences for head in sentence.heads)


@pytest.mark.parametrize("question", ["Where does Ana live?", "What may Ana not eat?", "What did the visitor bring on 18 March 2013?"])
def test_what_is_kept_is_what_a_look_at_everything_keeps(diary: Memory, default_marker: Marker, question: str) -> None:
    compressor = ContextCompressor(default_marker, selector=GreedySelector(min_score=MEMORY_FLOOR))
    whole = compressor.compress(list(diary.documents()), question, target_tokens=30, namespace="ana")
    assert diary.ask(question, target_tokens=30).text == whole.text


def test_a_day_that_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    memory = Memory.open(tmp_path / "m.db", namespace="ana", marker=Marker(LexicalScorer()), counter=count_words)
    memory.add([Document(text=f"{day.text} {number}", id=f"d{number}", metadata=day.metadata) for number, day in enumerate(DAYS)])
    memory.add(Document(text="The visitor brought figs.", id="visit", metadata={"date": "2031-03-18"}))
    seen = memory.ask("Did somebody tell a story on 18 March 2031, in the evening?", target_tokens=30).marking.sentences
    assert "visit" in {sentence.document.id for sentence in seen}


def test_the_floor_is_that_of_the_whole(diary: Memory, default_marker: Marker) -> None:
    compressor = ContextCompressor(default_marker, selector=GreedySelector(min_score=0.1))
    documents = list(diary.documents())
    for question in ("hello there", "What is 17 times 23?", "What may Ana not eat?"):
        whole = compressor.compress(documents, question, target_tokens=40, namespace="ana")
        found = diary.ask(question, target_tokens=40)
        assert found.selection.silent == whole.selection.silent
        best = [max(result.marking.probabilities or ()) for result in (whole, found)]
        assert best[1] == pytest.approx(best[0], abs=0.05)


def test_a_small_change_is_found_at_once(tmp_path: Path, diary: Memory) -> None:
    (name,) = diary.add("Ivo keeps seven goats.")
    assert "goats" in diary.ask("Which animals does Ivo keep?", target_tokens=30).text
    diary.update(name, "Ivo keeps seven camels.")
    assert "camels" in diary.ask("Which animals does Ivo keep?", target_tokens=30).text
    diary.delete(name)
    assert "Ivo" not in diary.ask("Which animals does Ivo keep?", target_tokens=30).text
