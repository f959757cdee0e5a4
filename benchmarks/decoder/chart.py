"""Results -> `decoder.svg`: what each layer's attention finds, what the methods keep of each budget, and in which wordings of questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from attngs.learning.evaluation import BUDGETS
from benchmarks.decoder.evaluate import ANSWERED, DEFAULT, PROBE, RAW, TUNED
from benchmarks.decoder.measures import FIRST


class Ink(NamedTuple):
    """One colour and style a name, in all panels."""

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

BARS = ("BM25", RAW, PROBE, ANSWERED, TUNED)
WORDINGS = ("known", "labelled", "unseen")


def draw(results: Mapping[str, Any], path: Path) -> Path:
    """Write the picture; the same numbers give the same file."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "attngs", "svg.fonttype": "none", "font.size": 10.5, "axes.titlesize": 12, "axes.titleweight": "bold"}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(16.5, 5.6), width_ratios=(1, 1, 0.85), layout="constrained")
    _draw_layers(axes[0], results)
    _draw_budgets(axes[1], results["methods"])
    _draw_wordings(axes[2], results["kinds"])
    for axis in axes:
        axis.set_ylim(0, 1.03)
        axis.grid(axis="y", color="#e4e4e4")
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    test = results["test"]
    about = f"{test['questions']} questions on {test['users']} held-out users, {test['sentences']:.0f} sentences each, 95 % intervals"
    figure.suptitle(f"{results['marker']}: {about}", fontsize=11)
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


def _draw_wordings(axis: Any, kinds: Mapping[str, Any]) -> None:
    """Bars: wordings that the small decoder was trained on, those that only labelled questions have, those that nobody has met."""
    groups = [f"{wording} wording" for wording in WORDINGS if f"{wording} wording" in kinds]
    names = [name for name in BARS if name in kinds[groups[0]]]
    width = 0.84 / len(names)
    for number, name in enumerate(names):
        values = [kinds[group][name] for group in groups]
        places = [at + (number - (len(names) - 1) / 2) * width for at in range(len(groups))]
        errors = [[mean - low for mean, low, _ in values], [high - mean for mean, _, high in values]]
        axis.bar(places, [mean for mean, _, _ in values], 0.9 * width, color=METHODS[name].color, label=name)
        axis.errorbar(places, [mean for mean, _, _ in values], errors, fmt="none", ecolor="#333333", elinewidth=1, capsize=2)
    axis.set_xticks(range(len(groups)), [f"{group}\n({kinds[group]['questions']})" for group in groups])
    axis.set(title="In which words of the question?", ylabel="best sentence is the evidence")
    axis.legend(fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)


def _line(axis: Any, places: Sequence[int] | range, estimates: Sequence[Sequence[float]], label: str, ink: Ink) -> None:
    mean, low, high = zip(*estimates, strict=True)
    axis.plot(places, mean, color=ink.color, linestyle=ink.style, linewidth=ink.width, marker="o", markersize=4, label=label)
    axis.fill_between(places, low, high, color=ink.color, alpha=0.10, linewidth=0)
