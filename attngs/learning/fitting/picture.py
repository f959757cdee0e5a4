"""The picture of a fit: what was tried, whether probabilities can be trusted, and what it is worth, on one page."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from attngs.errors import MissingDependencyError
from attngs.learning.evaluation import BUDGETS
from attngs.learning.fitting.calibrate import precision_recall
from attngs.learning.fitting.report import SHOWN, verdict
from attngs.learning.fitting.summary import FitResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, GRID = "#22303c", "#8595a3", "#e4e9ed"
COLOURS = {"fitted": "#d1495b", "default": "#22303c", "BM25": "#2a7f9e", "recency": "#8a9a5b", "random": "#b3bec8"}
"""Of the methods that are drawn; told apart by lightness too."""

_LAYER = re.compile(r"(last|query), layer (\d+), all heads, mean over tokens(, minus the neutral question)? \[(\w+)\]")


def picture(result: FitResult) -> bytes:
    """A PNG.

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
    report = result.report
    _tried(axes[0, 0], report)
    _budgets(axes[0, 1], report)
    _calibration(axes[1, 0], result)
    _precision(axes[1, 1], result)
    for axis in axes.flat:
        _plain(axis)
    figure.suptitle(f"Fit of {result.probe.model.name}", x=0.055, y=0.985, ha="left", fontsize=16, weight="bold", color=INK)
    figure.text(0.055, 0.94, _wrapped(verdict(report), 150), ha="left", va="top", fontsize=10.5, color=INK)
    figure.subplots_adjust(left=0.085, right=0.975, top=0.845, bottom=0.07, hspace=0.36, wspace=0.24)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _tried(axis: Axes, report: Mapping[str, Any]) -> None:
    """Recall by layer for a decoder, by measure and scale for an encoder."""
    tried: Mapping[str, float] = report["tried"]
    layers = {name: match for name in tried if (match := _LAYER.fullmatch(name)) and match[4] == report["unit"]}
    best, default = next(iter(tried.values())), next(value for name, value in tried.items() if name.startswith("default ["))
    if layers:
        for probe, habit, style, colour in (
            ("query", None, "-", "#2a7f9e"),
            ("last", None, "-", "#e08e45"),
            ("query", ", minus the neutral question", ":", "#2a7f9e"),
            ("last", ", minus the neutral question", ":", "#e08e45"),
        ):
            points = sorted((int(m[2]), tried[name]) for name, m in layers.items() if m[1] == probe and m[3] == habit)
            words = f"{'question' if probe == 'query' else 'last position'}{', minus neutral' if habit else ''}"
            axis.plot(*zip(*points, strict=True), style, color=colour, marker="o", markersize=3.5, linewidth=1.8, label=words)
        axis.set_xlabel("layer (mean over heads)")
        axis.axhline(best, color=COLOURS["fitted"], linewidth=1.5, label="fitted")
        axis.axhline(default, color=INK, linewidth=1, linestyle="--", label="default")
        axis.legend(frameon=False, fontsize=8.5, ncols=2)
        axis.set_title("Recall by layer")
        axis.set_ylabel("mean recall at 5 and 10 %")
        return
    _scales(axis, report, best, default)


def _scales(axis: Axes, report: Mapping[str, Any], best: float, default: float) -> None:
    tried, scales = report["tried"], ("sentence", "near", "wide", "passage", "document")
    kinds = {"cosine": "#2a7f9e", "late": "#e08e45", "closest": "#8d6a9f", "words": "#8a9a5b"}
    for kind, colour in kinds.items():
        values = [tried.get(f"{kind}.{scale} [{report['unit']}]", np.nan) for scale in scales]
        axis.plot(range(len(scales)), values, color=colour, marker="o", markersize=4.5, linewidth=1.8, label=kind)
    axis.axhline(best, color=COLOURS["fitted"], linewidth=1.5, label="fitted")
    axis.axhline(default, color=INK, linewidth=1, linestyle="--", label="default")
    axis.set_xticks(range(len(scales)), ["sentence\nalone", "±1", "±3", "±10", "whole\ndocument"])
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False, fontsize=8.5, ncols=3)
    axis.set_title("Recall by measure and neighbourhood")
    axis.set_ylabel("mean recall at 5 and 10 %")


def _budgets(axis: Axes, report: Mapping[str, Any]) -> None:
    names = [name for name in COLOURS if name in report["recall"]]
    places = np.arange(len(BUDGETS))
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        values = np.array([report["recall"][name][f"{share:.0%}"] for share in BUDGETS])
        at = places + (number - (len(names) - 1) / 2) * width
        errors = np.abs(values[:, 1:].T - values[:, 0])
        axis.bar(at, values[:, 0], width * 0.92, color=COLOURS[name], label=SHOWN[name])
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
    axis.set_xlim(0, min(1, highest * 1.08))
    axis.set_ylim(0, min(1, highest * 1.08))
    axis.set_xlabel("predicted probability")
    axis.set_ylabel("observed share of evidence")
    axis.set_title("Calibration, held out")
    axis.legend(frameon=False, fontsize=8.5, loc="upper left")


def _precision(axis: Axes, result: FitResult) -> None:
    recall, precision = precision_recall(result.held_out, result.labels)
    share = float(np.concatenate(result.labels).mean())
    axis.plot(recall, precision, color=COLOURS["fitted"], linewidth=2, label="fitted")
    axis.axhline(share, color=QUIET, linewidth=1, linestyle="--", label=f"chance: {share:.1%} of the units")
    threshold = result.report["marks"]["threshold"]
    marked = np.concatenate(result.held_out) >= threshold
    truth = np.concatenate(result.labels)
    both = float((marked & truth).sum())
    at = both / truth.sum(), both / max(marked.sum(), 1)
    axis.plot(*at, "o", color=INK, markersize=7)
    aside, side = ((-10, -14), "right") if at[0] > 0.6 else ((9, 7), "left")
    axis.annotate(f"marked: p ≥ {threshold:.2f}", at, xytext=aside, textcoords="offset points", fontsize=9, color=INK, ha=side)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.02)
    axis.set_xlabel("recall of units")
    axis.set_ylabel("precision of units")
    axis.set_title("Precision and recall by probability")
    axis.legend(frameon=False, fontsize=8.5, loc="upper right")


def _plain(axis: Axes) -> None:
    axis.set_title(axis.get_title(), loc="left", fontsize=12, weight="bold", color=INK)
    axis.set_title("", loc="center")
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["left", "bottom"]].set_color(QUIET)
    axis.tick_params(colors=INK, labelsize=9)
    axis.grid(axis="y", color=GRID, linewidth=0.8)
    axis.set_axisbelow(True)


def _wrapped(text: str, width: int) -> str:
    lines: Sequence[str] = [""]
    for word in text.split():
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < width else [*lines, word]
    return "\n".join(lines)
