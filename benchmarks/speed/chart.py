"""Results -> `speed.svg`: time of a first and of a further question, and peak memory, by the size of the context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.speed import cold, memory, rivals, warm
from benchmarks.speed.forwards import EAGER, EAGER_WHOLE, FLOOR, WHOLE
from benchmarks.speed.store import Store


class Line(NamedTuple):
    """One colour and style a name, in every panel."""

    color: str
    style: str = "-"
    width: float = 1.2


FIRST = {
    FLOOR: Line("black", "--"),
    WHOLE: Line("grey", "--"),
    cold.OURS: Line("tab:red", width=2.5),
    rivals.EMBEDDED: Line("tab:pink", width=2.5),
    EAGER: Line("tab:blue"),
    EAGER_WHOLE: Line("tab:cyan"),
    rivals.RAGCOMPRESS: Line("tab:purple"),
    rivals.EMBEDDINGS: Line("tab:green"),
    rivals.LLMSLIM: Line("tab:olive"),
    rivals.BM25: Line("tab:brown"),
}
FURTHER = {
    warm.COLD: Line("tab:red", width=2.5),
    warm.EDITED: Line("tab:orange"),
    warm.APPENDED: Line("tab:olive"),
    warm.WARM: Line("tab:pink", width=2.5),
    warm.STOCK: Line("black", "--"),
}
MEMORY = FIRST | {memory.OWN: Line("tab:orange", width=2.5)}


def draw(store: Store) -> Path | None:
    """A row of panels for each device that has anything to draw."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "attngs", "svg.fonttype": "none"}  # the same numbers give the same file; letters stay letters
    from matplotlib import pyplot

    devices = [device for device, results in store.results.items() if results.keys() & {"cold", "warm", "memory"}]
    if not devices:
        return None
    figure, axes = pyplot.subplots(len(devices), 3, figsize=(17, 6.5 * len(devices)), squeeze=False, layout="constrained")
    for row, device in zip(axes, devices, strict=True):
        results = store.results[device]
        _panel(row[0], f"{device}: first question", "seconds, wall", results.get("cold", {}), FIRST, _wall)
        _panel(row[1], f"{device}: attngs, further question", "seconds, wall", results.get("warm", {}), FURTHER, _wall)
        _panel(row[2], f"{device}: peak above the loaded model", "MiB", results.get("memory", {}), MEMORY, _mebibytes)
    path = store.path.with_suffix(".svg")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path


def _wall(found: Mapping[str, Any]) -> float:
    return float(found["wall"][0])


def _mebibytes(found: Mapping[str, Any]) -> float:
    return max(1.0, float(found["above"]) / 2**20)  # the axis is logarithmic, and some need nothing


def _panel(
    axis: Any, title: str, unit: str, cases: Mapping[str, Any], lines: Mapping[str, Line], value: Callable[[Mapping[str, Any]], float]
) -> None:
    for name, line in lines.items():
        points = sorted((int(tokens), value(case["methods"][name])) for tokens, case in cases.items() if name in case["methods"])
        if points:
            axis.plot(
                *zip(*points, strict=True),
                marker="o", markersize=3, label=name, color=line.color, linestyle=line.style, linewidth=line.width,
            )  # fmt: skip
    sizes = sorted(map(int, cases))
    axis.set(title=title, xlabel="tokens of context", ylabel=unit, xscale="log", yscale="log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.xaxis.minorticks_off()
    axis.grid(alpha=0.3)
    if sizes:
        axis.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False)
