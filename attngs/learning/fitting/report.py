"""What a fit found: the numbers, the sentence that sums them up, and the folder that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngs.learning.evaluation import BASELINES, BUDGETS, baseline_recall
from attngs.learning.fitting.calibrate import Reliability, best_alpha, best_threshold, reliability
from attngs.learning.fitting.choose import Choice
from attngs.learning.fitting.rows import Table
from attngs.learning.metrics import Labels, estimate, interval
from attngs.marking.probe import EMBEDDED, Probe
from attngs.protocols import Floats
from attngs.text.sentences import UnitSize

METHODS = {
    "fitted": "fitted",
    "default": "default",
    "setting": "best single setting",
    "probe": "probe",
    "BM25": "BM25",
    "recency": "recency",
    "lead": "lead",
    "random": "random",
}
"""Methods in the order in which they are shown, and what they are called there."""

DRAWS = 2_000
"""Of a bootstrap."""

TRIED = 12
"""Candidates that the page lists."""

WEIGHTS = 15
"""Features that the page lists."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FitResult:
    """A probe, and the report that says how good it is."""

    probe: Probe
    report: Mapping[str, Any]
    """Plain numbers: counts, held-out recall by method and budget, calibration, marks, what was tried."""
    curves: Mapping[str, Reliability]
    """Calibration `before` and `after`, on held-out examples."""
    held_out: tuple[Floats, ...]
    """Held-out probabilities of each example."""
    labels: tuple[Labels, ...]
    """Which units of each example are evidence."""

    def save(self, folder: str | Path) -> None:
        """Write the probe (`marker.json`, `probe.safetensors`), `report.md` and `report.png`, each whole.

        Raises:
            InputError: The folder cannot be written to.
            MissingDependencyError: matplotlib is not installed.
        """
        from attngs.learning.fitting.picture import picture
        from attngs.text.files import write_whole

        image, text = picture(self), page(self)  # everything is there before anything is written
        write_whole(Path(folder) / "report.png", image)
        write_whole(Path(folder) / "report.md", text)
        self.probe.save(Path(folder))


def recall_numbers(choice: Choice, tables: Mapping[UnitSize, Table], folds: NDArray[np.int64]) -> dict[str, Any]:
    """How much was learned from, what won, and held-out recall of all methods."""
    rows = next(iter(tables.values())).rows
    groups = [row.group for row in rows]
    recall = dict(choice.recall) | {
        name: np.array([[baseline_recall(name, row.units, share) for share in BUDGETS] for row in rows]) for name in BASELINES
    }
    return {
        **tables[choice.candidate.unit].counts(),
        "folds": int(folds.max()) + 1,
        "method": choice.candidate.method,
        "chosen": choice.candidate.name,
        "unit": choice.candidate.unit,
        "units_tried": list(tables),
        "recall": {name: _by_budget(values, groups) for name, values in recall.items()},
        "gain": _by_budget(choice.recall["fitted"] - choice.recall["default"], groups),
        "best_of": dict(choice.names),
        "tried": {name: round(value, 4) for name, value in sorted(choice.values.items(), key=lambda pair: -pair[1])},
    }


def mark_numbers(curves: Mapping[str, Reliability], calibrated: Sequence[Floats], labels: Sequence[Labels]) -> dict[str, Any]:
    """Calibration before and after, and the rules that mark best."""
    threshold, f1 = best_threshold(calibrated, labels)
    alphas = best_alpha(calibrated, labels)
    alpha = max(alphas, key=lambda key: alphas[key])
    return {
        "calibration": {name: {"error": round(one.error, 4), "brier": round(one.brier, 4)} for name, one in curves.items()},
        "marks": {"threshold": round(threshold, 4), "f1": round(f1, 4), "alpha": alpha, "alpha_f1": round(alphas[alpha], 4)},
    }


def calibration_curves(before: Sequence[Floats], after: Sequence[Floats], labels: Sequence[Labels]) -> dict[str, Reliability]:
    """How far probabilities can be trusted without calibration and with it."""
    return {"before": reliability(before, labels), "after": reliability(after, labels)}


def _by_budget(values: Floats, groups: Sequence[str]) -> dict[str, list[float]]:
    """Mean and 95 % interval at each budget, of values `(rows, budgets)`."""
    return {
        f"{share:.0%}": [round(number, 4) for number in estimate(values[:, place].tolist(), groups, draws=DRAWS)]
        for place, share in enumerate(BUDGETS)
    }


def verdict(report: Mapping[str, Any]) -> str:
    """The outcome in one sentence, never better than it is."""
    gains = [(share, report["gain"][share]) for share in ("5%", "10%")]
    spans = " and ".join(f"{interval(gain, '+')} at {share}" for share, gain in gains)
    if report["method"] == "default":
        return f"Nothing beats the default on held-out examples (fitted minus default: {spans}); it was calibrated, and nothing else."
    what = f"{report['chosen']}, unit {report['unit']}"
    if any(low > 0 for _, (_, low, _) in gains):
        return f"{what}: on held-out examples evidence recall changes by {spans} of the tokens against the default."
    return f"{what}: best on held-out examples, but not clearly better than the default: {spans}. More examples may help."


def recall_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The table of held-out recall: a method's name, and its mean and interval at each budget."""
    for name, words in METHODS.items():
        if name in report["recall"]:
            yield words, *(interval(report["recall"][name][f"{share:.0%}"]) for share in BUDGETS)
    yield "gain over the default", *(interval(report["gain"][f"{share:.0%}"], "+") for share in BUDGETS)


def page(result: FitResult) -> str:
    """The report as Markdown; it holds no text of the documents."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: FitResult) -> Iterator[str]:
    report, probe = result.report, result.probe
    yield f"# Fit of `{probe.model.name}`\n"
    yield f"**{verdict(report)}**\n"
    yield "![Four panels: what was tried, recall at budgets, calibration, precision and recall](report.png)\n"
    yield (
        f"{report['rows']:,} of {report['given']:,} examples in {report['groups']:,} groups, {report['units']:,} units ({report['unit']}), "
        f"{report['evidence']:,} of them evidence; {report['folds']} folds by group; {report['seconds']:.0f} s."
    )
    if report["no_label_found"]:
        yield f"No label was found for {report['no_label_found']:,} examples without evidence; they were left out."
    yield "\n## Evidence recall on held-out examples\n"
    yield "Mean share of the evidence characters that a budget keeps, with 95 % intervals (bootstrap over groups).\n"
    yield from _table(("", *(f"{share:.0%} of the tokens" for share in BUDGETS)), recall_rows(report))
    yield "\n`fitted` chooses between default, setting and probe inside each training set, so it is measured on rows that it has not seen."
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
    heaviest = np.argsort(-np.abs(probe.weights), kind="stable")[:WEIGHTS]
    yield from _table(("feature", "weight"), [(probe.features[i], f"{probe.weights[i]:+.3f}") for i in heaviest])
    yield "\n## Use it\n"
    name = probe.model.name
    embedded = name == EMBEDDED
    yield f"    marker = {'Marker.default(' if embedded else f'Marker.from_pretrained({name!r}, '}probe=FOLDER)"
    yield f"    attngs compress notes.md -q '...'{'' if embedded else f' --marker {name}'} --probe FOLDER"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"
