"""How alike are one fact in two wordings, a fact that changed, and two facts about different things?

For each cosine that an agent's `remember` might stop at, the report gives the share of pairs that reach it. The pairs in `close.jsonl` are
written by hand: one half to choose the cosine (`attngs.hosts.remembering.CLOSE`), the other to test it. Pairs about different things are
made of the first facts of different pairs.
"""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np

from attngs import Marker
from attngs.hosts.remembering import CLOSE
from attngs.protocols import Floats, Likeness

PAIRS = Path(__file__).with_suffix(".jsonl")
KINDS = ("same", "changed", "other")
CUTS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def read_pairs(half: str) -> dict[str, list[tuple[str, str]]]:
    """The pairs of one half by kind."""
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    own = [row for row in rows if row["half"] == half]
    found = {kind: [(row["pair"][0], row["pair"][1]) for row in own if row["kind"] == kind] for kind in ("same", "changed")}
    return {**found, "other": list(combinations([first for first, _ in found["same"]], 2))}


def cosines(pairs: list[tuple[str, str]], scorer: Likeness) -> Floats:
    """Of each pair `(N,)`."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    alike = scorer.likeness(texts, "facts")
    return np.array([alike[texts.index(a), texts.index(b)] for a, b in pairs])


def report(marker: Marker) -> None:
    """Print the shares of both halves."""
    scorer = marker.scorer
    assert isinstance(scorer, Likeness)
    print(f"Share of pairs at or above a cosine; attngs stops at {CLOSE}.\n")
    for half in ("dev", "final"):
        found = {kind: cosines(pairs, scorer) for kind, pairs in read_pairs(half).items()}
        print(f"| {half} | " + " | ".join(f"{kind} (n={len(found[kind])})" for kind in KINDS) + " |\n|---|---|---|---|")
        for cut in CUTS:
            print(f"| {cut} | " + " | ".join(f"{float((found[kind] >= cut).mean()):.2f}" for kind in KINDS) + " |")
        print()
