"""A fit and an evaluation as tables for the terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from attngs.evaluation import BUDGETS
from attngs.fitting.summary import FitResult
from attngs.fitting.words import SHOWN, interval, verdict
from attngs.judging import Evaluation


def fit_table(result: FitResult, out: Path) -> str:
    """Recall of all methods on held-out examples, and what came out."""
    report = result.report
    rows = [
        (words, [interval(report["recall"][name][f"{share:.0%}"]) for share in BUDGETS])
        for name, words in SHOWN.items()
        if name in report["recall"]
    ]
    gain = ("gain over the default", [interval(report["gain"][f"{share:.0%}"], "+") for share in BUDGETS])
    title = f"Evidence recall on held-out examples: {report['rows']} in {report['groups']} groups, {report['folds']} folds"
    errors = report["calibration"]
    lines = [
        Text(verdict(report), style="bold"),
        Text(
            f"Calibration error {errors['before']['error']:.3f} -> {errors['after']['error']:.3f}; marked from a probability of "
            f"{report['marks']['threshold']:.2f} on (F1 {report['marks']['f1']:.2f}); {report['seconds']:.0f} s."
        ),
        Text(f"Written: {out}/marker.json, probe.safetensors, report.md, report.png", style="dim"),
    ]
    if report["no_label_found"]:
        lines.insert(1, Text(f"No label was found for {report['no_label_found']} examples without evidence.", style="yellow"))
    return _rendered(_budget_table(title, [*rows, gain]), *lines)


def eval_table(evaluation: Evaluation) -> str:
    """Recall of the marker and the baselines."""
    rows = [(name, [interval(tuple(at[share])) for share in BUDGETS]) for name, at in evaluation.recall.items()]
    title = f"Evidence recall: {evaluation.examples} examples in {evaluation.groups} groups"
    skipped = [Text(f"{evaluation.skipped} examples without evidence were left out.", style="yellow")] if evaluation.skipped else []
    return _rendered(_budget_table(title, rows), *skipped)


def _budget_table(title: str, rows: Iterable[tuple[str, Sequence[str]]]) -> Table:
    table = Table("", *(f"{share:.0%} of the tokens" for share in BUDGETS), title=title, title_justify="left")
    for name, cells in rows:
        table.add_row(Text(name), *cells)
    return table


def _rendered(*parts: Table | Text) -> str:
    """In colour for a terminal, plain elsewhere."""
    terminal = sys.stdout.isatty()
    page = io.StringIO()
    Console(file=page, force_terminal=terminal, no_color=not terminal, width=None if terminal else 140, highlight=False).print(
        Group(*parts)
    )
    return page.getvalue()
