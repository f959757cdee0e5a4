"""Results -> `decoder.svg`: what each layer's attention finds, before and after fine-tuning, and what the methods keep of each budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from attngs.evaluation import BUDGETS
from benchmarks.decoder.evaluate import ANSWERED, DEFAULT, PROBE, RAW, TUNED
from benchmarks.decoder.measures import FIRST


class Ink(NamedTuple):
    """One colour and style a name, in both panels."""

    color: str
    style: str = "-"
    width: float = 2.0


LAYERS = {
    "raw": ("raw attention", Ink("#1f5fa8", width=2.6)),
    ANSWERED: ("after fine-tuning on answers", Ink("#d98c1f")),
    TUNED: ("after fine-tuning on evidence", Ink("#b3263a", width=2.6)),
    "untrained": ("random weights", Ink("#9a9a9a")),
}
LEVELS = {
    PROBE: Ink("#2b8a57", "--"),
    "BM25": Ink("#7a5195", "--", 1.3),
    "recency": Ink("#6b6b6b", ":", 1.3),
    "random": Ink("#6b6b6b", "-.", 1.3),
}
METHODS = {
    TUNED: Ink("#b3263a", width=2.6),
    PROBE: Ink("#2b8a57"),
    ANSWERED: Ink("#d98c1f"),
    RAW: Ink("#1f5fa8", width=2.6),
    DEFAULT: Ink("#1f5fa8", ":"),
    "BM25": Ink("#7a5195", "--", 1.3),
    "recency": Ink("#6b6b6b", ":", 1.3),
    "random": Ink("#6b6b6b", "-.", 1.3),
}


def draw(results: Mapping[str, Any], path: Path) -> Path:
    """Write the picture; the same numbers give the same file."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "attngs", "svg.fonttype": "none", "font.size": 10.5, "axes.titlesize": 12, "axes.titleweight": "bold"}
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5.4), layout="constrained")
    _draw_layers(left, results)
    _draw_budgets(right, results["methods"])
    for axis in (left, right):
        axis.set_ylim(0, 1.03)
        axis.grid(axis="y", color="#e4e4e4")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    test = results["test"]
    figure.suptitle(f"{results['marker']}: {test['questions']} questions on {test['users']} held-out users, 95 % intervals", fontsize=11)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _draw_layers(axis: Any, results: Mapping[str, Any]) -> None:
    layers: Mapping[str, Sequence[Any]] = results["layers"]
    count = len(layers["raw"])
    for name, (label, ink) in LAYERS.items():
        if name in layers:
            _line(axis, range(1, count + 1), [estimates[FIRST] for estimates in layers[name]], label, ink)
    for name, ink in LEVELS.items():
        mean = results["methods"][name][FIRST][0]
        axis.axhline(mean, color=ink.color, linestyle=ink.style, linewidth=ink.width, label=name)
    step = -(-count // 16)
    axis.set_xticks(range(1, count + 1, step))
    axis.set(title="Which layer looks at the evidence?", xlabel="layer", ylabel="best sentence is the evidence")
    axis.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)


def _draw_budgets(axis: Any, methods: Mapping[str, Any]) -> None:
    columns = [f"{share:.0%}" for share in BUDGETS]
    for name, ink in METHODS.items():
        if name in methods:
            _line(axis, range(len(columns)), [methods[name][column] for column in columns], name, ink)
    axis.set_xticks(range(len(columns)), columns)
    axis.set(title="How much evidence does a budget keep?", xlabel="budget, share of the memory's tokens", ylabel="evidence recall")
    axis.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)


def _line(axis: Any, places: Sequence[int] | range, estimates: Sequence[Sequence[float]], label: str, ink: Ink) -> None:
    mean, low, high = zip(*estimates, strict=True)
    axis.plot(places, mean, color=ink.color, linestyle=ink.style, linewidth=ink.width, marker="o", markersize=4, label=label)
    axis.fill_between(places, low, high, color=ink.color, alpha=0.10, linewidth=0)
