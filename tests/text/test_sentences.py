"""The splitter: labelled texts in many languages, and what holds for every string."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_cases import DEVELOPMENT, HELD_OUT, KNOWN_MISSES, Case

from attngs.errors import ConfigError
from attngs.protocols import SentenceSplitter
from attngs.text.boundaries import PHRASE
from attngs.text.sentences import GROUP, LONG_RECORD, MAX_PIECE, Splitter, UnitSize, split_sentences
from attngs.types import Span

UNITS: tuple[UnitSize, ...] = get_args(UnitSize)
NASTY = st.text(
    st.one_of(
        st.sampled_from(list(".!?…。！？।؟۔;:：,'\"“”„«»「」()[]{}<>*_-—#|`~=\\/@&")),
        st.sampled_from(list(" \t\n\r\v\f\x00\x1c\x85\xa0\u200b\u2028\u2029\u3000\ufeff\u200d\ufe0f\u0301")),
        st.sampled_from(["\ud800", "\udfff", "👩", "🏽", "ก", "ๆ", "你", "あ", "한", "א", "م", "क", "ß", "İ", "1", "a", "B"]),
    ),
    max_size=200,
)
PROSE = ("Dr. ", "e.g. ", "He left. ", '"Go!" ', "word " * 30, "x" * 600, "。", "「はい。」", "กขค " * 40, "\ud83d", "\ude00")
STRUCTURE = ("User: ", "<Bo>: ", "\n", "\n\n", "\r\n", " " * 40, "- ", "1. ", "```\n", "| a |", "# ", "a,b,c\n", '{"a": 1}', "18:02:11 ")
FRAGMENTS = st.lists(st.sampled_from((*PROSE, *STRUCTURE)), max_size=30).map("".join)


def pieces(text: str, unit: UnitSize = "auto") -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, unit)]


def check_tiling(text: str, spans: list[Span]) -> None:
    """The invariants of `split_sentences`, for any text and any unit."""
    assert (not spans) == (not text)
    position = 0
    for start, end in spans:
        assert start == position < end
        position = end
    assert position == len(text)
    if text.strip():
        contents = [text[start:end].strip() for start, end in spans]
        assert all(contents)
        assert max(map(len, contents)) <= MAX_PIECE
        assert not any(text[start].isspace() for start, _ in spans[1:])
    else:
        assert len(spans) == bool(text)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case.language}-{case.name}",
            marks=[pytest.mark.xfail(reason=KNOWN_MISSES[case.name], strict=True)] if case.name in KNOWN_MISSES else [],
        )
        for case in (*DEVELOPMENT, *HELD_OUT)
    ],
)
def test_labelled_case(case: Case) -> None:
    assert tuple(pieces(case.text, case.unit)) == case.pieces


def test_labels_are_well_formed() -> None:
    cases = (*DEVELOPMENT, *HELD_OUT)
    assert len({case.name for case in cases}) == len(cases) >= 80
    assert len({case.language for case in cases}) >= 10
    assert set(KNOWN_MISSES) <= {case.name for case in cases}
    for case in cases:
        assert all(piece.strip() and not piece[0].isspace() for piece in case.pieces), case.name


@settings(max_examples=300)
@given(text=NASTY | FRAGMENTS, unit=st.sampled_from(UNITS))
def test_spans_tile_any_text(text: str, unit: UnitSize) -> None:
    check_tiling(text, split_sentences(text, unit))


@pytest.mark.parametrize("unit", UNITS)
def test_empty_and_blank(unit: UnitSize) -> None:
    assert split_sentences("", unit) == []
    assert split_sentences(" \n\t\u3000\n", unit) == [Span(0, 5)]


def test_leading_space_belongs_to_the_first_span() -> None:
    assert pieces("\n\n  One. Two.  \n") == ["\n\n  One. ", "Two.  \n"]


@pytest.mark.parametrize(
    "unit_text",
    [
        'Dr. Smith said "Go." at 5 p.m. in the U.S. and left; nobody knew why he had come at all. ',
        'He said: "Go!" \'No?\' "Why" she (asked.) ',
        "a",
        ".",
        "a.",
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ+/",
        '{"a":"b. C","d":[1,2.5,null]},',
        "漢字仮名交文",
        "\n",
        " ",
        "(",
        '"',
        ".[1]",
        "กข ",
        "\u0301",
        "a:",
        "{",
        "=",
    ],
    ids=repr,
)
def test_huge_line_is_split_in_linear_time(unit_text: str) -> None:
    text = unit_text * (1_000_000 // len(unit_text))  # quadratic work would take hours, not seconds
    check_tiling(text, split_sentences(text))


def test_ten_megabytes_in_one_line() -> None:
    text = "Nobody knew why he had come at all, and nobody asked him, neither then nor later. " * 122_000
    check_tiling(text, split_sentences(text))


def test_long_piece_is_cut_at_a_clause_then_a_space() -> None:
    clause = "one two three four, " * 100
    assert all(piece.rstrip().endswith(",") for piece in pieces(clause))
    assert all(piece.endswith(" ") for piece in pieces("word " * 500))
    assert [len(piece) for piece in pieces("x" * 2500)] == [1000, 1000, 500]


@pytest.mark.parametrize("cluster", ["e\u0301", "👩\u200d👩\u200d👧", "👍🏽", "\ud83d\ude00", "กี้"], ids=ascii)
def test_hard_cut_keeps_visible_characters_whole(cluster: str) -> None:
    for shift in range(len(cluster)):
        text = "x" * shift + cluster * 600
        starts = {span.start for span in split_sentences(text, "line")} - {0}
        assert starts
        assert all((start - shift) % len(cluster) == 0 for start in starts)


def test_long_turn_becomes_groups_of_sentences() -> None:
    monologue = "Ana: " + "This is a sentence of the long turn. " * 30
    text = f"{monologue}\nBo: Fine.\nAna: Good. Bye.\nBo: Bye."
    parts = pieces(text)
    assert parts[-3:] == ["Bo: Fine.\n", "Ana: Good. Bye.\n", "Bo: Bye."]
    assert len(parts) > 5
    assert all(len(part) <= GROUP + 1 for part in parts)
    assert pieces(text, "turn")[-3:] == parts[-3:]


def test_long_item_becomes_groups_of_sentences() -> None:
    short, long = "- " + "Short one. " * 20, "- " + "A sentence of the long item. " * 30
    assert len(short) < LONG_RECORD < len(long)
    parts = pieces(f"{short}\n{long}\n- end")
    assert parts[0] == f"{short}\n"
    assert max(map(len, parts[1:])) <= GROUP + 1


def test_thai_without_stops_is_cut_at_spaces() -> None:
    parts = pieces("เราไปตลาดเพื่อซื้อผลไม้และผัก " * 20)
    assert len(parts) > 3
    assert all(PHRASE // 2 <= len(part) <= 3 * PHRASE for part in parts)


@pytest.mark.parametrize(
    "text",
    [
        "Dinner is at six.\nNote: bring wine.\nWe eat late.\nWarning: cats.\nIt will be fun.",
        "From: Ann\nTo: Bob\nSubject: Hi. Again.\n\nDear Bob, I write to you. It rains here.\n\nAnn",
        "Ingredients: flour.\nStep 1: Mix. Wait.\nStep 2: Bake. Cool.\nServes: 4.",
    ],
    ids=["notes", "mail", "recipe"],
)
def test_labels_alone_make_no_chat(text: str) -> None:
    assert split_sentences(text, "auto") == split_sentences(text, "sentence")


def test_splitter_is_the_function_with_its_unit() -> None:
    splitter: SentenceSplitter = Splitter(unit="line")
    assert splitter("One. Two.\nThree.") == [Span(0, 10), Span(10, 16)]
    assert Splitter() == Splitter(unit="auto")


def test_unknown_unit() -> None:
    with pytest.raises(ConfigError, match="`unit` is 'word'; it must be one of 'sentence', 'line', 'turn', 'auto'"):
        split_sentences("One.", "word")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="'word'"):
        Splitter(unit="word")  # type: ignore[arg-type]
