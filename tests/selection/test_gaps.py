"""What stands between sentences of one document where others were left out."""

from __future__ import annotations

import pytest

from attngs.selection.layout import ExtractLayout
from attngs.types import Document, Sentence


def shown(text: str, kept: list[int], layout: ExtractLayout) -> str:
    """The lines of a text, some of them."""
    document, sentences, at = Document(text=text, id="a"), list[Sentence](), 0
    for part in text.split("|"):
        sentences.append(Sentence(document=document, position=0, start=at, end=at + len(part)))
        at += len(part) + 1
    return layout.render(sentences, kept, labels={})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("One. |Two. |Three.", "One. Three."), ("One.\n|Two.\n|Three.", "One.\nThree."), ("One.\n  |Two. |Three.", "One.\nThree.")],
)
def test_a_line_break_is_never_replaced_by_a_space(text: str, expected: str) -> None:
    assert shown(text, [0, 2], ExtractLayout(gap=" ")) == expected


def test_another_gap_with_a_line_break_stays() -> None:
    assert shown("One.\n|Two.\n|Three.", [0, 2], ExtractLayout(gap="\n[...]\n")) == "One.\n[...]\nThree."


def test_the_first_line_of_code_keeps_its_indentation() -> None:
    document = Document(text="gate:\n  open: 9\n  shut: 5\n", id="a")
    fields = [Sentence(document=document, position=0, start=a, end=b, kind="field") for a, b in ((0, 6), (6, 16), (16, 26))]
    assert ExtractLayout().render(fields, [2], labels={}) == "  shut: 5"
