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
from benchmarks.attn_gs.arms import EXTRACTING, FULL, NONE, REWRITE, WRITING, Arm
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
GROUPS = {"arms that extract": EXTRACTING, "arms that write": WRITING}
"""Arms that are compared on the same users."""
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


def shortened(
    reader: Reader, case: Case, arm: Arm, budgets: Sequence[int], where: str, done: Collection[tuple[str, str, int]]
) -> Iterator[Row]:
    """The rows of one arm."""
    for budget in budgets:
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
    """By task: the gate, and what each group of arms is worth.

    The gate counts all users of whom both bounds are known. A group counts those of whom all its arms, both bounds and our extract have
    all rows: arms that write take so long that they are measured on fewer users, and these must not cost the others theirs.
    """
    rows = list(rows)
    found = {task: _summary(task, own) for task in TASKS if (own := [row for row in rows if row.task == task])}
    return {task: summary for task, summary in found.items() if summary["groups"]}


def _summary(task: str, rows: Sequence[Row]) -> dict[str, Any]:
    by_key = {row.key: row for row in rows}
    known = [case for case in dict.fromkeys(row.case for row in rows) if all((case, bound, 0) in by_key for bound in (NONE, FULL))]
    if not known:
        return {"groups": {}}
    bounds = {bound: [by_key[case, bound, 0] for case in known] for bound in (NONE, FULL)}
    gate = _difference(bounds[NONE], bounds[FULL], MAIN[task])
    groups = {name: _group(task, arms, known, by_key) for name, arms in GROUPS.items()}
    return {
        "where": sorted({row.where for row in rows}),
        "gate": gate,
        "gate_users": len(known),
        "open": gate[1] > 0,
        "groups": {name: group for name, group in groups.items() if group},
    }


def _group(task: str, arms: Sequence[str], known: Sequence[str], by_key: Mapping[tuple[str, str, int], Row]) -> dict[str, Any]:
    """What the arms of a group are worth beside our extract, on the users of whom all have all rows."""
    measured = {(row.arm, row.budget) for row in by_key.values() if row.arm in arms}
    names = [name for name in dict.fromkeys((*arms, OURS)) if name == OURS or any(arm == name for arm, _ in measured)]
    budgets = sorted({budget for _, budget in measured})
    keys = [(NONE, 0), (FULL, 0), *((name, budget) for name in names for budget in budgets)]
    cases = [case for case in known if all((case, *key) in by_key for key in keys)]
    if not measured or not cases:
        return {}
    table = {key: [by_key[case, *key] for case in cases] for key in keys}
    main = MAIN[task]
    curves = {name: [_at(table[name, budget], main)[0] for budget in budgets] for name in names}
    return {
        "users": len(cases),
        "budgets": budgets,
        "full_tokens": round(fmean(row.tokens for row in table[FULL, 0])),
        "arms": {
            f"{name}" if not budget else f"{name} @ {budget}": {
                "measures": {what: value for what in MEASURES[task] if (value := _at(members, what))},
                "tokens": round(fmean(row.tokens for row in members), 1),
                "seconds": round(fmean(row.seconds for row in members), 2),
                "rewritten": round(fmean(row.way == REWRITE for row in members), 3),
            }
            | (_rating_numbers(members) if task == RATING else {})
            for (name, budget), members in table.items()
        },
        "ahead": {
            name: {str(budget): _difference(table[name, budget], table[OURS, budget], main) for budget in budgets}
            for name in curves
            if name != OURS
        },
        "to_match": {
            name: tokens_to_match(budgets, curve, curves[OURS][budgets.index(MATCHED)])
            for name, curve in curves.items()
            if name != OURS and MATCHED in budgets
        },
    }


def tokens_to_match(budgets: Sequence[int], curve: Sequence[float], goal: float) -> float | None:
    """Tokens at which a falling curve over budgets reaches a value, between two budgets by the log of the tokens.

    `None` where it never does.
    """
    for number, value in enumerate(curve):
        if value <= goal:
            if not number:
                return float(budgets[0])
            before = curve[number - 1]
            share = (before - goal) / (before - value)
            return round(float(budgets[number - 1] * (budgets[number] / budgets[number - 1]) ** share), 1)
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
