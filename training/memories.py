"""Items of the bank -> one person's memory with many questions about it, seeded.

A memory takes some items of one language. Of each, one wording of the fact goes in, most of its lures, and for facts that changed what
was true before. They are dealt out over notes in the order of time: what is outdated always stands before what replaced it. So the lures
and the facts of all other items are what a question has to be told apart from.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from attngs.learning.labelled import LabelledExample
from attngs.learning.metrics import Place
from attngs.types import Document
from training.bank import Item


@dataclass(slots=True)
class _Draft:
    """Notes that are being filled."""

    notes: list[list[str]]
    metadata: dict[str, object]
    places: dict[str, Place] = field(default_factory=dict[str, Place])

    def add(self, number: int, text: str) -> None:
        self.notes[number].append(text)

    def documents(self, prefix: str) -> tuple[Document, ...]:
        """The finished notes; from here on it is known where each text stands."""
        documents = []
        for number, texts in enumerate(self.notes):
            at = 0
            for text in texts:
                self.places[text] = (number, at, at + len(text))
                at += len(text) + 1
            joint = "\n" if any("\n" in text for text in texts) else " "
            documents.append(Document(text=joint.join(texts), id=f"{prefix}-{number}", metadata=self.metadata))
        return tuple(documents)


def memories(
    items: Sequence[Item], count: int, *, seed: int, facts: tuple[int, int] = (8, 32), questions: int = 2
) -> Iterator[list[LabelledExample]]:
    """Memories, each with its questions.

    Args:
        items: What to draw from.
        count: How many memories.
        seed: The same seed gives the same memories.
        facts: The least and most items of one memory.
        questions: Asked about each item.
    """
    chance = random.Random(seed)
    by_language: dict[str, list[Item]] = {}
    for item in items:
        by_language.setdefault(item.lang, []).append(item)
    languages = sorted(by_language)
    weights = [len(by_language[language]) for language in languages]
    for number in range(count):
        pool = by_language[chance.choices(languages, weights)[0]]
        size = min(len(pool), chance.randint(*facts))
        chosen = [item.filled(chance) for item in chance.sample(pool, size)]
        yield _memory(chosen, f"memory-{seed}-{number}", chance, questions)


def _memory(items: Sequence[Item], name: str, chance: random.Random, questions: int) -> list[LabelledExample]:
    draft = _Draft([[] for _ in range(max(2, len(items)))], {"lang": items[0].lang})
    told = [[chance.choice(group) for group in item.facts] for item in items]
    for item, facts in zip(items, told, strict=True):
        for fact in facts:
            at = chance.randrange(1, len(draft.notes))
            for old in item.outdated:
                draft.add(chance.randrange(at), old)
            draft.add(at, fact)
        for lure in item.lures:
            if chance.random() < 0.8:
                draft.add(chance.randrange(len(draft.notes)), lure)
    for note in draft.notes:
        chance.shuffle(note)
    draft.notes = [note for note in draft.notes if note]
    documents = draft.documents(name)
    return [
        LabelledExample(query=question, documents=documents, evidence=tuple(_key(draft, item, fact) for fact in facts), group=name)
        for item, facts in zip(items, told, strict=True)
        for question in chance.sample(item.questions, min(questions, len(item.questions)))
    ]


def _key(draft: _Draft, item: Item, fact: str) -> Place:
    number, start, _ = draft.places[fact]
    key = item.keys.get(fact, fact)
    start += fact.index(key)
    return number, start, start + len(key)
