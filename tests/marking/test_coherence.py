"""How far neighbours count, and what is alike: by the question's own scores, and fully where nobody can tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import Document, Marker
from attngs.marking.coherence import FULL, coherence, is_conversation
from attngs.marking.scales import Layout
from attngs.testing import FakeScorer
from attngs.text.sentences import Splitter
from attngs.types import Sentence


def sentences(*documents: str) -> tuple[Sentence, ...]:
    marker = Marker(FakeScorer("x"), splitter=Splitter(unit="auto"))
    return marker.split([Document(text=text, id=str(n)) for n, text in enumerate(documents)])


NOTES = sentences(*["One thing. Another thing. A third thing. A fourth one. And a fifth."] * 8)
LAYOUT = Layout.of(NOTES)


def test_documents_that_score_alike_count_fully_and_those_that_do_not_count_nothing() -> None:
    chance = np.random.default_rng(0)
    noise = chance.normal(size=len(NOTES))
    together = np.repeat(chance.normal(size=8), 5)
    assert coherence(together + 0.1 * noise, LAYOUT, conversation=is_conversation(NOTES)) == (1.0, 0.0)
    alternating = np.tile([1.0, -1.0, 1.0, -1.0, 1.0], 8)
    assert coherence(alternating, LAYOUT, conversation=is_conversation(NOTES)) == (0.0, 1.0)
    assert coherence(np.zeros(len(NOTES)), LAYOUT, conversation=is_conversation(NOTES)) == (0.0, 1.0)


def test_between_them_it_is_the_correlation_with_the_others_of_the_window() -> None:
    chance = np.random.default_rng(9)
    scores = np.repeat(chance.normal(size=8), 5) * 0.35 + chance.normal(size=len(NOTES))
    others = [(scores[5 * (i // 5) : 5 * (i // 5) + 5].sum() - scores[i]) / 4 for i in range(len(NOTES))]
    expected = np.corrcoef(scores, others)[0, 1] / FULL
    assert 0 < expected < 1
    assert coherence(scores, LAYOUT, conversation=is_conversation(NOTES)) == pytest.approx((expected, 1 - expected))


def test_where_nobody_can_tell_both_count() -> None:
    short = sentences(*["One thing. Another thing."] * 20)
    assert coherence(np.tile([1.0, -1.0], 20), Layout.of(short), conversation=is_conversation(short)) == (1.0, 1.0)
    items = sentences(*["One thing. Another thing."] * 20, *["One thing. Another thing. A third thing. A fourth one."] * 9)
    assert coherence(np.resize([1.0, -1.0], len(items)), Layout.of(items), conversation=is_conversation(items)) == (1.0, 1.0)
    few = sentences("One thing. Another thing. A third thing. A fourth one.")
    assert coherence(np.array([1.0, -1.0, 1.0, -1.0]), Layout.of(few), conversation=is_conversation(few)) == (1.0, 1.0)


def test_sentences_that_are_documents_have_no_neighbours() -> None:
    """Else every scale says the same once more, and late attention counts four times."""
    apart = sentences(*["One thing."] * 20, "One thing. Another thing.")
    assert coherence(np.resize([1.0, -1.0], 22), Layout.of(apart), conversation=is_conversation(apart)) == (0.0, 1.0)
    mixed = sentences(*["One thing."] * 12, *["One thing. Another thing."] * 4)
    assert coherence(np.resize([1.0, -1.0], 20), Layout.of(mixed), conversation=is_conversation(mixed)) == (1.0, 1.0)
    assert coherence(np.zeros(0), Layout.of(()), conversation=False) == (1.0, 1.0)


def test_in_a_conversation_neighbours_count_whatever_their_words() -> None:
    talk = sentences(
        "Ana: Where to?\nBen: The sea.\nAna: When?\nBen: May.\nAna: Who else?\nBen: Rita.\nAna: How?\nBen: By train.\nAna: Good."
    )
    assert is_conversation(talk)
    assert coherence(np.resize([1.0, -1.0], len(talk)), Layout.of(talk), conversation=is_conversation(talk)) == (1.0, 0.0)
    assert not is_conversation(NOTES)
    assert not is_conversation(())


@given(st.lists(st.floats(-1e6, 1e6), min_size=len(NOTES), max_size=len(NOTES)))
def test_they_are_always_shares_of_one(scores: list[float]) -> None:
    neighbours, alike = coherence(np.array(scores), LAYOUT, conversation=is_conversation(NOTES))
    assert 0.0 <= neighbours <= 1.0
    assert neighbours + alike == pytest.approx(1.0)
