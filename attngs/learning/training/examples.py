"""Labelled rows -> examples that an objective can learn from, split by group, and the context of each that fits the memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from attngs.errors import InputError
from attngs.learning.evaluation import label_units
from attngs.learning.labelled import LabelledExample
from attngs.learning.training.settings import ObjectiveName, TrainingSettings
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.protocols import SentenceSplitter, TokenCounter
from attngs.text.documents import as_documents
from attngs.types import Document, Sentence

FEWEST = 16
"""Usable examples below which nothing is trained; a few hundred are a good start."""

FEWEST_GROUPS = 4


@dataclass(frozen=True, kw_only=True)
class TrainingExample:
    """A labelled row that is cut into units."""

    number: int
    row: LabelledExample
    sentences: tuple[Sentence, ...]
    costs: NDArray[np.int64]
    """Tokens of each unit `(S,)`."""
    labels: NDArray[np.bool_]
    """Which units are evidence `(S,)`; none where only the answer is known."""

    @cached_property
    def lexical(self) -> NDArray[np.float64]:
        """How easily each unit is taken for evidence `(S,)`: BM25. Where evidence is not known, the answer's words help to find it."""
        hint = self.row.query if self.labels.any() else f"{self.row.query} {self.row.answer or ''}"
        return np.asarray(LexicalScorer().score(hint, self.sentences))


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """No group is in both parts."""

    training: tuple[TrainingExample, ...]
    validation: tuple[TrainingExample, ...]
    left_out: int
    """Rows without what the objective learns from."""


def prepare(
    rows: Sequence[LabelledExample],
    objective: ObjectiveName,
    settings: TrainingSettings,
    *,
    splitter: SentenceSplitter,
    counter: TokenCounter,
) -> Split:
    """Cut, choose and split.

    Raises:
        InputError: Too few rows have what the objective needs, or all belong to one group.
    """
    usable: list[TrainingExample] = []
    one_class = 0
    for number, row in enumerate(rows):
        if row.answer if objective != "evidence" else row.evidence:
            example = _cut(number, row, splitter, counter)
            if objective != "evidence" or not example.labels.all():
                usable.append(example)
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


def _cut(number: int, row: LabelledExample, splitter: SentenceSplitter, counter: TokenCounter) -> TrainingExample:
    sentences = tuple(
        Sentence(document=document, position=position, start=span.start, end=span.end)
        for position, document in enumerate(as_documents(row.documents))
        for span in splitter(document.text)
    )
    if row.evidence:
        judged = label_units(row, sentences, counter)
        return TrainingExample(number=number, row=row, sentences=sentences, costs=judged.costs, labels=judged.labels)
    costs = np.array(counter.count([sentence.text.strip() for sentence in sentences]), dtype=np.int64)
    return TrainingExample(number=number, row=row, sentences=sentences, costs=costs, labels=np.zeros(len(sentences), dtype=np.bool_))


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


def context_of(
    example: TrainingExample, settings: TrainingSettings, random: np.random.Generator
) -> tuple[tuple[Sentence, ...], NDArray[np.bool_]]:
    """The units that are trained on and their labels `(S,)`, in reading order: all if they fit, else the evidence among others.

    A document of which units were left out is one whose text is what is left of it.
    """
    if example.costs.sum() <= settings.max_tokens:
        return example.sentences, example.labels
    chosen = np.sort(_choose(example, settings, random))
    return _excerpt([example.sentences[i] for i in chosen]), example.labels[chosen]


def _choose(example: TrainingExample, settings: TrainingSettings, random: np.random.Generator) -> NDArray[np.int64]:
    chance = random.permutation(len(example.sentences)).tolist()
    hard = np.argsort(-example.lexical, kind="stable").tolist()
    wanted = np.flatnonzero(example.labels).tolist()
    chosen, room = dict.fromkeys(wanted[:1]), settings.max_tokens - int(example.costs[wanted[:1]].sum())  # one piece in any case
    queues = {"evidence": wanted[::-1], "hard": hard[::-1], "chance": chance}
    while queues["evidence"] or (queues["hard"] and queues["chance"]):
        kind = "evidence" if queues["evidence"] else "hard" if random.random() < settings.hard_negatives else "chance"
        i = queues[kind].pop()
        if i not in chosen and (cost := int(example.costs[i])) <= room:
            chosen[i] = None
            room -= cost
    return np.array(list(chosen), dtype=np.int64)


def _excerpt(sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    cut: list[Sentence] = []
    for position, (_, group) in enumerate(groupby(sentences, key=lambda sentence: sentence.position)):
        members = list(group)
        texts = [s.text if s.text[-1:].isspace() else f"{s.text} " for s in members]
        document = Document(text="".join(texts), id=members[0].document.id)
        borders = np.cumsum([0, *map(len, texts)]).tolist()
        cut += [Sentence(document=document, position=position, start=a, end=b) for a, b in pairwise(borders)]
    return tuple(cut)
