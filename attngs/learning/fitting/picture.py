"""The picture of a fit: what was tried, recall at budgets, calibration, precision and recall."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attngs.errors import MissingDependencyError
from attngs.learning.evaluation import BUDGETS
from attngs.learning.fitting.calibrate import precision_recall
from attngs.learning.fitting.report import METHODS, FitResult, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, GRID = "#22303c", "#8595a3", "#e4e9ed"
COLOURS = {"fitted": "#d1495b", "default": INK, "BM25": "#2a7f9e", "recency": "#8a9a5b", "random": "#b3bec8"}
"""Of the methods that are drawn; they differ in lightness too."""

SCALES = {"sentence": "sentence\nalone", "near": "±1", "wide": "±3", "passage": "±10", "document": "whole\ndocument"}
MEASURES = {"cosine": "#2a7f9e", "late": "#e08e45", "closest": "#8d6a9f", "words": "#8a9a5b"}

_LAYER = re.compile(r"(last|query), layer (\d+), all heads, mean over tokens(, minus the neutral question)? \[(\w+)\]")


def picture(result: FitResult) -> bytes:
    """Draw a PNG.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("the report's picture needs matplotlib: pip install 'attngs[train]'") from error
    figure = Figure(figsize=(12.5, 9.2), dpi=110, facecolor="white")
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(2, 2)
    _tried(axes[0, 0], result.report)
    _budgets(axes[0, 1], result.report)
    _calibration(axes[1, 0], result)
    _precision(axes[1, 1], result)
    for axis in axes.flat:
        _plain(axis)
    figure.suptitle(f"Fit of {result.probe.model.name}", x=0.055, y=0.985, ha="left", fontsize=16, weight="bold", color=INK)
    figure.text(0.055, 0.94, textwrap.fill(verdict(result.report), 150), ha="left", va="top", fontsize=10.5, color=INK)
    figure.subplots_adjust(left=0.085, right=0.975, top=0.845, bottom=0.07, hspace=0.36, wspace=0.24)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _tried(axis: Axes, report: Mapping[str, Any]) -> None:
    """Recall by layer for a decoder, by measure and neighbourhood for an encoder."""
    tried: Mapping[str, float] = report["tried"]
    layers = {name: match for name in tried if (match := _LAYER.fullmatch(name)) and match[4] == report["unit"]}
    if layers:
        _by_layer(axis, tried, layers)
    else:
        _by_neighbourhood(axis, tried, report["unit"])
    axis.axhline(next(iter(tried.values())), color=COLOURS["fitted"], linewidth=1.5, label="fitted")
    default = next(value for name, value in tried.items() if name.startswith("default ["))
    axis.axhline(default, color=INK, linewidth=1, linestyle="--", label="default")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=8.5, ncols=3)
    axis.set_ylabel("mean recall at 5 and 10 %")


def _by_layer(axis: Axes, tried: Mapping[str, float], layers: Mapping[str, re.Match[str]]) -> None:
    for position, words, colour in (("query", "question", "#2a7f9e"), ("last", "last position", "#e08e45")):
        for habit, style in ((None, "-"), (", minus the neutral question", ":")):
            points = sorted((int(m[2]), tried[name]) for name, m in layers.items() if m[1] == position and m[3] == habit)
            label = f"{words}{', minus neutral' if habit else ''}"
            axis.plot(*zip(*points, strict=True), style, color=colour, marker="o", markersize=3.5, linewidth=1.8, label=label)
    axis.set_xlabel("layer (mean over heads)")
    axis.set_title("Recall by layer")


def _by_neighbourhood(axis: Axes, tried: Mapping[str, float], unit: str) -> None:
    for measure, colour in MEASURES.items():
        values = [tried.get(f"{measure}.{scale} [{unit}]", np.nan) for scale in SCALES]
        axis.plot(range(len(SCALES)), values, color=colour, marker="o", markersize=4.5, linewidth=1.8, label=measure)
    axis.set_xticks(range(len(SCALES)), list(SCALES.values()))
    axis.set_title("Recall by measure and neighbourhood")


def _budgets(axis: Axes, report: Mapping[str, Any]) -> None:
    names = [name for name in COLOURS if name in report["recall"]]
    places = np.arange(len(BUDGETS))
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        values = np.array([report["recall"][name][f"{share:.0%}"] for share in BUDGETS])
        at = places + (number - (len(names) - 1) / 2) * width
        errors = np.abs(values[:, 1:].T - values[:, 0])
        axis.bar(at, values[:, 0], width * 0.92, color=COLOURS[name], label=METHODS[name])
        axis.errorbar(at, values[:, 0], errors, fmt="none", ecolor=QUIET, elinewidth=1, capsize=2)
    axis.set_xticks(places, [f"{share:.0%}" for share in BUDGETS])
    axis.set_xlabel("share of the tokens that is kept")
    axis.set_ylabel("evidence recall, held out")
    axis.set_title("Before and after, on held-out examples")
    axis.set_ylim(0, 1.02)
    axis.legend(frameon=False, fontsize=8.5, loc="upper left")


def _calibration(axis: Axes, result: FitResult) -> None:
    highest = 0.0
    for name, colour in (("before", QUIET), ("after", COLOURS["fitted"])):
        curve = result.curves[name]
        predicted, observed = [one.predicted for one in curve.bins], [one.observed for one in curve.bins]
        highest = max(highest, *predicted, *observed)
        axis.plot(predicted, observed, color=colour, marker="o", markersize=5, linewidth=1.8, label=f"{name}: error {curve.error:.3f}")
    axis.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--", label="as promised")
    axis.set(xlim=(0, min(1, highest * 1.08)), ylim=(0, min(1, highest * 1.08)))
    axis.set(xlabel="predicted probability", ylabel="observed share of evidence", title="Calibration, held out")
    axis.legend(frameon=False, fontsize=8.5, loc="upper left")


def _precision(axis: Axes, result: FitResult) -> None:
    axis.plot(*precision_recall(result.held_out, result.labels), color=COLOURS["fitted"], linewidth=2, label="fitted")
    truth, probabilities = np.concatenate(result.labels), np.concatenate(result.held_out)
    axis.axhline(truth.mean(), color=QUIET, linewidth=1, linestyle="--", label=f"chance: {truth.mean():.1%} of the units")
    threshold = result.report["marks"]["threshold"]
    marked = probabilities >= threshold
    both = float((marked & truth).sum())
    at = both / truth.sum(), both / max(marked.sum(), 1)
    axis.plot(*at, "o", color=INK, markersize=7)
    aside, side = ((-10, -14), "right") if at[0] > 0.6 else ((9, 7), "left")
    axis.annotate(f"marked: p ≥ {threshold:.2f}", at, xytext=aside, textcoords="offset points", fontsize=9, color=INK, ha=side)
    axis.set(xlim=(0, 1), ylim=(0, 1.02))
    axis.set(xlabel="recall of units", ylabel="precision of units", title="Precision and recall by probability")
    axis.legend(frameon=False, fontsize=8.5, loc="upper right")


def _plain(axis: Axes) -> None:
    axis.set_title(axis.get_title(), loc="left", fontsize=12, weight="bold", color=INK)
    axis.set_title("", loc="center")
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(QUIET)
    axis.tick_params(colors=INK, labelsize=9)
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)
