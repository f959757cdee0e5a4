"""The faithfulness benchmark: its cases are what its page says, its arithmetic is right."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from attngs.checking.verify import verify
from benchmarks.faithfulness.data import HALVES, KINDS, Case, cases, load_contexts
from benchmarks.faithfulness.measure import measure, summarise
from benchmarks.faithfulness.methods import Method, threshold


@pytest.fixture(scope="module")
def found() -> dict[str, list[Case]]:
    return {half: list(cases(load_contexts(), half)) for half in HALVES}


def test_there_are_enough_cases_of_every_kind(found: dict[str, list[Case]]) -> None:
    every = [case for rows in found.values() for case in rows]
    count = Counter(case.kind for case in every)
    assert count[""] >= 600
    assert sum(count[kind] for kind in KINDS) >= 1_000
    assert all(count[kind] >= 45 for kind in KINDS)
    assert set(count) == {"", *KINDS}


def test_halves_share_no_context_and_no_rewrite(found: dict[str, list[Case]]) -> None:
    first, second = ({case.context for case in rows} for rows in found.values())
    assert first
    assert second
    assert first.isdisjoint(second)
    assert {case.reply for case in found[HALVES[0]]}.isdisjoint(case.reply for case in found[HALVES[1]])


def test_no_rewrite_is_a_sentence_of_its_source(found: dict[str, list[Case]]) -> None:
    planted = [case for rows in found.values() for case in rows if case.kind]
    assert not [case.reply for case in planted if any(case.reply == sentence.text.strip() for sentence in case.sentences)]


def test_a_crowd_holds_the_case_s_own_context(found: dict[str, list[Case]]) -> None:
    alone = found[HALVES[1]]
    for case, crowded in zip(alone, cases(load_contexts(), HALVES[1], crowd=9), strict=True):
        assert case.reply == crowded.reply
        assert {sentence.text for sentence in case.sentences} < {sentence.text for sentence in crowded.sentences}


def test_recall_and_precision_by_hand(found: dict[str, list[Case]]) -> None:
    case = found[HALVES[0]][0]
    planted = [(replace(case, kind="date"), hit) for hit in (True, True, True, False)]
    result = summarise([*planted, *((replace(case, kind=""), hit) for hit in (True, False))])
    assert result["false_alarms"].mean == 0.5
    assert result["kinds"]["date"]["recall"].mean == 0.75
    assert result["kinds"]["date"]["precision"].mean == 3 / (3 + 0.5 * 4)
    assert result["kinds"]["unit"]["recall"] is None


def test_a_baseline_s_threshold_keeps_its_false_alarms_low() -> None:
    method = Method(name="any", note="", suspicion=lambda case: 0.0)
    scores = [number / 20 for number in range(20)]
    assert sum(score >= threshold(method, scores) for score in scores) == 2
    assert threshold(replace(method, threshold=1.0), scores) == 1.0


def test_measuring_a_few_contexts(found: dict[str, list[Case]]) -> None:
    contexts = load_contexts()
    few = [next(context for context in contexts if context.half == half) for half in HALVES]

    def suspicion(case: Case) -> float:
        return float(any(verdict.unsupported for verdict in verify(case.reply, case.sentences)))

    results = measure(Method(name="ours", note="", suspicion=suspicion, threshold=1), few)
    assert results["alone"][HALVES[0]]["faithful"] == len(few[0].faithful)
    assert results["in a crowd"][HALVES[1]]["planted"] == len(few[1].planted)
