"""Numbers of a fit -> the words that the table, the page and the picture share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = {
    "fitted": "fitted",
    "default": "default",
    "setting": "best single setting",
    "probe": "probe",
    "BM25": "BM25",
    "recency": "recency",
    "lead": "lead",
    "random": "random",
}
"""Methods in the order in which they are shown."""


def interval(numbers: Sequence[float], sign: str = "") -> str:
    """A mean with its interval."""
    mean, low, high = numbers
    return f"{mean:{sign}.3f} ({low:{sign}.3f} ... {high:{sign}.3f})"


def verdict(report: Mapping[str, Any]) -> str:
    """What came out, in one sentence; never better than it is."""
    gain, low, high = report["gain"]["5%"]
    span = f"{gain:+.3f} ({low:+.3f} ... {high:+.3f})"
    if report["method"] == "default":
        return f"Nothing beats the default on held-out examples (fitted minus default at 5 %: {span}); it was calibrated, and nothing else."
    what = f"{report['chosen']}, unit {report['unit']}"
    if low > 0:
        return f"{what}: evidence recall at 5 % of the tokens rises by {span} over the default on held-out examples."
    return (
        f"{what}: best on held-out examples, but at 5 % of the tokens not clearly better than the default ({span}). More examples may help."
    )
