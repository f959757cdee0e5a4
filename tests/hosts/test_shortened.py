"""What stands in place of a longer text: something, under a note, within the budget."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import ContextCompressor, Document, Marker, Splitter
from attngs.hosts.shortened import beginning, never_empty, room_beside_note, with_note
from attngs.protocols import TokenCounter
from attngs.reading.tokens import as_counter
from attngs.testing import NASTY_TEXTS, FakeScorer, count_words

WORDS = as_counter(count_words)
SIGNS = as_counter(len, None)
NOTE = re.compile(r"\[shortened: (\d+) of (\d+) tokens\]\n")


@given(st.integers(1, 60), st.integers(1, 10**8), st.sampled_from([WORDS, SIGNS]))
def test_text_and_note_fit_and_the_note_counts(target_tokens: int, original: int, counter: TokenCounter) -> None:
    room = room_beside_note(target_tokens, counter)
    assert target_tokens // 2 <= room <= target_tokens
    text = beginning("one two three four five six seven eight. " * 9, room, counter)
    noted = with_note(text, original_tokens=original, target_tokens=target_tokens, counter=counter)
    assert counter.count([noted])[0] <= target_tokens
    if room < target_tokens and text:
        found = NOTE.match(noted)
        assert found
        assert (found[1], found[2]) == (str(counter.count([text])[0]), str(original))
    else:
        assert noted == text


@given(
    st.sampled_from(NASTY_TEXTS) | st.text(max_size=80), st.integers(1, 30), st.sampled_from([WORDS, SIGNS]), st.sampled_from(["", "[a] "])
)
def test_a_beginning_is_one_and_fits(text: str, tokens: int, counter: TokenCounter, before: str) -> None:
    found = beginning(text, tokens, counter, before=before)
    assert text.startswith(found)
    assert not found or counter.count([before + found])[0] <= tokens
    if text.strip() and not text[0].isspace() and counter.count([before + text[0]])[0] <= tokens:
        assert found


@pytest.mark.parametrize(
    ("tokens", "expected"), [(40, "The mill is old. It has a wheel"), (20, "The mill is old."), (9, "The mill"), (2, "Th")]
)
def test_a_beginning_ends_where_a_reader_expects_it(tokens: int, expected: str) -> None:
    assert beginning("The mill is old. It has a wheel of oak, as everybody knows.", tokens, SIGNS).startswith(expected[:tokens])
    assert beginning("The mill is old. It has a wheel of oak, as everybody knows.", 20, SIGNS) == "The mill is old."
    assert beginning("The mill is old. It stands.", 99, SIGNS) == "The mill is old. It stands."


def test_ten_million_characters_are_no_trouble() -> None:
    assert beginning("x" * 10_000_000, 5, SIGNS) == "xxxxx"
    assert beginning("", 5, SIGNS) == ""


@pytest.mark.parametrize("frames", [(), [("page: 1 ", ""), ("page: 2 ", "")]])
def test_the_beginning_of_the_best_sentence_stands_for_nothing_at_all(frames: list[tuple[str, str]]) -> None:
    marker = Marker(FakeScorer("wheel"), splitter=Splitter(unit="sentence"))
    documents = [Document(text="Rain " * 40 + "fell."), Document(text="The wheel is made " + "of oak " * 40 + "wood.")]
    result = ContextCompressor(marker, counter=count_words).compress(documents, "What of the wheel?", target_tokens=6)
    found = never_empty(result, WORDS, frames)
    assert found.text.strip()
    assert found.compressed_tokens == count_words(found.text) <= 6
    if not result.text:
        [source] = found.sources
        assert (source.position, source.start, source.text) == (1, 0, found.text)
        assert found.text == documents[1].text[: source.end]
    assert never_empty(found, WORDS) is found


def test_documents_without_text_stay_empty() -> None:
    marker = Marker(FakeScorer("wheel"))
    result = ContextCompressor(marker, counter=count_words).compress([Document(text=" \n"), ""], "What?", target_tokens=6)
    assert never_empty(result, WORDS) is result
