"""The algorithm on numbers one can check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs.errors import ConfigError, ModelError
from attngs.marking.algorithm import AlphaRule, MarkRule, Percentile, Threshold, TopK, TopP, check_finite, lift, ranking, score_sentences

SCORES = st.lists(st.floats(-5, 5, allow_nan=False), max_size=30)


def test_the_papers_score_by_hand() -> None:
    """Five tokens `.1 .1 | .3 .1 | .2` in three sentences: means .1, .2, .2 of a total of .8."""
    mass = np.array([[[0.2, 0.4, 0.2]]])  # one layer, one head
    scores = score_sentences(mass, np.array([2.0, 2, 1]))
    assert np.allclose(scores, np.array([0.1, 0.2, 0.2]) / 0.8)
    assert AlphaRule(0.6)(scores.tolist()) == (False, True, True)
    assert AlphaRule(0.5)(scores.tolist()) == (True, True, True)


def test_heads_are_averaged_or_weighted() -> None:
    mass = np.array([[[0.2, 0.2], [0.6, 0.0]]])
    one = np.ones(2)
    assert np.allclose(score_sentences(mass, one), [0.8, 0.2])
    assert np.allclose(score_sentences(mass, one, np.array([[1.0, 0.0]])), [0.5, 0.5])
    with pytest.raises(ConfigError, match="head_weights"):
        score_sentences(mass, one, np.ones((2, 2)))


def test_every_layer_counts_the_same_however_much_it_gives_to_sinks() -> None:
    mass = np.array([[[0.5, 0.5]], [[0.003, 0.001]]])
    assert np.allclose(score_sentences(mass, np.ones(2)), [(0.5 + 0.75) / 2, (0.5 + 0.25) / 2])


def test_a_short_window_does_not_outshine_a_long_one() -> None:
    """Uniform attention over 20 and over 110 tokens, 10 of them the prompt's, must give all sentences the same score."""
    short, long = lift(np.array([[[5 / 20, 5 / 20]]]), 20), lift(np.array([[[10 / 110, 90 / 110]]]), 110)
    scores = score_sentences(np.concatenate([short, long], axis=2), np.array([5.0, 5, 10, 90]))
    assert np.allclose(scores, scores[0])


def test_a_sentence_without_tokens_scores_nothing() -> None:
    assert score_sentences(np.array([[[0.0, 1.0]]]), np.array([0.0, 3])).tolist() == [0, 1 / 3]
    assert score_sentences(np.zeros((2, 3, 4)), np.zeros(4)).tolist() == [0, 0, 0, 0]


@given(st.permutations(range(5)))
def test_permuting_sentences_permutes_scores(order: list[int]) -> None:
    mass = np.arange(30, dtype=float).reshape(2, 3, 5) + 1
    tokens = np.array([1.0, 2, 3, 4, 5])
    assert np.allclose(score_sentences(mass[:, :, order], tokens[order]), score_sentences(mass, tokens)[order])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (AlphaRule(0.3), (False, True, False, True)),
        (TopK(1), (False, True, False, False)),
        (TopK(9), (True, True, True, True)),
        (TopP(0.5), (False, True, False, False)),
        (TopP(0.85), (False, True, False, True)),
        (Percentile(50), (False, True, False, True)),
        (Percentile(0), (True, True, True, True)),
        (Threshold(0.1), (True, True, False, True)),
    ],
)
def test_rules(rule: MarkRule, expected: tuple[bool, ...]) -> None:
    assert rule([0.1, 0.6, 0.0, 0.3]) == expected


@given(SCORES)
def test_rules_are_total_and_keep_the_best(scores: list[float]) -> None:
    for rule in (AlphaRule(), TopK(2), TopP(0.8), Percentile(80), Threshold()):
        marked = rule(scores)
        assert len(marked) == len(scores)
        if any(marked):
            assert marked[ranking(scores)[0]]


@pytest.mark.parametrize("scores", [[], [-1.0, -2.0]])
def test_nothing_is_marked_where_nothing_was_attended(scores: list[float]) -> None:
    assert not any(AlphaRule()(scores))
    assert not any(TopP(0.9)(scores))


@pytest.mark.parametrize("scores", [[0.0], [0.0, 0.0], [2.0, 2.0, 2.0]])
def test_equal_scores_rule_nothing_out(scores: list[float]) -> None:
    assert all(AlphaRule()(scores))


@pytest.mark.parametrize("make", [lambda: AlphaRule(0), lambda: AlphaRule(1.1), lambda: TopK(0), lambda: TopP(-1), lambda: Percentile(101)])
def test_settings_out_of_range(make: object) -> None:
    with pytest.raises(ConfigError, match=r"`\w+` must"):
        make()  # type: ignore[operator]


def test_ties_go_to_the_earlier_sentence() -> None:
    assert ranking([1.0, 2.0, 2.0, 1.0]) == [1, 2, 0, 3]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_a_number_is_an_error(bad: float) -> None:
    with pytest.raises(ModelError, match="sentence 1"):
        check_finite([0.0, bad], 2)
    with pytest.raises(ModelError, match="3 scores for 2"):
        check_finite([0.0, 1.0, 2.0], 2)
