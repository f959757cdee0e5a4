"""The targets, and whether these numbers show or refute them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.evidence.sets import SETS
from benchmarks.evidence.summary import TOLD, percent

MOST_BELOW, LEAST_ABOVE, MOONSHOT, WARM_MS = -0.03, 0.03, 0.15, 40.0


def verdicts(results: Mapping[str, Any]) -> list[dict[str, str]]:
    """One line for each target that something was measured for."""
    found = []
    worst = _worst(results["sets"])
    if worst:
        where, numbers = worst
        found.append(_line("on no set more than .03 below the better of BM25 and MiniLM cosine", numbers, MOST_BELOW, f"worst: {where}"))
    for group, least, what in (("real", LEAST_ABOVE, "real sets"), ("personal", MOONSHOT, "personal-memory sets (moonshot)")):
        told = results["overall"].get(group, {}).get("5% and 10%")
        if told:
            found.append(_line(f"{least:+.2f} over it on average over {what}", told["difference"], least, f"{len(told['sets'])} sets"))
    warm = results.get("latency", {}).get("warm_mark")
    if warm:
        tokens = results["latency"]["tokens"]
        shown = f"{warm['wall_ms']:.1f} ms ({warm['wall_ms_min']:.1f} - {warm['wall_ms_max']:.1f}), {warm['cpu_ms']:.1f} ms of CPU"
        verdict = "met" if warm["wall_ms"] <= WARM_MS else "missed"
        found.append({"target": f"a warm question on {tokens:,} tokens in {WARM_MS:.0f} ms", "found": shown, "verdict": verdict})
    return found


def judged(numbers: Sequence[float], least: float) -> str:
    """What an estimate says of a lower bound."""
    mean, low, high = numbers
    if low >= least:
        return "met"
    if mean >= least:
        return "met on average; the interval reaches below"
    return "missed, within chance" if high >= least else "refuted"


def _line(target: str, numbers: Sequence[float], least: float, where: str) -> dict[str, str]:
    mean, low, high = numbers
    return {"target": target, "found": f"{mean:+.3f} ({low:+.3f} ... {high:+.3f}), {where}", "verdict": judged(numbers, least)}


def _worst(sets: Mapping[str, Any]) -> tuple[str, Sequence[float]] | None:
    """The set and budget where ours stands worst, in the first unit."""
    leads = {
        f"{name} at {percent(share)}": at["difference"]
        for name, found in sets.items()
        for share in TOLD
        if SETS[name].kind != "safety" and "difference" in (at := next(iter(found["units"].values()))["all"][percent(share)])
    }
    if not leads:
        return None
    where = min(leads, key=lambda name: leads[name][0])
    return where, leads[where]
