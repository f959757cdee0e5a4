"""Results -> the picture: what each layer finds by itself, from both positions, a panel a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attngs.reading.anatomy import layers_at
from benchmarks.attention.features import COSINE
from benchmarks.attention.judge import CHANCE
from benchmarks.attention.settings import PAPER

READINGS = {
    "query beyond habit": ("from the question's tokens, beyond habit", "#1f5fa8", 2.6),
    "query": ("from the question's tokens", "#7fa7d6", 1.8),
    "last": ("from the last position", "#b3263a", 1.8),
}
LEVELS = {COSINE: ("#2b8a57", "--"), CHANCE: ("#6b6b6b", ":")}


def draw(results: Mapping[str, Any], path: Path) -> Path:
    """Write the picture; the same numbers give the same file."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "attngs", "svg.fonttype": "none", "font.size": 10.5, "axes.titlesize": 12, "axes.titleweight": "bold"}
    from matplotlib import pyplot

    models: Mapping[str, Any] = results["models"]
    figure, axes = pyplot.subplots(1, len(models), figsize=(5.4 * len(models), 4.6), sharey=True, squeeze=False, layout="constrained")
    for panel, (name, found) in zip(axes[0], models.items(), strict=True):
        count = len(found["layers"]["query"])
        for reading, (label, color, width) in READINGS.items():
            panel.plot([layer / (count - 1) for layer in range(count)], found["layers"][reading], color=color, label=label, linewidth=width)
        for method, (color, style) in LEVELS.items():
            panel.axhline(found["recall"][method]["all"][0], color=color, linestyle=style, label=method, linewidth=1.3)
        (paper,) = layers_at(PAPER.layers, count)
        panel.plot(paper / (count - 1), found["layers"]["last"][paper], "o", color="#b3263a", label="the paper's setting", markersize=8)
        panel.set_title(f"{name}, {count} layers")
        panel.set_xlabel("layer, as a fraction of the depth")
        panel.grid(visible=True, alpha=0.25)
        panel.set_ylim(bottom=0)
    axes[0][0].set_ylabel("evidence recall")
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=6, frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
