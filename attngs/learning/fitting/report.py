"""`report.md`: what was tried, what won, what it is worth, how to use it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from attngs.learning.evaluation import BUDGETS, Evaluation
from attngs.learning.fitting.summary import FitResult
from attngs.marking.probe import EMBEDDED


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


SHOWN = {
    "fitted": "fitted",
    "default": "default",
    "setting": "best single setting",
    "probe": "probe",
    "BM25": "BM25",
    "recency": "recency",
    "lead": "lead",
    "random": "random",
}
"""Methods in the order in which they are shown."""


def interval(numbers: Sequence[float], sign: str = "") -> str:
    """A mean with its interval."""
    mean, low, high = numbers
    return f"{mean:{sign}.3f} ({low:{sign}.3f} ... {high:{sign}.3f})"


def verdict(report: Mapping[str, Any]) -> str:
    """What came out, in one sentence; never better than it is."""
    gains = [(share, report["gain"][share]) for share in ("5%", "10%")]
    spans = " and ".join(f"{mean:+.3f} ({low:+.3f} ... {high:+.3f}) at {share}" for share, (mean, low, high) in gains)
    if report["method"] == "default":
        return f"Nothing beats the default on held-out examples (fitted minus default: {spans}); it was calibrated, and nothing else."
    what = f"{report['chosen']}, unit {report['unit']}"
    if any(low > 0 for _, (_, low, _) in gains):
        return f"{what}: on held-out examples evidence recall changes by {spans} of the tokens against the default."
    return f"{what}: best on held-out examples, but not clearly better than the default: {spans}. More examples may help."


TRIED = 12
"""Candidates in the list."""


def page(result: FitResult) -> str:
    """The report as Markdown; it holds no text of the documents."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: FitResult) -> Iterator[str]:
    report, probe = result.report, result.probe
    yield f"# Fit of `{probe.model.name}`\n"
    yield f"**{verdict(report)}**\n"
    yield "![Four panels: what was tried, calibration, recall at budgets, precision and recall](report.png)\n"
    yield (
        f"{report['rows']:,} of {report['given']:,} examples in {report['groups']:,} groups, {report['units']:,} units ({report['unit']}), "
        f"{report['evidence']:,} of them evidence; {report['folds']} folds by group; {report['seconds']:.0f} s."
    )
    if report["no_label_found"]:
        yield f"For {report['no_label_found']:,} examples without evidence no label was found; they were left out."
    yield "\n## Evidence recall on held-out examples\n"
    yield "Mean share of the evidence characters that a budget keeps, with 95 % intervals (bootstrap over groups).\n"
    yield from _table(("", *(f"{share:.0%} of the tokens" for share in BUDGETS)), _recall_rows(report))
    yield "\n`fitted` chooses between default, setting and probe inside each training set, so it has seen nothing of what it is judged by."
    yield "\n## Probabilities\n"
    before, after = report["calibration"]["before"], report["calibration"]["after"]
    yield from _table(
        ("", "before", "after calibration"),
        [
            ("expected calibration error", f"{before['error']:.4f}", f"{after['error']:.4f}"),
            ("Brier score", f"{before['brier']:.4f}", f"{after['brier']:.4f}"),
        ],
    )
    marks = report["marks"]
    yield (
        f"\nMarks are best (mean F1 {marks['f1']:.2f}) from a probability of {marks['threshold']:.2f} on, which is the marker's rule now; "
        f"the paper's rule is best with alpha {marks['alpha']} (F1 {marks['alpha_f1']:.2f})."
    )
    yield "\n## What was tried\n"
    yield f"The best {TRIED} of {len(report['tried'])}, by mean recall at 5 and 10 % (and a hundredth of the average precision)."
    yield "The first is a little too good: it won.\n"
    yield from _table(("candidate [unit]", "recall"), [(name, f"{value:.3f}") for name, value in list(report["tried"].items())[:TRIED]])
    yield "\n## What it weighs\n"
    yield from _table(("feature", "weight"), _weights(result))
    yield "\n## Use it\n"
    name = probe.model.name
    embedded = name == EMBEDDED
    yield f"    marker = {'Marker.default(' if embedded else f'Marker.from_pretrained({name!r}, '}probe=FOLDER)"
    yield f"    attngs compress notes.md -q '...'{'' if embedded else f' --marker {name}'} --probe FOLDER"


def _recall_rows(report: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    for name, words in SHOWN.items():
        if name in report["recall"]:
            yield words, *(interval(report["recall"][name][f"{share:.0%}"]) for share in BUDGETS)
    yield "gain over the default", *(interval(report["gain"][f"{share:.0%}"], "+") for share in BUDGETS)


def _weights(result: FitResult) -> list[Sequence[str]]:
    probe = result.probe
    order = sorted(range(len(probe.features)), key=lambda i: -abs(probe.weights[i]))[:15]
    return [(probe.features[i], f"{probe.weights[i]:+.3f}") for i in order]


def _table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
