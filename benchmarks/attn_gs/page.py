"""What the rows say -> tables, `attn_gs.md` and `attn_gs.svg`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attngs.learning.metrics import interval
from benchmarks.attn_gs.arms import BUDGETS, FITTED, FULL, NONE, PAPER, QUERY, TUNED
from benchmarks.attn_gs.data import RATING
from benchmarks.attn_gs.measure import ERROR, GROUPS, MAIN, MATCHED, MEASURES
from benchmarks.curves import PALE, Line, Panel, Picture
from benchmarks.evidence.chart import LINES
from benchmarks.evidence.methods import OURS
from benchmarks.pages import Page, Section, TextTable

PAGE = Page(
    name="attn_gs",
    source="attn_gs.jsonl",
    title="The study of Attn-GS: what a short profile is worth to a reader",
    preface="Attn-GS (arXiv 2602.07778) says that a profile of 50 times fewer tokens, chosen by a model's attention, is worth nearly as "
    "much as the full one. Here a small reader predicts a user's next rating from earlier ratings (MovieLens, ml-latest-small), and the "
    "title of an author's newest paper from the abstract and older papers (arXiv metadata in the shape of LaMP-5). The reader is tuned "
    "first, on other users, behind the full profile and behind none in turn. All arms choose from the same profile, the newest part that "
    "fits the window, with the same units and the same selector; budgets are in the reader's tokens. Intervals are 95 % bootstraps over "
    "users. Nothing was chosen on these users. Arms that write take far longer than those that extract, so they are measured on "
    "fewer users and budgets, and compared among themselves and with our extract.\n\n"
    "**The gate.** Arms can be compared only by a reader to whom the full profile is worth more than none, with an interval above 0. "
    "Where the gate is closed, this reader cannot tell the arms apart, and their table is printed for completeness alone.\n\n"
    "![The main measure by budget](attn_gs.svg)",
)
NAMES = {RATING: "Ratings of films", "title": "Titles of papers"}
EXTRACTS = next(iter(GROUPS))
STYLES = LINES | {
    PAPER: Line("#8c6d31", ":", 1.6),
    QUERY: Line("#177e89", "-", 1.8),
    TUNED: Line("#0b5563", "-.", 1.8),
    FITTED: Line("#17897a", "--", 1.8),
}


def tables(found: Mapping[str, Any]) -> Iterator[TextTable]:
    """Of all tasks."""
    for task, summary in found.items():
        yield from _task_tables(task, summary)


def write_page(found: Mapping[str, Any], settings: Mapping[str, Mapping[str, Any]], folder: Path, said: Sequence[str]) -> Path:
    """The page.

    Args:
        found: What `summarise` said.
        settings: How each task was run.
        folder: Where to.
        said: What the study shows and what it does not, in plain words.
    """
    sections = [
        Section(
            title=NAMES[task],
            where="; ".join(summary["where"]),
            tables=list(_task_tables(task, summary)),
            notes=[*(f"{name}: {value}" for name, value in settings.get(task, {}).items()), _gate(task, summary)],
        )
        for task, summary in found.items()
    ]
    return PAGE.write(sections, folder, end=["## What this shows, and what not", "", *said] if said else ())


def draw(found: Mapping[str, Any], folder: Path) -> Path:
    """The main measure of the arms that extract by budget, a panel a task."""
    panels = [
        Panel(
            title=NAMES[task],
            note=f"{group['users']} users, gate {'open' if summary['open'] else 'closed'}",
            what=f"{MAIN[task]}\n(lower is better)",
            curves=_curves(group, MAIN[task]),
            top=None,
            bottom=None,
        )
        for task, summary in found.items()
        if (group := summary["groups"].get(EXTRACTS)) and group["budgets"] == list(BUDGETS)
    ]
    lines = STYLES | {NONE: Line(PALE, ":", 1.0), FULL: Line("#2b2b2b", "--", 1.2)}
    labels = [str(budget) for budget in BUDGETS]
    picture = Picture(ticks=BUDGETS, labels=labels, below="tokens of the profile", lines=lines, banded=OURS, columns=max(1, len(panels)))
    return picture.draw(panels, folder / "attn_gs.svg")


def _curves(group: Mapping[str, Any], measure: str) -> dict[str, list[list[float]]]:
    arms = group["arms"]
    flat = {name: [arms[name]["measures"][measure]] * len(group["budgets"]) for name in (NONE, FULL)}
    return flat | {name: [arms[f"{name} @ {budget}"]["measures"][measure] for budget in group["budgets"]] for name in _names(group)}


def _names(group: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys(key.rpartition(" @ ")[0] for key in group["arms"] if " @ " in key))


def _gate(task: str, summary: Mapping[str, Any]) -> str:
    verdict = "open" if summary["open"] else "closed: this reader cannot tell the arms apart"
    return (
        f"The gate is {verdict}. From no profile to the full one, the {MAIN[task]} falls by {interval(summary['gate'], '+')} "
        f"({summary['gate_users']} users)."
    )


def _task_tables(task: str, summary: Mapping[str, Any]) -> Iterator[TextTable]:
    for name, group in summary["groups"].items():
        yield from _measures(task, f"{name}, {group['users']} users", group)
        yield _ahead(task, f"{name}, {group['users']} users", group)
        if group["to_match"]:
            yield _to_match(name, group)
        if name != EXTRACTS:
            yield _rewritten(group)
        elif task == RATING and MATCHED in group["budgets"]:
            yield _predictions(group, summary.get("baselines", {}))


def _measures(task: str, who: str, group: Mapping[str, Any]) -> Iterator[TextTable]:
    """A table of each measure."""
    arms = group["arms"]
    for measure in MEASURES[task]:
        budgets = [budget for budget in group["budgets"] if measure in arms[f"{OURS} @ {budget}"]["measures"]]
        if not budgets:
            continue
        rows = [(name, *([_cell(arms[name]["measures"].get(measure))] * len(budgets))) for name in (NONE, FULL)]
        rows += [(name, *(_cell(arms[f"{name} @ {b}"]["measures"].get(measure)) for b in budgets)) for name in _names(group)]
        yield TextTable(
            title=f"{measure[0].upper()}{measure[1:]}: {who}",
            columns=("arm", *(f"{budget} tokens" for budget in budgets)),
            rows=tuple(rows),
            notes=(f"The full profile has {group['full_tokens']:,} tokens.",) if measure == MAIN[task] else (),
        )


def _ahead(task: str, who: str, group: Mapping[str, Any]) -> TextTable:
    return TextTable(
        title=f"{MAIN[task][0].upper()}{MAIN[task][1:]}, the arm minus our extract (above 0: ours is better): {who}",
        columns=("arm", *(f"{budget} tokens" for budget in group["budgets"])),
        rows=tuple((name, *(interval(by[str(b)], "+") for b in group["budgets"])) for name, by in group["ahead"].items()),
    )


def _to_match(name: str, group: Mapping[str, Any]) -> TextTable:
    arms, budgets = group["arms"], group["budgets"]
    return TextTable(
        title=f"Tokens that an arm needs to match our extract at {MATCHED}: {name}",
        columns=("arm", "tokens", f"seconds at {MATCHED}"),
        rows=tuple(
            (arm, f"over {budgets[-1]}" if needed is None else f"{needed:g}", f"{arms[f'{arm} @ {MATCHED}']['seconds']:.2f}")
            for arm, needed in group["to_match"].items()
        ),
        notes=(
            f"Between budgets by the log of the tokens; {budgets[0]} where the least budget is enough. No interval: read it as a hint.",
        ),
    )


def _rewritten(group: Mapping[str, Any]) -> TextTable:
    """How much of what is compared is the writer's."""
    arms = group["arms"]
    return TextTable(
        title="Profiles that were left in the writer's own words",
        columns=("arm", *(f"{budget} tokens" for budget in group["budgets"])),
        rows=tuple(
            (name, *(f"{arms[f'{name} @ {budget}']['rewritten']:.0%}" for budget in group["budgets"]))
            for name in _names(group)
            if name != OURS
        ),
        notes=("Of the others, the extract was handed on: the writer said what the profile does not, wrote too much, or kept less of it.",),
    )


def _predictions(group: Mapping[str, Any], simple: Mapping[str, Any]) -> TextTable:
    """Errors of ratings, beside those of predictions without a reader."""
    arms = group["arms"]
    keys = [NONE, FULL, *(f"{name} @ {MATCHED}" for name in _names(group))]
    return TextTable(
        title="Ratings: MAE, RMSE, and AUC of liking (4 stars and more)",
        columns=("prediction", "MAE", "RMSE", "AUC"),
        rows=(
            *((key, f"{arms[key]['measures'][ERROR][0]:.3f}", f"{arms[key]['rmse']:.3f}", _auc(arms[key]["auc"])) for key in keys),
            *((name, f"{by[ERROR][0]:.3f}", f"{by['rmse']:.3f}", _auc(by["auc"])) for name, by in simple.items()),
        ),
        notes=("Means and the bias model read no text. A reader that does not beat the user's mean has learned nothing of taste.",),
    )


def _cell(numbers: Sequence[float] | None) -> str:
    return interval(numbers) if numbers else "-"


def _auc(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
