"""How much work a check is: it grows as the texts do, whatever stands in them.

Work is counted in executed lines of Python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from attngs.checking.language.clauses import read_clauses
from attngs.checking.language.languages import english
from attngs.checking.verify import verify
from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence

UNITS = {
    "quotes": lambda size: '"' * size + " said Anna",
    "brackets": lambda size: "(" * size + "a" + ")" * size,
    "bracketed words": lambda size: "(a) " * size,
    "denials": lambda size: "not red " * size,
    "commas and figures": lambda size: "he eats 3 fish, " * size,
    "capitals": lambda size: "And Anna " * size,
    "number words": lambda size: "two hundred " * size,
    "dates": lambda size: "3 May " * size,
    "kin": lambda size: "her sister's brother's " * size,
    "questions": lambda size: "does he? " * size,
}


def work(function: Callable[[], object]) -> int:
    """Lines of Python that a call executes."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("unit", UNITS)
def test_reading_twice_as_long_a_sentence_is_twice_the_work(unit: str) -> None:
    small, large = (UNITS[unit](size) for size in (150, 300))
    read_clauses(large, english())  # what is kept for all texts
    assert work(lambda: read_clauses(large, english())) < 2.2 * work(lambda: read_clauses(small, english()))


def test_checking_twice_as_long_a_reply_against_twice_as_long_a_context_is_twice_the_work() -> None:
    def check(size: int) -> Callable[[], object]:
        text = "He pays 900 euros. " * 10 * size
        document = Document(text=text)
        sentences = [Sentence(document=document, position=0, start=start, end=end) for start, end in split_sentences(text, "sentence")]
        return lambda: verify("He pays 900 coins. " * size, sentences)

    check(60)()
    assert work(check(60)) < 2.2 * work(check(30))
