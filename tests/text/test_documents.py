"""Text that no file, request or tokenizer can hold is replaced before it gets there."""

from __future__ import annotations

import pytest

from attngs.text.documents import clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [("plain é 😀", "plain é 😀"), ("a\ud800b\udfff", "a\ufffdb\ufffd"), ("two halves \ud83d\ude00", "two halves 😀"), ("", "")],
)
def test_lone_surrogates_become_the_replacement_character(text: str, clean: str) -> None:
    assert clean_text(text) == clean
    assert clean_text(text).encode().decode() == clean
