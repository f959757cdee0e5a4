"""Stage one: of all units of a memory, those that the marker shall look at for a question.

The scorer guesses the score of every unit (`attngs.marking.scorers.survey`). The best units become candidates until they fill the room, in
the order in which a budget will be offered them, and each with its heads. Then come units like the very best of them, among which is what
became of a fact. Neighbours do not come along: they took the room of other units, and cost a tenth of the evidence in a chat of BEAM.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from attngs.marking.cover import spread
from attngs.marking.labels import GAIN as NAMED
from attngs.memory.catalogue import Catalogue, Integers
from attngs.protocols import Floats

LIKE, EACH = 4, 6
"""Of the best, how many are looked for again by what they say, and how many units each brings."""
KEPT_FREE = 0.1
"""Share of the room that is kept for these."""


def find_candidates(catalogue: Catalogue, query: str, guesses: Floats, room: int) -> Integers:
    """The numbers of units to look at, in reading order.

    Args:
        catalogue: All units.
        query: The question.
        guesses: About the score of each `(S,)`.
        room: Tokens that the candidates may have together.
    """
    named = catalogue.labels.asked_for(query)  # (N,)
    scores = guesses + NAMED * float(guesses.std()) * named[catalogue.documents] if named.min() < named.max() else guesses
    best = np.argsort(-scores, kind="stable")
    order = best if catalogue.others is None else spread(scores, catalogue.others, catalogue.documents)
    chosen = dict[int, None]()
    left = _fill(chosen, catalogue, order, int((1 - KEPT_FREE) * room))
    _fill(chosen, catalogue, _like(catalogue, best[:LIKE]), left + room - int((1 - KEPT_FREE) * room))
    return np.sort(np.fromiter(chosen, dtype=np.int64))


def _like(catalogue: Catalogue, best: Integers) -> Integers:
    """Units that say what the best ones say, among them what became of it."""
    units = catalogue.units
    if not units.vectors.shape[1]:
        return best[:0]
    found = list[Integers]()
    for unit in best.tolist():
        own = units.vectors[unit].float()
        alike = (units.vectors @ (own / own.norm().clamp(min=1e-6)).half()).float().numpy() / units.alone  # (S,)
        most = np.argpartition(-alike, min(EACH, len(alike) - 1))[: EACH + 1]  # the unit itself is among them
        found.append(most[np.argsort(-alike[most], kind="stable")])
    return np.unique(np.concatenate(found)) if found else best[:0]


def _fill(chosen: dict[int, None], catalogue: Catalogue, units: Integers, room: int) -> int:
    """Choose units with what they come with until there is no room, and return what is left of it."""
    for unit in units.tolist():
        if room <= 0:
            break
        for number in _with_heads(catalogue, unit):
            if number not in chosen:
                chosen[number] = None
                room -= int(catalogue.units.sizes[number])
    return room


def _with_heads(catalogue: Catalogue, unit: int) -> Iterable[int]:
    """A unit with its heads."""
    first = int(catalogue.layout.first[unit])
    row = catalogue.rows[int(np.searchsorted(catalogue.starts, unit, side="right")) - 1]
    return [unit, *(first + head for head in row.units[unit - first].heads)]
