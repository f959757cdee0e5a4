"""Chats and methods -> numbers, question by question, and their means with intervals. Only whole questions count, also after Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from attngs.learning.metrics import estimate
from benchmarks.beam.data import ABILITIES, ABSTENTION, Chat, Question
from benchmarks.beam.judge import COMPLETE, HELD, MEASURES, TOUCHED, judge
from benchmarks.beam.methods import BUDGETS, Method
from benchmarks.evidence.methods import OURS

Key = tuple[str, int]
"""Method and budget."""


@dataclass(slots=True)
class Found:
    """What was measured of one question."""

    question: Question
    measures: dict[Key, dict[str, float]] = field(default_factory=dict[Key, dict[str, float]])
    tokens: dict[Key, int] = field(default_factory=dict[Key, int])
    seconds: dict[Key, float] = field(default_factory=dict[Key, float])


def measure(methods: Mapping[str, Method], chats: Iterable[Chat]) -> Iterator[Found]:
    """Every question by every method; each chat is read once before its first question.

    Raises:
        ValueError: A method kept more than the budget.
    """
    for chat in chats:
        for method in methods.values():
            method.read(chat)
        for question in chat.questions:
            found = Found(question)
            for name, method in methods.items():
                for kept in method.keep(chat, question):
                    if kept.tokens > kept.budget:
                        raise ValueError(f"{name} kept {kept.tokens} tokens for {question.id}, and the budget is {kept.budget}.")
                    key = name, kept.budget
                    found.measures[key] = judge(question, chat.documents, kept.places)
                    found.tokens[key], found.seconds[key] = kept.tokens, kept.seconds
            yield found


def summarise(found: Sequence[Found], methods: Iterable[str]) -> dict[str, Any]:
    """Means with intervals over chats: of each method at each budget, overall and by ability; and how far ours is ahead."""
    names = list(methods)
    answered = [one for one in found if one.question.evidence]
    by_ability = {name: [one for one in answered if one.question.ability == name] for name in ABILITIES}
    groups = {name: members for name, members in {"all": answered, **by_ability}.items() if members}
    idle = [one for one in found if one.question.ability == ABSTENTION]
    return {
        "questions": {name: len(members) for name, members in groups.items()} | ({ABSTENTION: len(idle)} if idle else {}),
        "methods": {name: {str(budget): _at(groups, (name, budget)) for budget in BUDGETS} for name in names},
        "lead": {
            name: {str(budget): _leads(groups, name, budget) for budget in BUDGETS} for name in names if OURS in names and name != OURS
        },
        "abstention_tokens": {name: {str(b): round(fmean(one.tokens[name, b] for one in idle), 1) for b in BUDGETS} for name in names}
        if idle
        else {},
        "warm_ms": {name: round(1_000 * median(one.seconds[name, b] for one in found for b in BUDGETS), 1) for name in names},
    }


def _at(groups: Mapping[str, Sequence[Found]], key: Key) -> dict[str, dict[str, list[float]]]:
    """By measure and group."""
    return {
        what: {
            name: _mean([one.measures[key][what] for one in members], members)
            for name, members in groups.items()
            if all(what in one.measures[key] for one in members)
        }
        for what in MEASURES
    }


def _leads(groups: Mapping[str, Sequence[Found]], name: str, budget: int) -> dict[str, dict[str, list[float]]]:
    """Ours minus the other, paired by question, by measure and group."""
    return {
        what: {
            group: _mean([one.measures[OURS, budget][what] - one.measures[name, budget][what] for one in members], members)
            for group, members in groups.items()
        }
        for what in (TOUCHED, HELD, COMPLETE)
    }


def _mean(values: Sequence[float], members: Sequence[Found]) -> list[float]:
    return [round(number, 4) for number in estimate(values, [str(one.question.chat) for one in members])]
