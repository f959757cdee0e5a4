"""What an agent's memory, earlier conversation and tool results may have of one budget.

Each has its ceiling, tags and notes included, which is the same in every turn, so that what was placed once can stay as it is. Results of
tools share theirs: each new one gets at most half of what is left. When that is next to nothing, all of them are made short again, to half
of the ceiling together: rarely and deep, because a provider's cache is lost whenever an earlier text changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from attngs.errors import ConfigError
from attngs.hosts.budget import ContextBudget, ContextPart
from attngs.protocols import TokenCounter

LEAST_RATION = 32
"""Tokens. A new tool result that would get fewer has the others made shorter."""


@dataclass(frozen=True, slots=True)
class Rations:
    """The ceilings of an agent's parts.

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
        """How many tokens the tool results may have that are made short now.

        These are the new ones, and all others too where too little is left.

        They stay under the ceiling as long as there are no more results than it has tokens.

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
