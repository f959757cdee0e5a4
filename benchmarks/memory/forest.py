"""Whether a forest over a memory finds more of the evidence: documents -> sections -> units.

A document or section is described by its own heading, which all its units are scored with, and by its best units. A question goes down from
the best documents or sections, up from the best units to those of the same section, or takes whole small documents. Each of these ways
changes the scores of a look at everything, and the selector does the rest; so what is measured is the way alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngs import Marker
from attngs.compressor import ContextCompressor
from attngs.marking.scales import standardised
from attngs.protocols import Floats
from attngs.types import Marking
from benchmarks.memory.recall import Case, with_share

Groups = NDArray[np.int64]

FLAT = "flat"
WEIGHTS = (0.3, 0.6)
"""Of a parent's worth beside a unit's own."""
BEST = 3
"""Units that describe a parent."""
TOP = 10
"""Units from which a question goes up."""
BELOW = 1.0
"""By how many standard deviations the others of a section are worth less than its unit of the top."""
SMALL = 200
"""Tokens of a document that is taken as a whole, at most."""
RUN = 12
"""Units of a section, where there are no headings."""


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A marked context, and what stands above its units."""

    scores: Floats
    """Of each unit `(S,)`, standardised."""
    documents: Groups
    """The document of each `(S,)`."""
    sections: Groups
    """The section of each `(S,)`: the units below one heading, or a run of units."""
    sizes: Floats
    """Tokens of each document."""

    @classmethod
    def of(cls, marking: Marking, sizes: Sequence[int]) -> Forest:
        """The forest over a marking; `sizes` are the tokens of each document."""
        at = {(unit.position, unit.start): number for number, unit in enumerate(marking.sentences)}
        documents = np.array([unit.position for unit in marking.sentences], dtype=np.int64)
        sections = [
            max((at[unit.position, head.start] for head in unit.heads), default=-1 - len(at) * unit.position - number // RUN)
            for number, unit in enumerate(marking.sentences)
        ]
        scores = standardised(np.array(marking.scores, dtype=np.float64))
        return cls(scores, documents, np.unique(sections, return_inverse=True)[1], np.array(sizes, dtype=np.float64))

    def down(self, above: str, weight: float) -> Floats:
        """The scores with the worth of a unit's document or section: the mean of its best units."""
        groups = {"documents": self.documents, "sections": self.sections}[above]
        order = np.lexsort((-self.scores, groups))
        rank = np.arange(len(order)) - np.searchsorted(groups[order], groups[order])
        best = order[rank < BEST]
        worth = np.bincount(groups[best], self.scores[best]) / np.bincount(groups[best])
        return self.scores + weight * standardised(worth[groups])

    def up(self) -> Floats:
        """The scores, where the others of the best units' sections are worth nearly as much as these."""
        found = self.scores.copy()
        for unit in self._top():
            section = self.sections == self.sections[unit]
            found[section] = np.maximum(found[section], self.scores[unit] - BELOW)
        return found

    def whole(self) -> Floats:
        """The scores, where small documents of the best units come as a whole."""
        found = self.scores.copy()
        for unit in self._top():
            if self.sizes[self.documents[unit]] <= SMALL:
                document = self.documents == self.documents[unit]
                found[document] = np.maximum(found[document], self.scores[unit] - 1e-6)
        return found

    def _top(self) -> list[int]:
        order: list[int] = np.argsort(-self.scores, kind="stable")[:TOP].tolist()
        return order


WAYS: Mapping[str, Callable[[Forest], Floats]] = {
    FLAT: lambda forest: forest.scores,
    **{
        f"down from {name}, {weight}": partial(Forest.down, above=name, weight=weight)
        for name in ("documents", "sections")
        for weight in WEIGHTS
    },
    "up to the section": Forest.up,
    "whole small documents": Forest.whole,
}


def measure_ways(case: Case, marker: Marker, budgets: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What each way keeps of the evidence of a case's questions, one row for each question and budget."""
    compressor = ContextCompressor(marker)
    sizes = compressor.counter.count([document.text for document in case.documents])
    for asked in case.questions:
        marking = marker.mark(case.documents, asked.text, namespace=case.name)
        forest = Forest.of(marking, sizes)
        for shown, budget in with_share(budgets, sizes):
            kept = dict[str, float]()
            for name, way in WAYS.items():
                marked = replace(marking, scores=tuple(way(forest).tolist()))
                result = compressor.compress_marked(marked, target_tokens=budget, original_tokens=sum(sizes))
                kept[name] = round(asked.judged([(one.position, one.start, one.end) for one in result.kept]), 4)
            yield {"set": case.set, "case": case.name, "question": asked.id, "kind": asked.kind, "budget": shown, "kept": kept}
    marker.forget()
