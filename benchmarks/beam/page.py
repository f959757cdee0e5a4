"""Means -> tables and `beam.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.beam.data import ABILITIES, ABSTENTION, CONTRADICTION, DEVELOPMENT, FINAL, UPDATE
from benchmarks.beam.judge import BOTH, COMPLETE, FRESH, HELD, MEASURES, STALE, TOUCHED
from benchmarks.beam.methods import BUDGETS, CHOICE, NAMES, PERIODS
from benchmarks.evidence.page import interval
from benchmarks.pages import Page, Section, TextTable

PARTS = {"development": DEVELOPMENT, "final": FINAL}
PAGE = Page(
    name="beam",
    source="beam.jsonl",
    title="Long chats under a budget: BEAM",
    preface="Questions about chats of about 140,000 tokens, and what the methods keep of the messages that BEAM names as evidence. "
    "No model judges. Constants were chosen on the development chats. Intervals are 95 % bootstraps over chats, of which there are few: "
    "read them as hints.\n\n![Evidence messages kept in part, by budget](beam.svg)",
)
AT = [str(budget) for budget in BUDGETS]
COLUMNS = tuple(f"{budget:,} tokens" for budget in BUDGETS)
OVERALL = {TOUCHED: "all", HELD: "all", COMPLETE: "all", FRESH: UPDATE, STALE: UPDATE, BOTH: CONTRADICTION}


def tables(found: Mapping[str, Any]) -> Iterator[TextTable]:
    """The methods side by side, what ours is ahead, each ability, and what is sent where nothing is asked of the chat."""
    for measure, group in OVERALL.items():
        if group in found["questions"]:
            yield TextTable(
                title=f"{_capital(measure)} ({found['questions'][group]} questions)",
                columns=("method", *COLUMNS),
                rows=tuple(
                    (name, *(interval(by_budget[at][measure].get(group)) for at in AT)) for name, by_budget in found["methods"].items()
                ),
                notes=(f"{_capital(MEASURES[measure])}.",),
            )
    if found["lead"]:
        yield TextTable(
            title=f"Ours minus the other: {TOUCHED}",
            columns=("method", *COLUMNS),
            rows=tuple((name, *(interval(by_budget[at][TOUCHED]["all"], "+") for at in AT)) for name, by_budget in found["lead"].items()),
        )
    for at, column in zip(AT, COLUMNS, strict=True):
        yield TextTable(
            title=f"{_capital(TOUCHED)}, by ability, at {column}",
            columns=("ability", "questions", *found["methods"]),
            rows=tuple(
                (
                    ABILITIES[ability],
                    str(found["questions"][ability]),
                    *(interval(m[at][TOUCHED].get(ability)) for m in found["methods"].values()),
                )
                for ability in ABILITIES
                if ability in found["questions"] and ability != ABSTENTION
            ),
        )
    yield TextTable(
        title="What it costs",
        columns=("method", *(f"sent of {column} where nothing answers" for column in COLUMNS if found["abstention_tokens"]), "ms"),
        rows=tuple(
            (name, *(f"{sent:.0f}" for sent in found["abstention_tokens"].get(name, {}).values()), f"{found['warm_ms'][name]:.0f}")
            for name in found["methods"]
        ),
        notes=("ms: the median from the question to the kept text, of a chat that was read before.",),
    )


def write_page(parts: Mapping[str, Mapping[str, Any]], folder: Path) -> Path:
    """All tables of the parts that were measured.

    Args:
        parts: By the names of `PARTS`: what `summarise` made of the rows.
        folder: Where the page goes.
    """
    sections = (
        Section(
            title=f"{_capital(part)} chats: {', '.join(map(str, found['chats']))}",
            where=_where(found["where"]),
            notes=[f"{method.name}: {method.note}" for method in CHOICE if method.name in found["methods"]]
            + [f"{PERIODS}: the same with `GreedySelector(periods=Periods())`"] * (PERIODS in found["methods"])
            + [f"left out: {name}" for name in NAMES if name not in found["methods"]],
            tables=tables(found),
        )
        for part, found in parts.items()
    )
    return PAGE.write(sections, folder)


def _where(found: Mapping[str, Sequence[str]]) -> str:
    """Where the methods were measured: once for all, or for each place the methods that were measured there."""
    places = dict.fromkeys(place for own in found.values() for place in own)
    if len(places) == 1:
        return next(iter(places))
    return "; ".join(f"{place} ({', '.join(name for name, own in found.items() if place in own)})" for place in places)


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
