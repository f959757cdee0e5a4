"""The commands that need labels: `attngs fit` and `attngs eval`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from attngs.cli import console
from attngs.cli.options import AdapterName, MarkerName, Out, ProbeName, UnitName, marker_of, put
from attngs.text.files import check_folder
from attngs.text.sentences import UnitSize

if TYPE_CHECKING:
    from attngs.learning.evaluation import Evaluation
    from attngs.learning.fitting.report import FitResult


Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA.jsonl",
        help='One example per line: {"query": "...", "documents": ["..."], "evidence": [{"doc_id": "document-1", "text": "a quote"}]}.',
        show_default=False,
    ),
]


def fit(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder for the probe and its report.", show_default=False)],
    marker: MarkerName = "default",
    unit: Annotated[
        UnitSize | None, typer.Option("--unit", "-u", help="What is scored as a whole. Default: what works best on these texts.")
    ] = None,
    folds: Annotated[int, typer.Option(min=3, help="Parts of the cross-validation; examples that share documents stay together.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed for folds and samples.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Use a sample of this many examples.")] = None,
    window: Annotated[int | None, typer.Option(min=16, help="How many tokens a decoder reads together.")] = None,
) -> None:
    """Learn from labelled examples what matters in your texts.

    You need at least 20 examples; 50 help, 300 are plenty.

    Tries settings of the attention (layer, heads, position, pooling, differential, unit) and logistic probes, keeps what works best on
    held-out examples, and turns its scores into probabilities. If nothing beats the default, it says so.

    Evidence is a list of document ids, of quotes {"doc_id", "text"} or of places {"doc_id", "start", "end"}. If a line has an "answer" and
    no evidence, a decoder finds the evidence itself: the sentences without which the answer is much less likely.

    Writes marker.json, probe.safetensors, report.md and report.png into DIR. Use them with: attngs compress notes.md -q '...' --probe DIR
    """
    with console.reported_errors():
        from attngs.learning.fitting.run import fit as learn

        check_folder(out)  # before minutes of work
        with console.progress():
            result = learn(data, marker, unit=unit, folds=folds, seed=seed, limit=limit, window=window)
            result.save(out)
        put(_fit_table(result, out), None)


def evaluate(
    data: Data,
    marker: MarkerName = "default",
    adapter: AdapterName = None,
    probe: ProbeName = None,
    unit: UnitName = None,
    format: Annotated[Literal["table", "json"], typer.Option("--format", "-f", help="json also has the paired differences.")] = "table",
    out: Out = None,
) -> None:
    """Measure how much evidence a marker keeps in 2, 5, 10 and 20 % of the tokens.

    BM25, recency, lead and random are measured too.

    Intervals are 95 % bootstraps over groups: examples that share the documents of their evidence, or have the same "group". Measure a
    probe on examples that it was not fitted on.
    """
    with console.reported_errors():
        from attngs.learning.evaluation import evaluate as measure

        with console.progress():
            evaluation = measure(data, marker_of(marker, adapter, probe, unit))
        put(evaluation.to_json() + "\n" if format == "json" else _eval_table(evaluation, to_file=out is not None), out)


def _fit_table(result: FitResult, out: Path) -> str:
    """Recall of all methods on held-out examples, and what was written."""
    from attngs.learning.fitting.report import recall_rows, verdict

    report = result.report
    errors, marks = report["calibration"], report["marks"]
    lines = [
        Text(verdict(report), style="bold"),
        Text(
            f"Calibration error {errors['before']['error']:.3f} -> {errors['after']['error']:.3f}; marks from a probability of "
            f"{marks['threshold']:.2f} (F1 {marks['f1']:.2f}); {report['seconds']:.0f} s."
        ),
        Text(f"Written: {out}/marker.json, probe.safetensors, report.md, report.png", style="dim"),
    ]
    if report["no_label_found"]:
        lines.insert(1, Text(f"No label was found for {report['no_label_found']} examples without evidence.", style="yellow"))
    title = f"Evidence recall on held-out examples: {report['rows']} in {report['groups']} groups, {report['folds']} folds"
    return console.rendered(_budget_table(title, recall_rows(report)), *lines, terminal=sys.stdout.isatty())


def _eval_table(evaluation: Evaluation, *, to_file: bool) -> str:
    """Recall of the marker and of the baselines."""
    from attngs.learning.evaluation import BUDGETS
    from attngs.learning.metrics import interval

    rows = [(name, *(interval(at[share]) for share in BUDGETS)) for name, at in evaluation.recall.items()]
    title = f"Evidence recall: {evaluation.examples} examples in {evaluation.groups} groups"
    skipped = [Text(f"{evaluation.skipped} examples without evidence were left out.", style="yellow")] if evaluation.skipped else []
    return console.rendered(_budget_table(title, rows), *skipped, terminal=sys.stdout.isatty() and not to_file)


def _budget_table(title: str, rows: Iterable[Sequence[str]]) -> Table:
    from attngs.learning.evaluation import BUDGETS

    table = Table("", *(f"{share:.0%} of the tokens" for share in BUDGETS), title=title, title_justify="left")
    for cells in rows:
        table.add_row(*map(Text, cells))
    return table
