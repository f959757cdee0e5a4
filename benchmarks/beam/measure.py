"""Chats and methods -> rows, one for each question and method; and their means with intervals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from attngs.learning.metrics import estimate
from attngs.text.files import write_whole
from benchmarks.beam.data import ABILITIES, ABSTENTION, Chat, Question
from benchmarks.beam.judge import COMPLETE, HELD, MEASURES, TOUCHED, judge
from benchmarks.beam.methods import BUDGETS, NAMES, Method
from benchmarks.evidence.methods import FAMILIES, OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one method kept for one question. Lists have a number for each of `BUDGETS`."""

    method: str
    question: str
    chat: int
    ability: str
    where: str
    """When, of which commit and on what machine it was measured."""
    measures: Mapping[str, Sequence[float]]
    """By the names in `MEASURES`; none for a question that the chat does not answer."""
    tokens: Sequence[int]
    ms: Sequence[float]

    @property
    def key(self) -> tuple[str, str]:
        """What there is one row of."""
        return self.method, self.question


def measure(name: str, method: Method, chat: Chat, question: Question, where: str) -> Row:
    """One question by one method, of a chat that the method has read.

    Raises:
        ValueError: The method kept more than the budget.
    """
    kept = list(method.keep(chat, question))
    for one in kept:
        if one.tokens > one.budget:
            raise ValueError(f"{name} kept {one.tokens} tokens for {question.id}, and the budget is {one.budget}.")
    judged = [judge(question, chat.documents, one.places) for one in kept]
    return Row(
        method=name,
        question=question.id,
        chat=chat.number,
        ability=question.ability,
        where=where,
        measures={what: [round(one[what], 4) for one in judged] for what in judged[0]},
        tokens=[one.tokens for one in kept],
        ms=[round(1_000 * one.seconds, 1) for one in kept],
    )


def load_rows(path: Path) -> list[Row]:
    """The rows of a file; none if there is no file."""
    return [Row(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def up_to_date(rows: Iterable[Row], machine: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The keys of the rows that need not be measured again.

    They are of the commit that would be measured now, and the code was not changed since; or a rival's, which our code does not change.
    """
    code = str(machine["code"])
    known = not code.endswith(("unknown", "-changed"))
    return {row.key for row in rows if FAMILIES.get(row.method) == "rival" or (known and f"commit {code}," in row.where)}


def save_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the file anew, by chat, question and method."""
    ordered = sorted(rows, key=lambda row: (row.chat, row.question, NAMES.index(row.method)))
    write_whole(path, "".join(json.dumps(asdict(row)) + "\n" for row in ordered))


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Means with intervals over chats: of each method at each budget, overall and by ability; and how far ours is ahead.

    Only questions count that every method has a row of.
    """
    names = [name for name in NAMES if any(row.method == name for row in rows)]
    found = {row.key: row for row in rows}
    whole = [q for q in dict.fromkeys(row.question for row in rows) if all((name, q) in found for name in names)]
    by_method = {name: [found[name, question] for question in whole] for name in names}
    of_one = by_method[names[0]]
    answered = [i for i, row in enumerate(of_one) if row.measures]
    idle = [i for i, row in enumerate(of_one) if row.ability == ABSTENTION]
    by_ability = {ability: [i for i in answered if of_one[i].ability == ability] for ability in ABILITIES}
    groups = {name: members for name, members in {"all": answered, **by_ability}.items() if members}
    lead = [name for name in names if OURS in names and name != OURS]
    return {
        "chats": sorted({row.chat for row in of_one}),
        "where": {name: sorted({row.where for row in by_method[name]}) for name in names},
        "questions": {name: len(members) for name, members in groups.items()} | ({ABSTENTION: len(idle)} if idle else {}),
        "methods": {name: {str(b): _at(by_method[name], groups, k) for k, b in enumerate(BUDGETS)} for name in names},
        "lead": {name: {str(b): _lead(by_method[OURS], by_method[name], groups, k) for k, b in enumerate(BUDGETS)} for name in lead},
        "abstention_tokens": {
            name: {str(b): round(fmean(by_method[name][i].tokens[k] for i in idle), 1) for k, b in enumerate(BUDGETS)} for name in names
        }
        if idle
        else {},
        "warm_ms": {name: round(median(ms for row in by_method[name] for ms in row.ms), 1) for name in names},
    }


Groups = Mapping[str, Sequence[int]]
"""By name: which questions belong to a group."""


def _at(rows: Sequence[Row], groups: Groups, k: int) -> dict[str, dict[str, list[float]]]:
    """Means at one budget, by measure and group."""
    return {
        what: {
            name: _mean([rows[i].measures[what][k] for i in members], [rows[i] for i in members])
            for name, members in groups.items()
            if all(what in rows[i].measures for i in members)
        }
        for what in MEASURES
    }


def _lead(ours: Sequence[Row], theirs: Sequence[Row], groups: Groups, k: int) -> dict[str, dict[str, list[float]]]:
    """Ours minus the other at one budget, paired by question, by measure and group."""
    return {
        what: {
            name: _mean([ours[i].measures[what][k] - theirs[i].measures[what][k] for i in members], [ours[i] for i in members])
            for name, members in groups.items()
        }
        for what in (TOUCHED, HELD, COMPLETE)
    }


def _mean(values: Sequence[float], rows: Sequence[Row]) -> list[float]:
    return [round(number, 4) for number in estimate(values, [str(row.chat) for row in rows])]
