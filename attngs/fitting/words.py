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
    gains = [(share, report["gain"][share]) for share in ("5%", "10%")]
    spans = " and ".join(f"{mean:+.3f} ({low:+.3f} ... {high:+.3f}) at {share}" for share, (mean, low, high) in gains)
    if report["method"] == "default":
        return f"Nothing beats the default on held-out examples (fitted minus default: {spans}); it was calibrated, and nothing else."
    what = f"{report['chosen']}, unit {report['unit']}"
    if any(low > 0 for _, (_, low, _) in gains):
        return f"{what}: on held-out examples evidence recall changes by {spans} of the tokens against the default."
    return f"{what}: best on held-out examples, but not clearly better than the default: {spans}. More examples may help."
