"""Results -> tables and `carry.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.carry.measure import CHEAP, OURS, SHARES, Found, held_out
from benchmarks.carry.sets import SETS
from benchmarks.evidence.page import interval
from benchmarks.pages import Page, Section, TextTable, measured_at

PAGE = Page(
    name="carry",
    source="carry.json",
    title="Which constants of the embedded marker carry over?",
    preface="Every constant of the score was learned or chosen on sets like these. So each set is left out once, with all that share its "
    "texts or authors: the value that is best on the others is chosen, and measured on the one that was left out. "
    "Numbers are evidence recall in 5 % and 10 % of the tokens, in `auto` units. The gains of speakers and figures are for short chats and "
    "for numbered things, which `benchmarks.shapes` has.\n\n"
    "*Apart* sets make every sentence a document of its own, as memories are that an assistant wrote down one by one. There a sentence has "
    "no neighbours that could say what it is about.",
)


def lead_table(found: Found) -> TextTable:
    """The shipped form beside the better of the cheap methods, set by set."""
    rows = [
        (
            SETS[name].title,
            str(one["rows"]),
            *(_pair(one["means"][key]) for key in (*CHEAP, OURS)),
            *(interval(lead, "+") for lead in one["lead"]),
        )
        for name, one in found.items()
    ]
    personal = [one for name, one in found.items() if SETS[name].personal]
    notes = list[str]()
    if personal:
        mean = [fmean(one["lead"][k][0] for one in personal) for k in range(len(SHARES))]
        worst = min(lead[0] for one in personal for lead in one["lead"])
        notes = [
            f"memories and conversations, on average: {mean[0]:+.3f} and {mean[1]:+.3f} over the better of the two; at worst {worst:+.3f}",
            "intervals are 95 % bootstraps over people, chats or meetings, paired by question",
        ]
    columns = ("set", "questions", *CHEAP, OURS, "lead at 5 %", "lead at 10 %")
    return TextTable(title="Set by set, at 5 % / 10 %", columns=columns, rows=tuple(rows), notes=tuple(notes))


def constant_table(table: Mapping[str, Mapping[str, Any]]) -> TextTable:
    """Every value of every constant, and which folds would choose it for the one that is left out."""
    rows = list[tuple[str, ...]]()
    for name, one in table.items():
        first = next(iter(one["values"]))
        for value, mean in one["values"].items():
            folds = [fold for fold, chosen in one["chosen"].items() if chosen == value]
            worse = [f"{fold} {change:+.3f}" for fold, change in _changes(one, first, value) if abs(change) >= 0.01]
            rows.append(
                (name if value == first else "", value, f"{mean:.4f}", ", ".join(worse) if value != first else "", ", ".join(folds))
            )
        rows.append(("", "chosen without the set", f"{one['held_out']:.4f}", "", ""))
    return TextTable(
        title="Constant by constant",
        columns=("constant", "value", "recall", "sets that it changes by .01 or more", "left-out sets for which the others choose it"),
        rows=tuple(rows),
        notes=("the first value is the shipped one; recall is the mean over folds and both budgets",),
    )


def _changes(one: Mapping[str, Any], first: str, value: str) -> Iterator[tuple[str, float]]:
    for fold, kept in one["by_fold"][value].items():
        yield fold, kept - one["by_fold"][first][fold]


def _pair(means: Sequence[float]) -> str:
    return " / ".join(f"{mean:.3f}".replace("0.", ".", 1) for mean in means)


def tables(found: Found) -> list[TextTable]:
    """Both tables, of all sets that were measured."""
    known = {name: found[name] for name in SETS if name in found}
    return [lead_table(known), constant_table(held_out(known))]


def write_page(found: Found, folder: Path) -> Path:
    """The page of a result file."""
    where = sorted({measured_at(one["machine"]) for one in found.values()})
    return PAGE.write([Section(title="Results", where="; ".join(where), tables=tables(found))], folder)
