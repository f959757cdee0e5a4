"""A memory and its questions -> one pool of sentences that all its questions are asked of.

What is evidence for one question is a distractor for the others, so that one pass over the pool serves some forty questions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from attngs.learning.labelled import LabelledExample
from attngs.learning.metrics import shared
from attngs.text.sentences import Splitter
from training.bank import Item
from training.memories import memories

_SPLIT = Splitter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Sentences, questions, and what belongs together."""

    language: str
    sentences: tuple[str, ...]
    questions: tuple[str, ...]
    labels: Tensor
    """`(Q, S)`: 1 where the sentence is evidence for the question, 0 elsewhere."""


def pools(items: Sequence[Item], *, seed: int, facts: tuple[int, int]) -> Iterator[Pool]:
    """An endless stream of pools, the same for the same seed."""
    while True:
        yield from map(_pool, memories(items, 50, seed=seed, facts=facts))
        seed += 1


def _pool(memory: Sequence[LabelledExample]) -> Pool:
    documents = memory[0].documents
    spans = [
        (number, span.start, span.end)
        for number, document in enumerate(documents)
        for span in _SPLIT(document.text)
        if document.text[span.start : span.end].strip()
    ]
    share = [[sum(shared(span, place) for place in example.evidence) / (span[2] - span[1]) for span in spans] for example in memory]
    labels = np.array(share) > 0.3
    asked = [example.query for example, row in zip(memory, labels, strict=True) if row.any()]
    return Pool(
        language=str(documents[0].metadata["lang"]),
        sentences=tuple(documents[number].text[start:end].strip() for number, start, end in spans),
        questions=tuple(asked),
        labels=torch.from_numpy(labels[labels.any(axis=1)]).float(),
    )


def anchors(items: Sequence[Item], chance: random.Random) -> dict[str, list[str]]:
    """By language: snatches of talk about one topic, with no answer anywhere.

    What the untrained encoder finds near to them is what it should go on finding, or training on questions would cost it the rest of what
    it knows: without them, questions that are whole conversations lost a third of their evidence.
    """
    by_topic: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        by_topic.setdefault((item.lang, item.topic), []).append(item)
    found: dict[str, list[str]] = {}
    for (language, _), members in by_topic.items():
        filled = [item.filled(chance) for item in members]
        for _ in range(2 * len(filled)):
            source = chance.sample(filled, min(len(filled), chance.choice((1, 1, 2))))
            texts = [text for item in source for text in (*(fact for group in item.facts for fact in group), *item.lures, *item.questions)]
            found.setdefault(language, []).append(_talk(chance.sample(texts, chance.choice((2, 3, 4, 5))), chance))
    return found


def _talk(texts: Sequence[str], chance: random.Random) -> str:
    name = chance.choice(("Ana", "Tom", "User", "Kim", "Lena"))
    form = chance.choice(("{text}", "{speaker}: {text}", '<{speaker}>: "{text}"'))
    lines = (form.format(speaker="Assistant" if turn % 2 else name, text=text) for turn, text in enumerate(texts))
    return chance.choice(("\n", " ")).join(lines)
