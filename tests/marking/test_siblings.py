"""In a short document, what stands beside a good sentence gains, as far as its sentences score alike."""

from __future__ import annotations

import numpy as np
import pytest

from attngs import ContextCompressor, Document, Marker
from attngs.marking.coherence import FULL
from attngs.marking.scales import Layout
from attngs.marking.siblings import FEW, LIFT, are_whole, have_siblings, lift_by_siblings
from attngs.testing import FakeScorer
from attngs.types import Sentence


def sentences(*documents: str) -> tuple[Sentence, ...]:
    return Marker(FakeScorer("x")).split([Document(text=text, id=str(n)) for n, text in enumerate(documents)])


NOTES = sentences(*["One thing. Another thing. A third thing."] * 8)
LAYOUT = Layout.of(NOTES)
ALL = np.ones(len(NOTES), dtype=bool)


def test_a_sentence_goes_half_of_the_way_to_the_best_of_its_document() -> None:
    together = np.repeat(np.arange(8.0), 3)  # what each says alone
    scores = np.tile([3.0, 1.0, -1.0], 8)
    assert lift_by_siblings(scores, together, LAYOUT, ALL) == pytest.approx(np.tile([3.0, 3.0 - 2 * LIFT, 3.0 - 4 * LIFT], 8))


def test_it_goes_as_far_as_the_sentences_of_a_document_score_alike() -> None:
    chance = np.random.default_rng(2)
    alone = np.repeat(chance.normal(size=8), 3) * 0.3 + chance.normal(size=len(NOTES))
    others = [(alone[3 * (i // 3) : 3 * (i // 3) + 3].sum() - alone[i]) / 2 for i in range(len(NOTES))]
    share = np.corrcoef(alone, others)[0, 1] / FULL
    assert 0 < share < 1
    scores = np.tile([3.0, 1.0, 1.0], 8)
    assert lift_by_siblings(scores, alone, LAYOUT, ALL) == pytest.approx(np.tile([3.0, 1 + 2 * LIFT * share, 1 + 2 * LIFT * share], 8))


@pytest.mark.parametrize("alone", [np.tile([1.0, -1.0, 0.0], 8), np.zeros(24)], ids=["unlike each other", "all the same"])
def test_sentences_that_have_nothing_to_do_with_each_other_stay(alone: np.ndarray) -> None:
    scores = np.tile([3.0, 1.0, 1.0], 8)
    assert lift_by_siblings(scores, alone, LAYOUT, ALL) == pytest.approx(scores)


def test_few_sentences_tell_nothing() -> None:
    two = sentences("One thing. Another thing.", "A third. A fourth.")
    scores = np.array([3.0, 1.0, 0.0, 2.0])
    assert (lift_by_siblings(scores, scores, Layout.of(two), np.ones(4, dtype=bool)) == scores).all()
    nothing = np.zeros(0)
    assert len(lift_by_siblings(nothing, nothing, Layout.of(()), np.zeros(0, dtype=bool))) == 0


def shown_whole(units: tuple[Sentence, ...]) -> np.ndarray:
    layout = Layout.of(units)
    return have_siblings(layout) & are_whole(units, layout)


def test_only_short_documents_that_are_there_as_a_whole_have_siblings() -> None:
    units = sentences("Alone.", "One. Two.", " ".join(f"Sentence {n}." for n in range(FEW + 1)), "Three. Four. Five.")
    found = shown_whole(units)
    assert [unit.text.strip() for unit, short in zip(units, found, strict=True) if short] == ["One.", "Two.", "Three.", "Four.", "Five."]
    without_five = units[:-1]
    found = shown_whole(without_five)
    assert [unit.text.strip() for unit, short in zip(without_five, found, strict=True) if short] == ["One.", "Two."]
    assert not shown_whole(()).any()


def test_a_memory_is_kept_with_what_its_best_sentence_means() -> None:
    memories = [
        "We talked about the loan from Bruno. Twelve hundred are paid back. Six instalments are left.",
        "The loan of the museum is a small blue vase. It goes back in May.",
        "My bank wants to talk about a loan. I said no.",
        "Bruno called about the weekend. He brings the tent.",
        "Paid back the library fine. It was two euros.",
        "How far is it to the lake? Nobody knows.",
        "Lunch was soup again. The cook is new.",
        "Ana plays the cello. The concert is in June.",
    ]
    documents = [Document(text=text, id=str(n)) for n, text in enumerate(memories)]
    result = ContextCompressor(Marker.default()).compress(documents, "How far is the loan from Bruno paid back?", target_tokens=42)
    assert memories[0] in result.text  # and not `It was two euros.`
