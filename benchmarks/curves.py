"""Panels of curves in one picture: a value by budget, a line for each method, and the interval of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

INK, PALE = "#2b2b2b", "#8d8d8d"


class Line(NamedTuple):
    """How a method is drawn in every panel."""

    color: str
    style: str = "-"
    width: float = 1.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One set of curves."""

    title: str
    note: str
    what: str
    """What the values are: the name of the vertical axis."""
    curves: Mapping[str, Sequence[Sequence[float]]]
    """By method: mean, lower and upper end at each tick."""
    top: float | None = 1
    """The upper end of the vertical axis; the data's own when `None`."""
    bottom: float | None = 0
    """The lower end, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What all panels share."""

    ticks: Sequence[float]
    labels: Sequence[str]
    below: str
    """The name of the horizontal axis, which is logarithmic."""
    lines: Mapping[str, Line]
    """Only methods that are named here are drawn: a picture of everything shows nothing."""
    banded: str
    """The method whose interval is drawn."""
    columns: int = 3

    def draw(self, panels: Sequence[Panel], path: Path) -> Path:
        """Write the panels as SVG."""
        import matplotlib as mpl

        mpl.use("svg")
        mpl.rcParams |= {"svg.hashsalt": "attngs", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "text.color": INK}
        from matplotlib import pyplot

        height = max(1, -(-len(panels) // self.columns))
        figure, grid = pyplot.subplots(
            height, self.columns, figsize=(4.3 * self.columns, 3.3 * height + 0.9), squeeze=False, layout="constrained"
        )
        handles: dict[str, Any] = {}
        for axis, panel in zip(grid.flat, panels, strict=False):
            handles |= self._panel(axis, panel)
        for axis in list(grid.flat)[len(panels) :]:
            axis.axis("off")
        names = [name for name in self.lines if name in handles][::-1]
        figure.legend(
            [handles[name] for name in names], names, loc="outside lower center", ncols=min(len(names), 2 * self.columns), frameon=False
        )
        figure.savefig(path, metadata={"Date": None}, facecolor="white")
        pyplot.close(figure)
        return path

    def _panel(self, axis: Any, panel: Panel) -> dict[str, Any]:
        """One panel; returns the drawn lines by method."""
        handles = {}
        for method, line in self.lines.items():
            if method not in panel.curves:
                continue
            means, lows, highs = zip(*panel.curves[method], strict=True)
            (handles[method],) = axis.plot(
                self.ticks,
                means,
                color=line.color,
                linestyle=line.style,
                linewidth=line.width,
                marker="o",
                markersize=1.8 + line.width,
                clip_on=False,
            )
            if method == self.banded:
                axis.fill_between(self.ticks, lows, highs, color=line.color, alpha=0.12, linewidth=0)
        axis.set_title(panel.title, loc="left", fontweight="bold", fontsize=11, pad=10)
        axis.text(1, 1.05, panel.note, transform=axis.transAxes, ha="right", color=PALE, fontsize=9)
        axis.set_ylabel(panel.what, color=PALE)
        axis.set_xscale("log")
        axis.set_xticks(self.ticks, self.labels)
        axis.xaxis.minorticks_off()
        axis.set_xlabel(self.below, color=PALE)
        axis.set_ylim(panel.bottom, panel.top)
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines[["left", "bottom"]].set_color("#d0d0d0")
        axis.tick_params(colors=PALE, length=0)
        axis.grid(axis="y", color="#ececec", linewidth=0.8)
        axis.set_axisbelow(True)
        return handles
