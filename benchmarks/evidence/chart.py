"""Results -> `evidence.svg`: recall by budget, a panel for each set, a line for each method; the interval is drawn for ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attngs.learning.evaluation import BUDGETS
from benchmarks.curves import PALE, Line, Panel, Picture
from benchmarks.evidence.methods import BM25, COSINE, OURS
from benchmarks.evidence.page import title
from benchmarks.evidence.sets import SETS
from benchmarks.evidence.summary import percent

LINES = {
    "oracle": Line(PALE, ":", 1.0),
    "random": Line(PALE, "--", 1.0),
    "recency": Line("#c9b79c", "--", 1.0),
    "lead": Line("#bfc5cc", "--", 1.0),
    BM25: Line("#e08e2b"),
    COSINE: Line("#3f7fbf"),
    "RRF of both": Line("#6b9f71"),
    "llmslim": Line("#9a6fb0"),
    "ragcompress": Line("#6f5a4b"),
    "late attention": Line("#e6a0a6", "-", 1.1),
    "marker: attention": Line("#177e89", "-", 1.8),
    "probe": Line("#17897a", "--", 1.8),
    "adapter": Line("#0b5563", "-.", 1.8),
    OURS: Line("#c8102e", "-", 2.6),
}


def draw(results: Mapping[str, Any], folder: Path) -> Path:
    """The picture of the first unit of each set."""
    panels = [
        _panel(name, "recall", at)
        for name, at in _first_units(results)
        if SETS[name].kind != "safety" and "recall" in at[percent(BUDGETS[0])]
    ]
    panels += [_panel(name, "injected", at) for name, at in _first_units(results) if "injected" in at[percent(BUDGETS[0])]]
    shares = [100 * share for share in BUDGETS]
    picture = Picture(ticks=shares, labels=[percent(share) for share in BUDGETS], below="of the tokens", lines=LINES, banded=OURS)
    return picture.draw(panels, folder / "evidence.svg")


def _first_units(results: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, next(iter(found["units"].values()))["all"]) for name, found in results["sets"].items()]


def _panel(name: str, metric: str, at: Mapping[str, Any]) -> Panel:
    """One set."""
    by_budget = [at[percent(share)][metric] for share in BUDGETS]
    known = [method for method in LINES if all(method in found for found in by_budget) and (metric, method) != ("injected", "oracle")]
    return Panel(
        title=title(name),
        note=f"{at['rows']} questions",
        what="evidence kept" if metric == "recall" else "injected share of what is kept",
        curves={method: [found[method] for found in by_budget] for method in known},
        top=1 if metric == "recall" else None,
    )
