"""One budget for all that a prompt is given: who gets how many tokens of it.

Each part gets the same multiple of its share, but never less than its minimum and never more than it wants. So what one part leaves flows
on to the others in proportion to their shares, and nothing is left over while a part still wants more.

In an agent the parts come one after the other, turn by turn, so each gets a ceiling ahead of time (`Rations`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeVar, get_args

from attngs.errors import ConfigError, check_kind, check_weight, check_whole
from attngs.protocols import TokenCounter
from attngs.selection.periods import Periods

ContextPart = Literal["profile", "memory", "history", "tool_results", "documents"]
PARTS: tuple[ContextPart, ...] = get_args(ContextPart)
"""What a context is made of, in the order in which a reader is shown it."""

LEAST_RATION = 32
"""Tokens. A new tool result that would get fewer has the others made shorter."""

Checked = TypeVar("Checked")


def _default_shares() -> Mapping[str, float]:
    return {"profile": 0.1, "memory": 0.2, "history": 0.25, "tool_results": 0.15, "documents": 0.3}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextBudget:
    """How many tokens a whole context may have, and how its parts share them.

    The parts are `profile`, `memory`, `history`, `tool_results` and `documents`.

    ```python
    budget = ContextBudget(target_tokens=2_000, shares={"memory": 1, "documents": 3}, minimums={"profile": 100})
    ```

    Args:
        target_tokens: Hard limit on all parts together.
        shares: By part, its weight among the others; weights need not sum to 1. A part that is not named gets its minimum, and then what
            all others leave.
        minimums: By part, the tokens that it gets in any case, if it wants them.
        periods: How the memory's tokens are shared between its latest session, the long term and turning points; `None`: by worth alone.

    Raises:
        ConfigError: A part has an unknown name, a share is negative or infinite, or the minimums are more than the budget.
    """

    target_tokens: int
    shares: Mapping[str, float] = field(default_factory=_default_shares)
    minimums: Mapping[str, int] = field(default_factory=dict[str, int])
    periods: Periods | None = None

    def __post_init__(self) -> None:
        check_whole("target_tokens", self.target_tokens)
        object.__setattr__(self, "shares", _by_part("shares", self.shares, check_weight))
        object.__setattr__(self, "minimums", _by_part("minimums", self.minimums, _check_tokens))
        if self.periods is not None:
            check_kind(self.periods, "periods", Periods)
        if (least := sum(self.minimums.values())) > self.target_tokens:
            raise ConfigError(
                f"`minimums` are {least} tokens together, and `target_tokens` is {self.target_tokens}; lower them, or raise it."
            )

    def allocate(self, wanted: Mapping[str, int] | Mapping[ContextPart, int]) -> dict[ContextPart, int]:
        """How many tokens each part may have: at most what it wants, and all together at most the budget.

        Args:
            wanted: By part, the tokens that all of it would take.

        Raises:
            ConfigError: A part has an unknown name, or wants less than nothing.
        """
        wants = _by_part("wanted", wanted, _check_tokens)
        given = {part: min(want, self.minimums.get(part, 0)) for part, want in wants.items()}
        weights = {part: Fraction(self.shares[part]) for part in wants if self.shares.get(part)}
        for group in (weights, dict.fromkeys(wants.keys() - weights.keys(), Fraction(1))):
            others = sum(tokens for part, tokens in given.items() if part not in group)
            given |= _divided(self.target_tokens - others, group, given, wants)
        return given

    def ceilings(self, *parts: ContextPart) -> dict[ContextPart, int]:
        """How many tokens each of these parts may have if all want as much as they can get.

        The other parts want none, and leave their shares to these.

        Raises:
            ConfigError: A part has an unknown name, or would get nothing.
        """
        found = self.allocate(dict.fromkeys(parts, self.target_tokens))
        if (none := next((part for part, tokens in found.items() if not tokens), None)) is not None:
            raise ConfigError(f"the budget leaves no tokens for `{none}`; give it a share or a minimum, or leave it out.")
        return found


@dataclass(frozen=True, slots=True)
class Rations:
    """The ceilings of an agent's parts, and what each new text may have under them.

    A ceiling counts tags and notes too. It is the same in every turn, so that what was placed once can stay as it is. Tool results share
    theirs: each new one gets at most half of what is left. When that is next to nothing, all of them are made short again, to half of the
    ceiling together: rarely and deep, because a provider's cache is lost whenever an earlier text changes.

    Args:
        ceilings: In tokens, by part. A part without one is not limited.

    Raises:
        ConfigError: While running: what stands round a text leaves no room for it.
    """

    ceilings: Mapping[ContextPart, int] = field(default_factory=dict[ContextPart, int])

    @classmethod
    def of(cls, budget: ContextBudget | None, *parts: ContextPart) -> Rations:
        """The ceilings of an agent that has these parts.

        Raises:
            ConfigError: The budget leaves nothing for one of them.
        """
        return cls(budget.ceilings(*parts)) if budget else cls()

    def room(self, part: ContextPart, own: int | None, default: int, around: str, counter: TokenCounter, *, texts: int = 1) -> int:
        """How many tokens a text of a part may have.

        Args:
            part: Which part.
            own: The limit that the part has of its own.
            default: Its limit where it has none of its own, and there is no ceiling.
            around: All that is shown of the part if its text is `x`.
            counter: Whose tokens these are.
            texts: How many texts of this size must fit under the ceiling.
        """
        if part not in self.ceilings:
            return own or default
        ceiling = self.ceilings[part] // texts
        frame = counter.count([around])[0]
        if frame >= ceiling:
            raise ConfigError(
                f"`{part}` may have {ceiling} tokens of the budget at a time, and {frame} stand round it; raise its share, or give it a "
                "minimum."
            )
        return min(own or ceiling, ceiling - frame)

    def hold(self, part: ContextPart, texts: Sequence[str], counter: TokenCounter) -> bool:
        """Whether all texts that are shown of a part are under its ceiling."""
        return part not in self.ceilings or sum(counter.count(texts)) <= self.ceilings[part]

    def results(self, new: Mapping[int, int], held: Mapping[int, int]) -> dict[int, int]:
        """How many tokens each tool result may have that is made short now.

        These are the new ones, and all others too where too little is left. Together they stay under the ceiling, as long as there are no
        more results than it has tokens.

        Args:
            new: By number of a message, the tokens that its rule allows it.
            held: By number, the tokens of results that are short already.
        """
        ceiling = self.ceilings.get("tool_results")
        if ceiling is None or not new:
            return dict(new)
        ration = (ceiling - sum(held.values())) // (2 * len(new))
        if ration >= min(LEAST_RATION, max(new.values())):
            return {number: min(tokens, ration) for number, tokens in new.items()}
        ration = max(1, ceiling // (2 * (len(new) + len(held))))
        shorter = {number: ration for number, tokens in held.items() if tokens > ration}
        return shorter | {number: min(tokens, ration) for number, tokens in new.items()}


def _divided(
    room: int, weights: Mapping[ContextPart, Fraction], least: Mapping[ContextPart, int], most: Mapping[ContextPart, int]
) -> dict[ContextPart, int]:
    """Tokens in proportion to weights, but for each part at least and at most so many.

    Args:
        room: Tokens to divide; no less than all of `least`.
        weights: By part; above 0.
        least: By part.
        most: By part; no less than `least`.
    """

    def at(level: Fraction) -> dict[ContextPart, Fraction]:
        return {part: min(max(level * weight, Fraction(least[part])), Fraction(most[part])) for part, weight in weights.items()}

    bends = sorted({Fraction(bound[part]) / weight for part, weight in weights.items() for bound in (least, most)})
    level = max((bend for bend in bends if sum(at(bend).values()) <= room), default=Fraction(0))
    rising = [weight for part, weight in weights.items() if Fraction(least[part]) <= level * weight < most[part]]
    if rising:
        level += (room - sum(at(level).values())) / sum(rising, Fraction(0))
    exact = at(level)
    given = {part: math.floor(tokens) for part, tokens in exact.items()}
    left = min(room, math.floor(sum(exact.values()))) - sum(given.values())
    for part in sorted(given, key=lambda part: (given[part] - exact[part], PARTS.index(part)))[:left]:
        given[part] += 1
    return given


def _by_part(name: str, given: object, check: Callable[[str, object], Checked]) -> dict[ContextPart, Checked]:
    """The values by part, checked, in the order of `PARTS`.

    Raises:
        ConfigError: It is no mapping, or holds a part or value that cannot be.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f"`{name}` must be a mapping such as {{'memory': 1}}, got {given!r}.")
    if (unknown := next((part for part in given if part not in PARTS), None)) is not None:
        raise ConfigError(f"`{name}` names {unknown!r}; the parts of a context are {', '.join(PARTS)}.")
    return {part: check(f"{name}[{part!r}]", given[part]) for part in PARTS if part in given}


def _check_tokens(name: str, value: object) -> int:
    return check_whole(name, value, 0)
