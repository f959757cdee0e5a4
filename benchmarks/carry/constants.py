"""Every constant that was learned or chosen, with the values that it might have had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from attngs.marking.scorers.encoder import HOP, WIDE, WORD_WEIGHT
from benchmarks.carry.forms import FIGURES, LABELS, SPEAKERS, Form, Weights
from benchmarks.carry.terms import BARE

STATES = ("late", "cosine")


def same_at(scales: tuple[str, ...], *, words: float = WORD_WEIGHT, wide: float = 1.0) -> dict[tuple[str, str], float]:
    """The same sum at every scale: late attention, cosine, and BM25 at a lower weight."""
    weights = {"late": 1.0, "cosine": 1.0, "bm25": words}
    factors = {"sentence": 1.0, **dict.fromkeys(scales, wide)}
    return {(measure, scale): weight * factor for scale, factor in factors.items() for measure, weight in weights.items()}


NOW = Form(weights=same_at(WIDE), hop=HOP)
"""The shipped form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One choice."""

    name: str
    values: Mapping[str, Form]
    """By what is told of it; `NOW` is one of them."""


def _without(measure: str) -> Form:
    return replace(NOW, weights={key: weight for key, weight in NOW.weights.items() if key[0] != measure})


def _at_own(change: Weights, drop: tuple[str, ...] = ()) -> Form:
    kept = {key: weight for key, weight in NOW.weights.items() if key[1] != "sentence" or key[0] not in drop}
    return replace(NOW, weights={**kept, **change})


def _late(measure: str) -> Form:
    return replace(NOW, weights={(measure if key[0] == "late" else key[0], key[1]): weight for key, weight in NOW.weights.items()})


CONSTANTS = (
    Constant(name="weight of shared words", values={str(w): replace(NOW, weights=same_at(WIDE, words=w)) for w in (0.5, 0.0, 0.25, 1.0)}),
    Constant(name="weight of the wider scales", values={str(w): replace(NOW, weights=same_at(WIDE, wide=w)) for w in (1.0, 0.0, 0.5, 2.0)}),
    Constant(
        name="wider scales",
        values={
            ", ".join(scales): replace(NOW, weights=same_at(scales))
            for scales in (WIDE, ("near",), ("wide",), ("passage",), ("document",), ("near", "passage"), ("near", "document"))
        },
    ),
    Constant(name="late attention", values={"with": NOW, "without": _without("late")}),
    Constant(name="its temperature", values={"0.1": NOW, "0.05": _late("late, T 0.05"), "0.2": _late("late, T 0.2")}),
    Constant(name="cosine", values={"with": NOW, "without": _without("cosine")}),
    Constant(name="share of the question's words", values={"0": NOW, "0.5": _at_own({("cover", "sentence"): 0.5})}),
    Constant(name="weight of neighbours", values={how: replace(NOW, neighbours=how) for how in ("judged", "always", "never")}),
    Constant(name="cosine gains where neighbours do not count", values={"0": NOW, "3": replace(NOW, alone=3.0)}),
    Constant(name="second hop", values={str(HOP): NOW, "0": replace(NOW, hop=0.0), "0.2": replace(NOW, hop=0.2)}),
    Constant(name="expanded question", values={"0": NOW, "0.5": replace(NOW, feedback=0.5)}),
    Constant(
        name="heads",
        values={
            "with": NOW,
            "without": _at_own({("late", BARE): 1.0, ("cosine", BARE): 1.0, ("bm25", BARE): WORD_WEIGHT}, (*STATES, "bm25")),
        },
    ),
    *(
        Constant(name=f"gain of {lift}", values={"with": NOW, "without": replace(NOW, lifts=NOW.lifts - {lift})})
        for lift in (LABELS, SPEAKERS, FIGURES)
    ),
)


def forms() -> Iterator[tuple[str, str, Form]]:
    """Every constant, value and form."""
    for constant in CONSTANTS:
        for value, form in constant.values.items():
            yield constant.name, value, form
