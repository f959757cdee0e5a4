"""Cases and arms -> rows, one for each case, arm and budget; and what all rows say together."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from attngs.learning.metrics import estimate
from benchmarks.attn_gs.arms import BUDGETS, FULL, NONE, Arm
from benchmarks.attn_gs.data import RATING, TASKS, Case
from benchmarks.attn_gs.judge import EXPECTED, KEPT_MEAN, LOSS, NEW_WORDS, ROUGE_1, ROUGE_L, Bias, judge, like_auc
from benchmarks.attn_gs.reader import Reader
from benchmarks.evidence.methods import OURS

WRITTEN_AT = (64,)
"""Budgets at which the reader also writes titles."""
MATCHED = 64
"""The budget of ours that other arms are to match."""
ERROR, SQUARED = "error of the expected rating", "squared error of the expected rating"
KEPT_ERROR = "error of the mean of the kept ratings"
MAIN = {RATING: ERROR, "title": LOSS}
"""What decides, by task. Lower is better in both."""
MEASURES = {RATING: (ERROR, LOSS, KEPT_ERROR), "title": (LOSS, NEW_WORDS, ROUGE_1, ROUGE_L)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one arm left of one profile, and what the reader made of it."""

    task: str
    case: str
    user: str
    arm: str
    budget: int
    """0 for no profile and for the full one."""
    tokens: int
    seconds: float
    way: str
    gold: float | None
    """The rating."""
    measures: Mapping[str, float]
    where: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What there is one row of."""
        return self.case, self.arm, self.budget

    def value(self, measure: str) -> float | None:
        """A measure, or an error that is made of one."""
        if measure in (ERROR, SQUARED, KEPT_ERROR):
            found = self.measures.get(KEPT_MEAN if measure == KEPT_ERROR else EXPECTED)
            return None if found is None or self.gold is None else abs(found - self.gold) ** (2 if measure == SQUARED else 1)
        return self.measures.get(measure)


def bounds(reader: Reader, case: Case, where: str, done: Collection[tuple[str, str, int]]) -> Iterator[Row]:
    """The rows without a profile and with the full one."""
    for arm, profile in ((NONE, ""), (FULL, case.profile_text)):
        if (case.id, arm, 0) not in done:
            yield _row(case, arm, 0, reader.tokens(profile), 0.0, "", judge(reader, case, profile, writes=True), where)


def shortened(reader: Reader, case: Case, arm: Arm, where: str, done: Collection[tuple[str, str, int]]) -> Iterator[Row]:
    """The rows of one arm at all budgets."""
    for budget in BUDGETS:
        if (case.id, arm.name, budget) not in done:
            short = arm.shorten(case, budget)
            found = judge(reader, case, short.text, writes=budget in WRITTEN_AT)
            yield _row(case, arm.name, budget, short.tokens, short.seconds, short.way, found, where)
    arm.forget(case)


def _row(case: Case, arm: str, budget: int, tokens: int, seconds: float, way: str, found: Mapping[str, float], where: str) -> Row:
    return Row(
        task=case.task,
        case=case.id,
        user=case.user,
        arm=arm,
        budget=budget,
        tokens=tokens,
        seconds=round(seconds, 3),
        way=way,
        gold=case.rating if case.task == RATING else None,
        measures={name: round(value, 4) for name, value in found.items()},
        where=where,
    )


def load_rows(path: Path) -> list[Row]:
    """The rows of a file, if there is one."""
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def add_row(path: Path, row: Row) -> None:
    """Put a row at the end of the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def baselines(cases: Sequence[Case], others: Bias) -> dict[str, Any]:
    """Errors of predictions that no reader made."""
    named = [others.predictions(case) for case in cases]
    gold, users = [case.rating for case in cases], [case.user for case in cases]
    return {
        name: {
            ERROR: _mean([abs(one[name] - stars) for one, stars in zip(named, gold, strict=True)], users),
            "rmse": round(math.sqrt(fmean((one[name] - stars) ** 2 for one, stars in zip(named, gold, strict=True))), 4),
            "auc": like_auc(gold, [one[name] for one in named]),
        }
        for name in named[0]
    }


