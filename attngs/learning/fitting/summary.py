"""What a fit found, in plain numbers: the values behind the table, the page and the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngs.learning.evaluation import BASELINES, BUDGETS, baseline_recall
from attngs.learning.fitting.calibrate import Floats, Labels, Reliability, best_alpha, best_threshold, reliability
from attngs.learning.fitting.choose import Choice
from attngs.learning.fitting.rows import Table, label_counts
from attngs.learning.metrics import estimate
from attngs.marking.probe import Probe
from attngs.text.sentences import Unit

ENOUGH = 2_000
"""Draws of a bootstrap."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FitResult:
    """A probe, and what is known about it."""

    probe: Probe
    report: Mapping[str, Any]
    """Plain numbers: counts, held-out recall with intervals by method and budget, calibration, marks, what was tried."""
    curves: Mapping[str, Reliability]
    """Calibration `before` and `after`, on held-out examples."""
    held_out: tuple[Floats, ...]
    """Held-out probabilities of each example."""
    labels: tuple[Labels, ...]

    def save(self, folder: str | Path) -> None:
        """Write the probe (`marker.json`, `probe.safetensors`), `report.md` and `report.png`, each whole.

        Raises:
            InputError: The folder cannot be written to.
            MissingDependencyError: matplotlib is not installed.
        """
        from attngs.learning.fitting.picture import picture
        from attngs.learning.fitting.report import page
        from attngs.text.files import write_whole

        image, text = picture(self), page(self)  # everything is there before anything is written
        write_whole(Path(folder) / "report.png", image)
        write_whole(Path(folder) / "report.md", text)
        self.probe.save(Path(folder))


def measures(
    choice: Choice, tables: Mapping[Unit, Table], *, given: int, unlabelled: int, folds: NDArray[np.int64], seconds: float
) -> dict[str, Any]:
    """Counts, recall and what was tried."""
    first = next(iter(tables.values()))
    groups = [row.group for row in first.rows]
    recall = dict(choice.recall) | {
        name: np.array([[baseline_recall(name, row.judged, share) for share in BUDGETS] for row in first.rows]) for name in BASELINES
    }
    gain = choice.recall["fitted"] - choice.recall["default"]
    return {
        "given": given,
        "no_label_found": unlabelled,
        **label_counts(tables[choice.candidate.unit]),
        "folds": int(folds.max()) + 1,
        "seconds": round(seconds, 1),
        "method": choice.candidate.method,
        "chosen": choice.candidate.name,
        "unit": choice.candidate.unit,
        "units_tried": list(tables),
        "recall": {name: _by_budget(values, groups) for name, values in recall.items()},
        "gain": _by_budget(gain, groups),
        "best_of": dict(choice.names),
        "tried": {name: round(value, 4) for name, value in sorted(choice.values.items(), key=lambda pair: -pair[1])},
    }


def marks(calibrated: Sequence[Floats], before: Sequence[Floats], labels: Sequence[Labels]) -> dict[str, Any]:
    """Calibration before and after, and the rules that mark best."""
    threshold, f1 = best_threshold(calibrated, labels)
    alphas = best_alpha(calibrated, labels)
    alpha = max(alphas, key=lambda key: alphas[key])
    errors = {name: reliability(values, labels) for name, values in (("before", before), ("after", calibrated))}
    return {
        "calibration": {name: {"error": round(one.error, 4), "brier": round(one.brier, 4)} for name, one in errors.items()},
        "marks": {"threshold": round(threshold, 4), "f1": round(f1, 4), "alpha": alpha, "alpha_f1": round(alphas[alpha], 4)},
    }


def _by_budget(values: Floats, groups: Sequence[str]) -> dict[str, list[float]]:
    """Mean and 95 % interval at each budget."""
    return {
        f"{share:.0%}": [round(number, 4) for number in estimate(values[:, place].tolist(), groups, draws=ENOUGH)]
        for place, share in enumerate(BUDGETS)
    }
