"""Means -> `beam.svg`: evidence messages that are kept in part, by budget; a panel for all questions and one for each ability."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.beam.data import ABILITIES
from benchmarks.beam.judge import TOUCHED
from benchmarks.beam.methods import BUDGETS, PERIODS
from benchmarks.curves import Line, Panel, Picture
from benchmarks.evidence.chart import LINES
from benchmarks.evidence.methods import OURS


def draw(found: Mapping[str, Any], folder: Path) -> Path:
    """The picture of one part."""
    groups = [group for group in ("all", *ABILITIES) if group in next(iter(found["methods"].values()))[str(BUDGETS[0])][TOUCHED]]
    panels = [
        Panel(
            title=ABILITIES.get(group, "all questions"),
            note=f"{found['questions'][group]} questions",
            what="evidence messages kept in part",
            curves={method: [at[str(budget)][TOUCHED][group] for budget in BUDGETS] for method, at in found["methods"].items()},
        )
        for group in groups
    ]
    labels = [f"{budget:,}" for budget in BUDGETS]
    picture = Picture(ticks=BUDGETS, labels=labels, below="tokens", lines=LINES | {PERIODS: Line("#e6a0a6", "--", 1.4)}, banded=OURS)
    return picture.draw(panels, folder / "beam.svg")
