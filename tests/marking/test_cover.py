"""In a chat, a budget is shared out among messages and the user's words come first; all other contexts keep the order of their scores."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from attngs.compressor import ContextCompressor
from attngs.marking.algorithm import ranking
from attngs.marking.cover import covering_order
from attngs.marking.marker import Marker
from attngs.selection.selector import fill
from attngs.testing.fakes import FakeScorer, count_words
from attngs.types import Document, Sentence


def units(sizes: Sequence[int], roles: Sequence[object] | None = None) -> list[Sentence]:
    documents = [
        Document(text="x" * size, id=str(position), metadata={"role": roles[position]} if roles else {})
        for position, size in enumerate(sizes)
    ]
    return [
        Sentence(document=document, position=position, start=i, end=i + 1)
        for position, document in enumerate(documents)
        for i in range(len(document.text))
    ]


def test_a_message_waits_for_others() -> None:
    # ranks of the first message times the place in it: 1, 4, 9, 16; of the second: 5, 12
    assert covering_order(units([4, 2], ["user", "user"]), [9, 8, 7, 6, 5, 4]) == [0, 1, 4, 2, 5, 3]


def test_the_words_of_the_user_come_first_where_scores_are_close() -> None:
    assert covering_order(units([1, 1, 1], ["assistant", "user", "user"]), [5.0, 4.5, 0]) == [1, 0, 2]
    assert covering_order(units([1] * 9, ["ai", *["human"] * 8]), [5.0, 1, 0, 0, 0, 0, 0, 0, 0])[0] == 0


def test_documents_without_roles_keep_their_order() -> None:
    scores = [3.0, 7, 7, 1, 9, 2]
    assert covering_order(units([4, 2]), scores) == ranking(scores) == [4, 1, 2, 0, 5, 3]


@pytest.mark.parametrize("scores", [[], [5.0], [1, 3, 2, 3, -4, 0], [2, 2, 2, 2]])
def test_a_single_message_keeps_its_order(scores: list[float]) -> None:
    assert covering_order(units([len(scores)], ["user"]), scores) == ranking(scores)


@pytest.mark.parametrize("role", [None, 7, ["user"], "tool"])
def test_any_role_will_do(role: object) -> None:
    assert sorted(covering_order(units([2, 2], [role, "user"]), [1, 2, 3, 4])) == [0, 1, 2, 3]


def test_a_second_message_is_kept_beside_a_long_one() -> None:
    visits = Document(
        id="visits", text="The vet came. The vet came back. The vet came late. The vet came twice.", metadata={"role": "user"}
    )
    bill = Document(id="bill", text="Somebody paid the vet. It snowed.", metadata={"role": "user"})
    compressor = ContextCompressor(Marker(FakeScorer("The vet", "vet")), counter=count_words)
    result = compressor.compress([visits, bill], "What about the vet?", target_tokens=13)
    assert result.text == "[visits]\nThe vet came. The vet came back.\n\n[bill]\nSomebody paid the vet."


def test_a_unit_below_the_mean_does_not_end_the_filling() -> None:
    kept = list[int]()

    def take(i: int) -> bool:
        fits = i != 1
        kept.extend([i] if fits else [])
        return fits

    fill([9.0, 8, 1, 7], [0, 1, 2, 3], take)
    assert kept == [0, 3]
