"""What holds for the structure of every text, whichever reader finds it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngs.testing import NASTY_TEXTS
from attngs.text.structure.limits import DENSE, LATIN
from attngs.text.structure.outline import MOST_HEADS
from attngs.text.structure.reading import READERS, read_structure
from attngs.text.structure.units import Reader, Structure

LINES = (
    "Ana: hi",
    "[12/03/24, 10:15:22] Ben: at the pier",
    "tessa — 14/10/2021 15:34",
    "You said:",
    "ChatGPT said:",
    "Bram",
    "10:12 AM",
    "1",
    "00:00:01,000 --> 00:00:04,000",
    "WEBVTT",
    "From: Ana",
    "Subject: The boat",
    "On Monday, Ben wrote:",
    "> quoted",
    ">> twice",
    ">",
    "-- ",
    '{"a": [{"name": "Rex"}, 1, []]}',
    '{"a": "',
    "[",
    "]",
    "{",
    "}",
    '"',
    "id,name,city",
    '1,"Ana,',
    'Gent"',
    "a\tb\tc",
    "| a | b |",
    "|---|---|",
    "<table><tr><td>B1</td>",
    "<h1>Vik</h1>",
    "<!--",
    "<script>",
    "</p",
    "<",
    "pets:",
    "  - name: Rex",
    "    kind: dog",
    "- x",
    "---",
    "...",
    "2024-03-01T10:00:00Z ERROR job failed",
    "Traceback (most recent call last):",
    '  File "a.py", line 1',
    "ValueError: x",
    "\tat a.b(C.java:3)",
    "class Cart:",
    "    def total(self):",
    "        return 1",
    "function f() {",
    "@wraps",
    "# Title",
    "## Part",
    "Title",
    "=====",
    "```",
    "~~~",
    "1. Fees",
    "1.1 The fee",
    "(a) singular",
    "(i) company",
    "§ 3 Notice.",
    "Article 5",
    "SAFETY RULES",
    "Q: Why?",
    "A: Because.",
    "Where is it?",
    "The committee has reviewed the deter-",
    "mined claim of 3 March, which is",
    "Note:",
    "23 April. We sailed.",
    "2024/05/01(水)",
    "19:02\tNora\thi",
    "[14:20] -!- Olaf has quit",
    "======= FAILURES =======",
    "____ test_a ____",
    "E   assert 0",
    "[ 12%] Building",
    "a.c:3:4: error: x",
    "a.c: In function 'f':",
    "+---+---+",
    "```json",
    '<td rowspan="2">North</td>',
    '<span class="author">Nora</span>',
    "<b>Bold</b>",
    "</div>",
    "> From: Ana",
    "-----Original Message-----",
    "Q Why",
    "A Because",
    "",
    "",
    " ",
    "\t",
    "x" * 500,
    "花" * 200,
    "word " * 120,
)
TALK = (
    "nora — 03/02/2023 18:20",
    "olaf  6:21 PM",
    "Nora",
    "6:20 PM",
    "[6:20 PM] Olaf",
    "18:30",
    "",
    "hi",
    "You said:",
    "ChatGPT said:",
    "Nora: yes",
    "[03/02/23, 18:20:11] Olaf: no",
    "- item",
    "well " * 100,
)
ODD = st.text(
    st.sampled_from(
        [
            *"\n\r\t\v\f\x00\x1c\x85\xa0\u2028\u3000\ufeff\u200d\u0301 .,:;!?-*#>|`~=<>[]{}()\"'\\/&@1aB9",
            "\ud800",
            "\udfff",
            "你",
            "한",
            "ก",
            "👩",
        ]
    ),
    max_size=120,
)
DOCUMENTS = st.lists(st.sampled_from(LINES) | ODD, max_size=25).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\n\n", "\r"]).map(lambda end: end.join(lines))
)


def check(text: str, structure: Structure) -> None:
    position = 0
    for number, unit in enumerate(structure.units):
        assert unit.start == position < unit.end
        position = unit.end
        assert list(unit.heads) == sorted(set(unit.heads))
        assert all(0 <= head < number for head in unit.heads)
        assert len(unit.heads) <= 2 * MOST_HEADS
        content = text[unit.start : unit.end].strip()
        assert content or not text.strip()
        assert len(content) <= LATIN
    assert position == len(text)


def with_any_reader(text: str, reader: Reader) -> Structure:
    return read_structure(text, source=f"a{reader.suffixes[0]}") if reader.suffixes else reader.read(text) or read_structure(text)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@settings(max_examples=60)
@given(text=DOCUMENTS | ODD)
def test_every_reader_tiles_any_text_and_heads_come_first(reader: Reader, text: str) -> None:
    structure = with_any_reader(text, reader)
    check(text, structure)
    assert structure == with_any_reader(text, reader)


@settings(max_examples=300)
@given(text=st.lists(st.sampled_from(TALK), min_size=2, max_size=12).map("\n".join))
def test_so_does_the_reader_of_chats_on_lines_that_may_be_labels(text: str) -> None:
    check(text, read_structure(text))


@settings(max_examples=300)
@given(text=DOCUMENTS)
def test_so_does_the_one_that_the_text_chooses(text: str) -> None:
    check(text, read_structure(text))


BLOCKS = (
    "Here is what it says:",
    "# Title",
    "- item\n  - below",
    "2024-03-01T10:00:00Z INFO a=1\n" * 3 + "2024-03-01T10:00:00Z ERROR b=2 " + "x " * 300,
    "name,age,city\nNora,12,Vik\nOlaf,13,Moss",
    '{"a": [{"name": "Rex", "text": "' + "word " * 90 + '"}, 2]}',
    '[{"broken": ',
    "    def f(x):\n        return x\n    f(1)",
    "    key: 1\n    other:\n      - 2",
    "```json\n" + '{"a": "' + "b " * 250 + '"}' + "\n```",
    "```\nname\tage\n" + "Nora\t12\n" * 60 + "```",
    "```\nnever closed " + "x " * 300,
    "a.c:3:4: error: x\n  3 | y\n    | ^\nb.c:1:1: warning: z",
    "On Monday, Ben wrote:\n> When?\n>\n> From: Ana\n>> Now.",
    "From: Ana\nSubject: Re: Boat\n\nHi.",
    "You said:\nWhy?",
    "ChatGPT said:\nBecause.",
    "3 May. It rains. We stay.",
)


@settings(max_examples=200)
@given(blocks=st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=9), gap=st.sampled_from(["\n\n", "\n \n", "\r\n\r\n", "\n\n\n"]))
def test_so_do_texts_that_mix_formats(blocks: list[str], gap: str) -> None:
    text = gap.join(blocks)
    structure = read_structure(text)
    check(text, structure)
    assert structure == read_structure(text)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("text", NASTY_TEXTS, ids=range(len(NASTY_TEXTS)))
def test_nasty_texts(reader: Reader, text: str) -> None:
    check(text, with_any_reader(text, reader))


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\ufeff"])
def test_a_blank_text_has_one_unit_at_most(text: str) -> None:
    assert len(read_structure(text).units) == bool(text)


DEEP = {
    "brackets": "[" * 100_000,
    "closed brackets": "[" * 5_000 + "]" * 5_000,
    "objects": '{"a":[' * 20_000,
    "quotes": ">" * 100_000,
    "quote marks": '"' * 100_000,
    "lists": "".join(" " * (number % 900) + "- a\n" for number in range(3_000)),
    "html lists": "<ul><li>x" * 20_000,
    "open tags": "<a " * 50_000,
    "comments": "<!--" * 50_000,
    "scripts": "<script>" * 20_000,
    "open quotes": '1,"Ana,Gent\n' * 20_000,
    "one line": "word " * 50_000,
    "one word": "x" * 200_000,
    "dashes": "- " * 50_000,
    "markers": "1." * 50_000,
    "colons": "a:" * 50_000,
    "blank lines": "\n" * 200_000,
    "spaces": "x" + " " * 200_000 + "y",
    "carriage returns": "x\r" * 20_000,
    "short lines": "ab cd\n" * 20_000,
    "paragraphs of numbers": "12, 3; 4\n" * 20_000,
    "fences": "```\n" * 20_000,
    "strokes": "===== a =====\n" * 10_000,
    "places": "a.c: In b:\n" * 10_000,
    "emoji": "😀 " * 40_000,
    "cells": '<td rowspan="9">x' * 20_000,
}


@pytest.mark.parametrize("suffix", ["", ".json", ".jsonl", ".md", ".html", ".csv", ".yaml", ".py", ".eml", ".srt", ".log"])
@pytest.mark.parametrize("name", DEEP)
def test_what_is_deep_or_broken_is_read_in_linear_time(name: str, suffix: str) -> None:
    check(DEEP[name], read_structure(DEEP[name], source=f"a{suffix}"))  # quadratic work would take minutes


def test_a_unit_of_a_dense_script_is_shorter() -> None:
    structure = read_structure("我住在上海我对花生过敏" * 60)
    assert max(unit.end - unit.start for unit in structure.units) <= DENSE


def test_a_long_sentence_is_cut_after_clauses_into_even_parts() -> None:
    text = "we talked about the weather and the garden, and nobody knows why they do it every spring, " * 7
    lengths = [unit.end - unit.start for unit in read_structure(text).units]
    assert min(lengths) > 150
    assert all(text[unit.start : unit.end].rstrip().endswith(",") for unit in read_structure(text).units)
