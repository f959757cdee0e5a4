"""A part of a sentence, quoted word for word: does it say what the whole sentence says?"""

from __future__ import annotations

import pytest

from attngs.checking.verify import verify
from attngs.text.sentences import split_sentences
from attngs.types import Document, Sentence


def kinds(reply: str, *sources: str) -> set[str]:
    documents = [Document(id=f"note-{number}", text=source) for number, source in enumerate(sources)]
    sentences = [
        Sentence(document=document, position=position, start=start, end=end)
        for position, document in enumerate(documents)
        for start, end in split_sentences(document.text, "sentence")
    ]
    return {claim.kind for verdict in verify(reply, sentences) for claim in verdict.unsupported}


@pytest.mark.parametrize(
    ("kind", "source", "reply"),
    [
        ("modality", "Perhaps Ana moved to Porto.", "Ana moved to Porto."),
        ("modality", "Perhaps she moved to Porto.", "she moved to Porto."),
        ("modality", "Maybe, after all that, Ana sold the boat.", "Ana sold the boat."),
        ("modality", "It is possible that Ana sold the boat in May.", "Ana sold the boat in May."),
        ("modality", "I'm not sure whether Ana sold the boat.", "Ana sold the boat."),
        ("modality", "We hope that Ana keeps the boat.", "Ana keeps the boat."),
        ("modality", "Ana might one day sell the boat in Faro.", "sell the boat in Faro."),
        ("attribution", "Tom thinks Ana moved to Porto.", "Ana moved to Porto."),
        ("attribution", "It is said that Ana moved to Porto.", "Ana moved to Porto."),
        ("attribution", "According to the neighbours, Ana sold the boat.", "Ana sold the boat."),
        ("attribution", "Ana sold the boat, according to the neighbours.", "Ana sold the boat"),
        ("attribution", "The seller claims that the roof was renewed in 2019.", "the roof was renewed in 2019."),
        ("attribution", "Ana sold the boat, or so they say.", "Ana sold the boat"),
        ("negation", "I don't think Ana moved to Porto.", "Ana moved to Porto."),
        ("negation", "It is not true that Ana sold the boat.", "Ana sold the boat."),
        ("negation", "Nobody believes that Ana sold the boat.", "Ana sold the boat."),
        ("negation", "No member of the crew signed the letter.", "member of the crew signed the letter."),
        ("negation", "We never let Ana drive the van.", "let Ana drive the van."),
        ("negation", "Es stimmt nicht, dass Ana das Boot verkauft hat.", "Ana das Boot verkauft hat."),
        ("condition", "If the rent rises, Ana moves to Porto.", "Ana moves to Porto."),
        ("condition", "Ana moves to Porto if the rent rises.", "Ana moves to Porto"),
        ("condition", "Take two drops unless the eye is red.", "Take two drops"),
        ("condition", "Ana moves to Porto, provided that the rent rises.", "Ana moves to Porto"),
        ("quantity", "Few of the parents signed the letter.", "the parents signed the letter."),
        ("quantity", "Some of the parents signed the letter.", "the parents signed the letter."),
        ("quantity", "On Sundays only Ana drives the van.", "Ana drives the van."),
        ("quantity", "Ana rarely drives the van to Faro.", "drives the van to Faro."),
    ],
)  # fmt: skip
def test_a_fragment_that_drops_what_qualifies_it_is_unsupported(kind: str, source: str, reply: str) -> None:
    assert kind in kinds(reply, source)


@pytest.mark.parametrize(
    ("source", "reply"),
    [
        ("Yesterday it rained, and Ana moved to Porto.", "Ana moved to Porto."),
        ("Tom is not here; Ana moved to Porto.", "Ana moved to Porto."),
        ("Tom might be late, but Ana sold the boat.", "Ana sold the boat."),
        ("Tom might be late, but Ana sold the boat.", "Tom might be late"),
        ("If the rent rises, Ana moves to Porto.", "If the rent rises, Ana moves to Porto"),
        ("Ana said that she would be late, and Tom sold the boat.", "Tom sold the boat."),
        ("Some of the parents signed the letter, and Ana read it aloud.", "Ana read it aloud."),
        ("Ana: Perhaps we should go. Tom: We moved to Porto.", "We moved to Porto."),
        ("In May Ana moved to Porto, where few people know her.", "Ana moved to Porto"),
        ("The doctor put Ana on felodipine, but no grapefruit.", "The doctor put Ana on felodipine"),
        ("As you know, Ana moved to Porto in May.", "Ana moved to Porto in May."),
        ("I told Tom that Ana moved to Porto.", "Ana moved to Porto."),
        ("Ana is allergic to nuts and cannot eat the cake.", "Ana is allergic to nuts"),
        ("After the flood, which nobody had expected, Ana sold the boat.", "Ana sold the boat."),
        ("Takes 10 mg of lercanidipine before breakfast, never with juice.", "10 mg of lercanidipine before breakfast"),
    ],
)
def test_a_fragment_that_loses_nothing_of_what_it_says_is_faithful(source: str, reply: str) -> None:
    assert not kinds(reply, source)


@pytest.mark.parametrize(
    "sources", [("Perhaps Ana moved to Porto.", "Ana moved to Porto."), ("Ana moved to Porto.", "Perhaps Ana moved to Porto.")]
)
def test_what_another_sentence_says_as_a_whole_is_faithful(sources: tuple[str, ...]) -> None:
    assert not kinds("Ana moved to Porto.", *sources)


def test_a_sentence_that_is_quoted_in_two_parts_loses_nothing() -> None:
    document = Document(id="note", text="No, never:\nAna moved to Porto.")
    sentence = Sentence(document=document, position=0, start=0, end=len(document.text))
    assert [verdict.unsupported for verdict in verify(document.text, [sentence])] == [(), ()]
    assert verify("Ana moved to Porto.", [sentence])[0].sources == (0,)


def test_what_one_of_two_sentences_says_without_a_qualifier_is_faithful() -> None:
    assert not kinds("Ana moved to Porto.", "Perhaps Ana moved to Porto.", "In May, Ana moved to Porto.")
