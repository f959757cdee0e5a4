"""Every constant that was learned or chosen, with the values that it might have had."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from attngs.marking.scorers.encoder import ALONE, HOP, WIDE_ATTENTION, WIDE_SIMILARITY, WIDE_WORDS, WORD_WEIGHT
from benchmarks.carry.forms import FIGURES, LABELS, SIBLINGS, SPEAKERS, Form, Weights
from benchmarks.carry.terms import BARE

OWN = {("late", "sentence"): 1.0, ("cosine", "sentence"): 1.0, ("bm25", "sentence"): WORD_WEIGHT, ("cover", "sentence"): WORD_WEIGHT}
AROUND = {
    **{("late", scale): 1.0 for scale in WIDE_ATTENTION},
    **{("cosine", scale): 1.0 for scale in WIDE_SIMILARITY},
    **{("bm25", scale): WORD_WEIGHT for scale in WIDE_WORDS},
}
NOW = Form(weights={**OWN, **AROUND}, alone=ALONE, hop=HOP)
"""The shipped form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One choice."""

    name: str
    values: Mapping[str, Form]
    """By what is told of it; `NOW` is one of them."""


def _but(change: Weights) -> Form:
    """The shipped form with some weights changed."""
    return replace(NOW, weights={**NOW.weights, **change})


def _times(factor: float, chosen: Weights, measures: tuple[str, ...] = ("late", "cosine", "bm25", "cover")) -> Form:
    return _but({key: factor * weight for key, weight in chosen.items() if key[0] in measures})


def _late(measure: str) -> Form:
    return replace(NOW, weights={(measure if key[0] == "late" else key[0], key[1]): weight for key, weight in NOW.weights.items()})


def _same_everywhere(factor: float) -> Form:
    """Late attention, cosine and half of BM25 at four scales, with nothing for the share of words and for notes."""
    sums = {"late": 1.0, "cosine": 1.0, "bm25": WORD_WEIGHT}
    scales = {"sentence": 1.0, "near": factor, "passage": factor, "document": factor}
    return Form(weights={(measure, scale): w * by for scale, by in scales.items() for measure, w in sums.items()}, hop=HOP)


WORDS = ("bm25", "cover")
BARE_WEIGHTS = {("late", BARE): 1.0, ("cosine", BARE): 1.0, ("bm25", BARE): WORD_WEIGHT, ("cover", BARE): WORD_WEIGHT}

CONSTANTS = (
    Constant(
        name="weight of shared words",
        values={f"{WORD_WEIGHT}": NOW} | {f"{WORD_WEIGHT * by}": _times(by, NOW.weights, WORDS) for by in (0.0, 0.5, 2.0)},
    ),
    Constant(name="weight of the wider scales", values={"1": NOW} | {f"{by}": _times(by, AROUND) for by in (0.0, 0.5, 2.0)}),
    *(
        Constant(name=f"{measure}, {scale}", values={"with": NOW, "without": _but({(measure, scale): 0.0})})
        for measure, scale in (*AROUND, ("cover", "sentence"), ("bm25", "sentence"))
    ),
    Constant(name="the same sum at every scale", values={"no": NOW} | {f"wider x {by}": _same_everywhere(by) for by in (1.0, 0.67, 0.5)}),
    Constant(name="late attention", values={"with": NOW, "without": _times(0.0, NOW.weights, ("late",))}),
    Constant(name="its temperature", values={"0.1": NOW, "0.05": _late("late, T 0.05"), "0.2": _late("late, T 0.2")}),
    Constant(name="cosine", values={"with": NOW, "without": _times(0.0, NOW.weights, ("cosine",))}),
    Constant(
        name="weight of neighbours",
        values={"judged": NOW, "always": replace(NOW, neighbours="always"), "never": replace(NOW, neighbours="never")},
    ),
    Constant(
        name="gain of cosine where neighbours do not count", values={f"{ALONE}": NOW} | {f"{a}": replace(NOW, alone=a) for a in (0.0, 1.0)}
    ),
    Constant(name="second hop", values={f"{HOP}": NOW} | {f"{hop}": replace(NOW, hop=hop) for hop in (0.0, 0.2)}),
    Constant(name="expanded question", values={"0": NOW, "0.5": replace(NOW, feedback=0.5)}),
    Constant(name="heads", values={"with": NOW, "without": replace(NOW, weights={**AROUND, **BARE_WEIGHTS})}),
    *(
        Constant(name=f"gain of {lift}", values={"with": NOW, "without": replace(NOW, lifts=NOW.lifts - {lift})})
        for lift in (SIBLINGS, LABELS, SPEAKERS, FIGURES)
    ),
)


def forms() -> Iterator[tuple[str, str, Form]]:
    """Every constant, value and form."""
    for constant in CONSTANTS:
        for value, form in constant.values.items():
            yield constant.name, value, form