def summarise(rows: Iterable[Row]) -> dict[str, Any]:
    """By task: the gate, the means of each arm at each budget, differences from ours, and tokens to match ours.

    Only users count of whom every arm has all rows.
    """
    found = {task: [row for row in rows if row.task == task] for task in TASKS} if (rows := list(rows)) else {}
    return {task: summary for task, own in found.items() if own and (summary := _summary(task, own))}


def _summary(task: str, rows: Sequence[Row]) -> dict[str, Any]:
    arms = list(dict.fromkeys((row.arm, row.budget) for row in rows))
    by_key = {row.key: row for row in rows}
    cases = [case for case in dict.fromkeys(row.case for row in rows) if all((case, *arm) in by_key for arm in arms)]
    if not cases:
        return {}
    table = {arm: [by_key[case, *arm] for case in cases] for arm in arms}
    main = MAIN[task]
    gate = _difference(table[NONE, 0], table[FULL, 0], main)
    names = list(dict.fromkeys(name for name, budget in arms if budget))
    curves = {name: [_at(table[name, budget], main)[0] for budget in BUDGETS] for name in names}
    ours = curves.get(OURS, [math.nan] * len(BUDGETS))[BUDGETS.index(MATCHED)]
    return {
        "users": len(cases),
        "where": sorted({row.where for row in rows}),
        "full_tokens": round(fmean(row.tokens for row in table[FULL, 0])),
        "gate": gate,
        "open": gate[1] > 0,
        "arms": {
            f"{name}" if not budget else f"{name} @ {budget}": {
                "measures": {what: value for what in MEASURES[task] if (value := _at(members, what))},
                "tokens": round(fmean(row.tokens for row in members), 1),
                "seconds": round(fmean(row.seconds for row in members), 2),
                "rewritten": round(fmean(row.way == "rewrite" for row in members), 3),
            }
            | (_rating_numbers(members) if task == RATING else {})
            for (name, budget), members in table.items()
        },
        "ahead": {
            name: {str(budget): _difference(table[name, budget], table[OURS, budget], main) for budget in BUDGETS}
            for name in names
            if name != OURS and OURS in names
        },
        "to_match": {name: tokens_to_match(curve, ours) for name, curve in curves.items() if name != OURS},
    }


def tokens_to_match(curve: Sequence[float], goal: float) -> float | None:
    """Tokens at which a falling curve over `BUDGETS` reaches a value, between two budgets by the log of the tokens.

    `None` where it never does.
    """
    for number, value in enumerate(curve):
        if value <= goal:
            if not number:
                return float(BUDGETS[0])
            before = curve[number - 1]
            share = (before - goal) / (before - value)
            return round(float(BUDGETS[number - 1] * (BUDGETS[number] / BUDGETS[number - 1]) ** share), 1)
    return None


def _rating_numbers(rows: Sequence[Row]) -> dict[str, float | None]:
    gold = [row.gold for row in rows if row.gold is not None]
    return {
        "rmse": round(math.sqrt(fmean(value for row in rows if (value := row.value(SQUARED)) is not None)), 4),
        "auc": like_auc(gold, [row.measures[EXPECTED] for row in rows]),
    }


def _at(rows: Sequence[Row], measure: str) -> list[float]:
    known = [(value, row.user) for row in rows if (value := row.value(measure)) is not None]
    return _mean([value for value, _ in known], [user for _, user in known]) if known else []


def _difference(first: Sequence[Row], second: Sequence[Row], measure: str) -> list[float]:
    """First minus second, paired: above 0 where the second is better."""
    values = [(a.value(measure) or 0.0) - (b.value(measure) or 0.0) for a, b in zip(first, second, strict=True)]
    return _mean(values, [row.user for row in first])


def _mean(values: Sequence[float], users: Sequence[str]) -> list[float]:
    return [round(number, 4) for number in estimate(values, users)]
