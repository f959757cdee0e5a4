"""`report.md`: what was tried, what won, what it is worth, how to use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attngs.evaluation import BUDGETS
from attngs.fitting.summary import FitResult
from attngs.fitting.words import SHOWN, interval, verdict
from attngs.probe import EMBEDDED

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
