"""Labelled examples -> what an objective learns from: units, split by group, in contexts that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from attngs.errors import InputError
from attngs.learning.evaluation import LabelledUnits, label_units
from attngs.learning.labelled import LabelledExample
from attngs.learning.metrics import Labels
from attngs.learning.training.settings import ObjectiveName, TrainingSettings
from attngs.marking.cutting import Cutter
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.protocols import SentenceSplitter, TokenCounter
from attngs.reading.context_cache import ContextCache
from attngs.text.documents import as_documents
from attngs.types import Document, Sentence

FEWEST = 16
"""Usable examples below which nothing is trained; a few hundred are a good start."""

FEWEST_GROUPS = 4


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrainingExample:
    """A labelled example that is cut into units."""

    number: int
    """Its place in the data."""
    units: LabelledUnits
    """No unit is evidence where only the answer is known."""

    @property
    def row(self) -> LabelledExample:
        return self.units.example


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Examples to train on and to validate on; no group is in both."""

    training: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]
    left_out: int
    """How many examples lacked what the objective learns from."""


def prepare(
    rows: Sequence[LabelledExample],
    objective: ObjectiveName,
    settings: TrainingSettings,
    *,
    splitter: SentenceSplitter,
    counter: TokenCounter,
) -> Split:
    """Cut the examples that the objective can learn from, and split them by group.

    Raises:
        InputError: Too few examples have what the objective needs, or they are in too few groups.
    """
    cutter = Cutter(splitter, ContextCache(0))
    usable: list[TrainingExample] = []
    one_class = 0
    for number, row in enumerate(rows):
        if row.answer if objective != "evidence" else row.evidence:
            units = _cut(row, cutter, counter)
            if objective != "evidence" or not units.labels.all():
                usable.append(TrainingExample(number=number, units=units))
            else:
                one_class += 1
    _check_enough(len(usable), one_class, len(rows), objective)
    groups = sorted({example.row.group for example in usable})
    if len(groups) < FEWEST_GROUPS:
        raise InputError(
            f"the {len(usable)} usable examples are in {len(groups)} groups; training needs at least {FEWEST_GROUPS}, because those of one "
            "group are never split between training and validation. Examples that share the documents of their evidence are one group, "
            "unless they name a `group` themselves."
        )
    held = max(1, round(settings.validation * len(groups)))
    held_out = set(np.random.default_rng(settings.seed).permutation(groups)[:held].tolist())
    return Split(
        training=tuple(example for example in usable if example.row.group not in held_out),
        validation=tuple(example for example in usable if example.row.group in held_out),
        left_out=len(rows) - len(usable),
    )


def _cut(row: LabelledExample, cutter: Cutter, counter: TokenCounter) -> LabelledUnits:
    sentences = cutter.cut(as_documents(row.documents), "")
    if row.evidence:
        return label_units(row, sentences, counter)
    costs = np.array(counter.count([sentence.text.strip() for sentence in sentences]), dtype=np.int64)
    none = np.zeros(len(sentences))
    return LabelledUnits(example=row, sentences=sentences, costs=costs, hits=none, labels=none > 0)


def _check_enough(usable: int, one_class: int, rows: int, objective: ObjectiveName) -> None:
    needed = "`evidence` beside sentences that are none" if objective == "evidence" else "an `answer`"
    without = rows - usable - one_class
    why = [
        f"{without} have no {'evidence' if objective == 'evidence' else 'answer'}" if without else "",
        f"in {one_class} everything is evidence" if one_class else "",
    ]
    reasons = "; ".join(filter(None, why))
    if not usable:
        raise InputError(f"the objective `{objective}` learns from {needed}; none of the {rows} examples has it: {reasons}.")
    if usable < FEWEST:
        raise InputError(
            f"{usable} of {rows} examples have {needed}, which the objective `{objective}` learns from"
            f"{f' ({reasons})' if reasons else ''}; training needs at least {FEWEST}, and a few hundred for a marker that one can rely on."
        )


class Contexts:
    """Chooses which units of an example a step learns from: all if they fit, else evidence among others.

    Everything random comes from the seed, the step and the example, so a resumed run sees what it would have seen.

    Args:
        settings: Seed, tokens of a context, and the share of hard negatives.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self._hard: dict[int, list[int]] = {}  # by example

    def of(self, example: TrainingExample, step: int) -> tuple[tuple[Sentence, ...], Labels]:
        """The units and their labels `(S,)`, in reading order.

        A document that lost units consists of those that are left.
        """
        units = example.units
        if units.costs.sum() <= self._settings.max_tokens:
            return units.sentences, units.labels
        chosen = np.sort(self._choose(example, np.random.default_rng([self._settings.seed, step, example.number])))
        return _excerpt([units.sentences[i] for i in chosen]), units.labels[chosen]

    def _choose(self, example: TrainingExample, random: np.random.Generator) -> NDArray[np.int64]:
        costs, wanted = example.units.costs, np.flatnonzero(example.units.labels).tolist()
        chance = random.permutation(len(costs)).tolist()
        hard = self._hard_negatives(example)
        chosen, room = dict.fromkeys(wanted[:1]), self._settings.max_tokens - int(costs[wanted[:1]].sum())  # one piece in any case
        queues = {"evidence": wanted[::-1], "hard": hard[::-1], "chance": chance}
        while queues["evidence"] or (queues["hard"] and queues["chance"]):
            kind = "evidence" if queues["evidence"] else "hard" if random.random() < self._settings.hard_negatives else "chance"
            i = queues[kind].pop()
            if i not in chosen and (cost := int(costs[i])) <= room:
                chosen[i] = None
                room -= cost
        return np.array(list(chosen), dtype=np.int64)

    def _hard_negatives(self, example: TrainingExample) -> list[int]:
        """The units in the order of BM25: the first ones are easily taken for evidence.

        Where no evidence is known, the answer's words help to find it.
        """
        if example.number not in self._hard:
            row = example.row
            hint = row.query if example.units.labels.any() else f"{row.query} {row.answer or ''}"
            scores = np.asarray(LexicalScorer().score(hint, example.units.sentences))
            self._hard[example.number] = np.argsort(-scores, kind="stable").tolist()
        return self._hard[example.number]


def _excerpt(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    """Documents made of these units alone."""
    cut: list[Sentence] = []
    for position, (_, group) in enumerate(groupby(sentences, key=lambda sentence: sentence.position)):
        members = list(group)
        texts = [s.text if s.text[-1:].isspace() else f"{s.text} " for s in members]
        document = Document(text="".join(texts), id=members[0].document.id)
        borders = np.cumsum([0, *map(len, texts)]).tolist()
        cut += [Sentence(document=document, position=position, start=a, end=b) for a, b in pairwise(borders)]
    return tuple(cut)
