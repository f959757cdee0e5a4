"""What a judge said of all answers: scores, preferences, and how far it agrees with itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean
from typing import Literal, NamedTuple

from attngs.learning.metrics import Estimate, estimate
from attngs.learning.rubric import QUALITIES, Unjudged

Side = Literal["full", "short"]
"""Which context an answer was written with."""
Preference = Literal["full", "short", "equal"]
"""Whose score is higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look of the judge at the two answers to a question."""

    first: Side
    """Whose answer stood first."""
    round: int
    scores: Mapping[str, Mapping[Side, int]] | Unjudged
    """By quality."""

    def preference(self, quality: str) -> Preference | None:
        """Whose answer is better; `None` where the judge did not say."""
        if isinstance(self.scores, Unjudged):
            return None
        full, short = self.scores[quality]["full"], self.scores[quality]["short"]
        return "equal" if full == short else "full" if full > short else "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedQuestion:
    """A question, its two answers, and all looks of the judge at them."""

    query: str
    answers: Mapping[Side, str]
    tokens: Mapping[Side, int]
    """Of the two contexts."""
    looks: tuple[Look, ...]

    @property
    def is_judged(self) -> bool:
        """Whether there are scores for both orders.

        With one alone, the place of an answer would count as its quality.
        """
        return {look.first for look in self.looks if not isinstance(look.scores, Unjudged)} == {"full", "short"}

    def score(self, quality: str, side: Side) -> float:
        """The mean over both orders, each of which counts the same."""
        found: dict[Side, list[int]] = {"full": [], "short": []}
        for look in self.looks:
            if not isinstance(look.scores, Unjudged):
                found[look.first].append(look.scores[quality][side])
        return fmean(map(fmean, found.values()))


class Unanswered(NamedTuple):
    """A question to which an answer is missing."""

    query: str
    reason: str


class Agreement(NamedTuple):
    """How often two looks at the same answers prefer the same."""

    pairs: int
    """Of looks; with 0 of them nothing is known."""
    equal: float | None
    """Share of the pairs."""
    kappa: float | None
    """Cohen's: 1 is agreement, 0 is chance; unknown where all looks prefer the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAnswers:
    """What the judge said of all questions."""

    marker: str
    target_tokens: int
    repeats: int
    questions: tuple[JudgedQuestion, ...]
    """Those that got two answers."""
    alike: int
    """Questions whose documents fit the budget, so that there was nothing to compare."""
    unanswered: tuple[Unanswered, ...]

    @property
    def judged(self) -> list[JudgedQuestion]:
        """The questions that count."""
        return [question for question in self.questions if question.is_judged]

    @property
    def unjudged_looks(self) -> int:
        """Replies of the judge without scores."""
        return sum(isinstance(look.scores, Unjudged) for question in self.questions for look in question.looks)

    def scores(self, quality: str) -> dict[str, Estimate]:
        """The mean score of `full` and `short`, and `short - full`, with 95 % intervals by question."""
        full, short = ([question.score(quality, side) for question in self.judged] for side in ("full", "short"))
        ahead = [mine - theirs for mine, theirs in zip(short, full, strict=True)]
        numbers = [str(number) for number in range(len(full))]
        return {name: estimate(values, numbers) for name, values in (("full", full), ("short", short), ("short - full", ahead))}

    def preferences(self, quality: str) -> dict[Preference, float]:
        """The share of looks by what they prefer."""
        found = [preferred for question in self.judged for look in question.looks if (preferred := look.preference(quality))]
        return {side: found.count(side) / len(found) for side in ("full", "equal", "short")}

    def agreement(self, quality: str) -> dict[str, Agreement]:
        """With the answers `swapped`, and `repeated` in the same order."""
        swapped, repeated = list[tuple[Look, Look]](), list[tuple[Look, Look]]()
        for question in self.questions:
            one, other = ([look for look in question.looks if look.first == first] for first in ("full", "short"))
            swapped += zip(one, other, strict=True)
            repeated += [*pairwise(one), *pairwise(other)]
        return {"swapped": _agreement(swapped, quality), "repeated": _agreement(repeated, quality)}

    def to_json(self) -> str:
        """Indented JSON with both answers to each question, and every look at them."""
        plain: dict[str, object] = {name: getattr(self, name) for name in ("marker", "target_tokens", "repeats", "alike")}
        plain |= {"judged": len(self.judged), "unjudged_looks": self.unjudged_looks}
        plain["qualities"] = {
            quality: {
                "scores": {
                    name: {end: round(value, 4) for end, value in one._asdict().items()} for name, one in self.scores(quality).items()
                },
                "preferences": {side: round(share, 4) for side, share in self.preferences(quality).items()},
                "agreement": {name: one._asdict() for name, one in self.agreement(quality).items()},
            }
            for quality in QUALITIES
        }
        plain["unanswered"] = [one._asdict() for one in self.unanswered]
        plain["questions"] = [asdict(question) for question in self.questions]
        return json.dumps(plain, indent=2, allow_nan=False)


def _agreement(pairs: Sequence[tuple[Look, Look]], quality: str) -> Agreement:
    """Over the pairs in which both looks hold scores."""
    known = [(one, other) for first, second in pairs if (one := first.preference(quality)) and (other := second.preference(quality))]
    if not known:
        return Agreement(0, None, None)
    from sklearn.metrics import cohen_kappa_score

    ones, others = zip(*known, strict=True)
    equal = fmean(one == other for one, other in known)
    return Agreement(len(known), equal, float(cohen_kappa_score(ones, others)) if len({*ones, *others}) > 1 else None)
