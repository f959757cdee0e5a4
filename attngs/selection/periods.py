"""A memory's budget, shared over time: the latest session, turning points, and the long term.

A long memory comes in sessions, with gaps between them. It is cut at the largest gaps that are longer than the mean. The last session
is *recent*; of the others, what stands beside a cut is a *turning point*, and all the rest is *long-term*. Each of the three is offered
the budget in proportion to its share, its best units first; what one of them leaves flows on to the others.

The split of a history by its largest time gaps is that of SparseCTR (arXiv 2601.17836), which attends to the three kinds separately. Here
it decides only the order in which units are offered to a budget, so the budget stays hard, and no unit below the floor is kept.

It is off unless you ask for it. On BEAM's chats the best units of all sessions answer more questions than the best of each period do
(`python -m benchmarks.beam`), so it is for those who want the latest session to be there, whatever the scores say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

from attngs.checking.times import file_time, given_time, read_moment
from attngs.errors import ConfigError, check_weight, check_whole
from attngs.types import Document, Sentence

Period = Literal["recent", "long_term", "turning_points"]

EDGE = 2
"""Documents on each side of a cut that are turning points: in a chat, a message and its reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How the budget of a memory is shared over time.

    Args:
        recent: Weight of the last session.
        long_term: Weight of all other documents, those without a date too.
        turning_points: Weight of the documents beside a cut, without those of the last session.
        sessions: Into how many sessions a memory is cut at most.

    Raises:
        ConfigError: A weight is negative or infinite, all of them are 0, or there are fewer than two sessions.
    """

    recent: float = 0.4
    long_term: float = 0.4
    turning_points: float = 0.2
    sessions: int = 8

    def __post_init__(self) -> None:
        check_whole("sessions", self.sessions, 2)
        names = get_args(Period)
        weights = [check_weight(name, getattr(self, name)) for name in names]
        if not any(weights):
            raise ConfigError(f"{', '.join(f'`{name}`' for name in names)} are all 0; give one of them a weight.")

    def order(self, order: Sequence[int], sentences: Sequence[Sentence], wanted: Sequence[bool]) -> list[int]:
        """The units in the order in which they are offered, each period getting its share.

        Args:
            order: The units, best first.
            sentences: All units `(S,)`.
            wanted: Whether each may be kept for its own sake `(S,)`; the others use up no share.
        """
        periods = _periods({sentence.position: sentence.document for sentence in sentences}, self.sessions)
        if not periods:
            return [*order]
        waiting: dict[Period, list[int]] = {period: [] for period in get_args(Period)}
        for i in reversed(order):
            waiting[periods[sentences[i].position]].append(i)
        used = dict.fromkeys(waiting, 0.0)
        offered = list[int]()
        while left := [period for period, units in waiting.items() if units]:
            period = min(left, key=lambda each: (not getattr(self, each), used[each]))
            i = waiting[period].pop()
            offered.append(i)
            if wanted[i]:
                used[period] += len(sentences[i].text) / (getattr(self, period) or 1)
        return offered


def _periods(documents: dict[int, Document], sessions: int) -> dict[int, Period]:
    """The period of each document, by position; nothing where no gap between two times stands out."""
    times = {
        position: moment.at
        for position, document in documents.items()
        if (moment := read_moment(given_time(document.metadata)) or read_moment(file_time(document.metadata)))
    }
    dated = sorted(times, key=lambda position: (times[position], position))
    gaps = [times[after] - times[before] for before, after in pairwise(dated)]
    cuts = [number for number, gap in enumerate(gaps, start=1) if gap * len(gaps) > times[dated[-1]] - times[dated[0]]]
    cuts = sorted(sorted(cuts, key=lambda number: (-gaps[number - 1], -number))[: sessions - 1])
    if not cuts:
        return {}
    periods: dict[int, Period] = dict.fromkeys(documents, "long_term")
    periods |= {position: "turning_points" for cut in cuts for position in dated[max(0, cut - EDGE) : cut + EDGE]}
    periods |= dict.fromkeys(dated[cuts[-1] :], "recent")
    return periods
