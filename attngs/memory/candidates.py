"""Stage one: of all units of a memory, those that the marker shall look at for a question.

The scorer guesses the score of every unit (`attngs.marking.scorers.survey`). The best units become candidates until they fill the room, in
the order in which a budget will be offered them, and each with its heads. Then come units like the very best of them, among which is what
became of a fact. Neighbours do not come along: they took the room of other units, and cost a tenth of the evidence in a chat of BEAM.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch.nn.functional import normalize

from attngs.marking.cover import spread
from attngs.marking.labels import GAIN as NAMED
from attngs.marking.scales import standardised
from attngs.memory.catalogue import Catalogue, Integers
from attngs.protocols import Floats

LIKE, EACH = 4, 6
"""Of the best, how many are looked for again by what they say, and how many units each brings."""
AMONG = 2_048
"""Among how many of the best these are looked for."""
KEPT_FREE = 0.1
"""Share of the room that is kept for these."""


def find_candidates(catalogue: Catalogue, guesses: Floats, named: Floats, room: int) -> Integers:
    """The numbers of units to look at, in reading order.

    Args:
        catalogue: All units.
        guesses: About the score of each `(S,)`.
        named: How much the question asks for the document of each `(S,)`.
        room: Tokens that the candidates may have together.
    """
    scores = standardised(guesses) + NAMED * named
    most = min(room, len(scores))  # each has a token or more
    best = np.sort(np.argpartition(-scores, most - 1)[:most])
    best = best[np.argsort(-scores[best], kind="stable")]
    order = best if catalogue.others is None else best[spread(scores[best], catalogue.others[best], catalogue.documents[best])]
    chosen = dict[int, None]()
    left = _fill(chosen, catalogue, order, int((1 - KEPT_FREE) * room))
    _fill(chosen, catalogue, _like(catalogue, best), left + room - int((1 - KEPT_FREE) * room))
    return np.sort(np.fromiter(chosen, dtype=np.int64))


def _like(catalogue: Catalogue, best: Integers) -> Integers:
    """Of the best units, those that say what the very best ones say, among them what became of it."""
    units, near = catalogue.units, best[:AMONG]
    if not units.vectors.shape[1]:
        return best[:0]
    states = units.vectors[near].float()  # (N, D)
    asked = normalize(states[:LIKE], dim=1)  # (L, D)
    alike = (states @ asked.T).T.numpy() / units.alone[near]  # (L, N); the unit itself is among the first
    return near[np.unique(np.argsort(-alike, axis=1, kind="stable")[:, : EACH + 1])]


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
