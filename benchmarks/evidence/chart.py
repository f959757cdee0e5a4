"""Results -> `evidence.svg`: recall by budget, a panel for each set, a line for each method; the interval is drawn for ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from attngs.learning.evaluation import BUDGETS
from benchmarks.evidence.methods import BM25, COSINE, OURS
from benchmarks.evidence.report import title
from benchmarks.evidence.sets import SETS
from benchmarks.evidence.summary import percent

COLUMNS = 3


class Line(NamedTuple):
    """How a method is drawn in every panel."""

    color: str
    style: str = "-"
    width: float = 1.4


INK, PALE = "#2b2b2b", "#8d8d8d"
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
"""What is not named here is in the tables only: a picture of everything shows nothing."""


def draw(results: Mapping[str, Any], folder: Path) -> Path:
    """The picture of the first unit of each set."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "attngs", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "text.color": INK}
    from matplotlib import pyplot

    panels = [
        (name, "recall", at) for name, at in _first_units(results) if SETS[name].kind != "safety" and "recall" in at[percent(BUDGETS[0])]
    ]
    panels += [(name, "injected", at) for name, at in _first_units(results) if "injected" in at[percent(BUDGETS[0])]]
    height = max(1, -(-len(panels) // COLUMNS))
    figure, grid = pyplot.subplots(height, COLUMNS, figsize=(4.3 * COLUMNS, 3.3 * height + 0.9), squeeze=False, layout="constrained")
    handles: dict[str, Any] = {}
    for axis, panel in zip(grid.flat, panels, strict=False):
        handles |= _panel(axis, *panel)
    for axis in list(grid.flat)[len(panels) :]:
        axis.axis("off")
    names = [name for name in LINES if name in handles][::-1]
    figure.legend([handles[name] for name in names], names, loc="outside lower center", ncols=min(len(names), 6), frameon=False)
    path = folder / "evidence.svg"
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
    pyplot.close(figure)
    return path


def _first_units(results: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, next(iter(found["units"].values()))["all"]) for name, found in results["sets"].items()]


def _panel(axis: Any, name: str, metric: str, at: Mapping[str, Any]) -> dict[str, Any]:
    """One set; returns the drawn lines by method."""
    handles = {}
    shares = [100 * share for share in BUDGETS]
    for method, line in LINES.items():
        numbers: Sequence[Sequence[float]] = [at[percent(share)][metric].get(method) for share in BUDGETS]
        if any(number is None for number in numbers) or (metric, method) == ("injected", "oracle"):
            continue
        means, lows, highs = zip(*numbers, strict=True)
        (handles[method],) = axis.plot(
            shares,
            means,
            color=line.color,
            linestyle=line.style,
            linewidth=line.width,
            marker="o",
            markersize=1.8 + line.width,
            clip_on=False,
        )
        if method == OURS:
            axis.fill_between(shares, lows, highs, color=line.color, alpha=0.12, linewidth=0)
    what = "evidence kept" if metric == "recall" else "injected share of what is kept"
    axis.set_title(title(name), loc="left", fontweight="bold", fontsize=11, pad=10)
    axis.text(1, 1.05, f"{at['rows']} questions", transform=axis.transAxes, ha="right", color=PALE, fontsize=9)
    axis.set_ylabel(what, color=PALE)
    axis.set_xscale("log")
    axis.set_xticks(shares, [percent(share) for share in BUDGETS])
    axis.xaxis.minorticks_off()
    axis.set_xlabel("of the tokens", color=PALE)
    axis.set_ylim(0, 1 if metric == "recall" else None)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color("#d0d0d0")
    axis.tick_params(colors=PALE, length=0)
    axis.grid(axis="y", color="#ececec", linewidth=0.8)
    axis.set_axisbelow(True)
    return handles
