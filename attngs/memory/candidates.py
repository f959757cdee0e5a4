"""Stage one: of all units of a memory, those that the marker shall look at for a question.

Every unit gets an estimate of its score: what the encoder's score is made of (`marking/scorers/encoder.py`), but for late attention, which
needs the state of every token. Similarity stands in for it. The best units become candidates until they fill the room, each with its heads.
Then come units like the very best of them, among which is what became of a fact. Neighbours do not come along: they took the room of other
units, and cost a tenth of the evidence in a chat of BEAM.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from attngs.marking.heads import HEAD_WEIGHT
from attngs.marking.labels import GAIN as NAMED
from attngs.marking.scales import SCALES, standardised
from attngs.marking.scorers.lexical import K1, B
from attngs.memory.catalogue import Catalogue, Integers
from attngs.memory.reading import numbered
from attngs.protocols import Floats
from attngs.text.words import words
from attngs.types import Whole

WORDS = 0.5
"""Weight of words beside similarity."""
PASSAGE = 1.0
"""Weight of the passage round a unit, in similarity and in words."""
LIKE, EACH = 4, 6
"""Of the best, how many are looked for again by what they say, and how many units each brings."""
KEPT_FREE = 0.1
"""Share of the room that is kept for these."""


def find_candidates(catalogue: Catalogue, questions: Sequence[tuple[str, NDArray[np.float32]]], room: int) -> Integers:
    """The numbers of units to look at, in reading order.

    Args:
        catalogue: All units.
        questions: The texts that a question is scored by, each with its vector.
        room: Tokens that the candidates may have together.
    """
    if int(catalogue.units.sizes.sum()) <= room:
        return np.arange(len(catalogue))
    estimates = np.max([estimate(catalogue, text, vector) for text, vector in questions], axis=0)
    best = np.argsort(-estimates, kind="stable")
    chosen = dict[int, None]()
    left = _fill(chosen, catalogue, best, int((1 - KEPT_FREE) * room))
    _fill(chosen, catalogue, _like(catalogue, best[:LIKE]), left + room - int((1 - KEPT_FREE) * room))
    return np.sort(np.fromiter(chosen, dtype=np.int64))


def whole_of(catalogue: Catalogue, texts: Sequence[str]) -> Whole:
    """What the candidates are part of, for the texts that a question is scored by."""
    bag = dict.fromkeys(word for text in texts for word in words(text))
    having = {word: len(catalogue.words.of(number)[0]) for word, number in zip(bag, numbered([*bag]).tolist(), strict=True)}
    return Whole(units=len(catalogue), having=having)


def estimate(catalogue: Catalogue, text: str, vector: NDArray[np.float32]) -> Floats:
    """About the score of each unit `(S,)`, with what it gains where the question names its document."""
    found = WORDS * _shared_words(catalogue, text)
    if catalogue.units.vectors.shape[1] and len(vector):
        found += _similarity(catalogue, vector)
    named = catalogue.labels.asked_for(text)  # (N,)
    if named.min() < named.max():
        found += NAMED * float(found.std()) * np.repeat(named, np.diff(catalogue.starts))
    return found


def _similarity(catalogue: Catalogue, vector: NDArray[np.float32]) -> Floats:
    """Similarity of each unit and of the passage round it `(S,)`."""
    units, layout = catalogue.units, catalogue.layout
    direction = torch.from_numpy(vector / max(float(np.linalg.norm(vector)), 1e-9)).half()
    products = (units.vectors @ direction).double().numpy()  # (S,)
    own = products.copy()
    np.add.at(own, units.heads[:, 0], HEAD_WEIGHT * products[units.heads[:, 1]])
    around = layout.total(products, SCALES["passage"])
    return 2 * standardised(own / units.alone) + PASSAGE * standardised(around / units.around)


def _shared_words(catalogue: Catalogue, text: str) -> Floats:
    """The words that each unit, and the passage round it, shares with the question `(S,)`.

    BM25 of both, and the share of the question's words that the unit has.
    """
    size, lengths = len(catalogue), catalogue.units.lengths
    bm25, cover = np.zeros(size), np.zeros(size)
    held_back = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9))
    for word in dict.fromkeys(numbered(words(text)).tolist()):
        having, counts = catalogue.words.of(word)
        rarity = np.log1p((size - len(having) + 0.5) / (len(having) + 0.5))
        bm25[having] += rarity * counts * (K1 + 1) / (counts + held_back[having])
        cover[having] += rarity
    for values in (bm25, cover):
        heads = catalogue.units.heads
        np.add.at(values, heads[:, 0], HEAD_WEIGHT * values[heads[:, 1]])
    around = catalogue.layout.total(bm25, SCALES["passage"])
    return standardised(bm25) + standardised(cover) + PASSAGE * standardised(around)


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
