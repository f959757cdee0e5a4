"""The bank is what its page says, and memories made of it say where their evidence is."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from training.bank import HELD_OUT, Item, load_bank
from training.memories import memories
from training.pools import anchors, pools

ITEMS = load_bank()


def test_every_item_is_whole() -> None:
    assert len(ITEMS) > 1_700
    assert len({item.id for item in ITEMS}) == len(ITEMS)
    assert {item.lang for item in ITEMS} >= {"en", "es", "fr", "de", "it", "pt", "zh"}
    for item in ITEMS:
        truths, wordings = {"hop": ((2,), 3), "recall": ((2, 3), 1)}.get(item.kind, ((1,), 3))
        assert len(item.facts) in truths
        assert all(len(group) == wordings for group in item.facts)
        assert len(item.questions) == 4
        assert len(item.lures) >= 3
        assert all(key in fact for fact, key in item.keys.items())
        assert bool(item.keys) == (item.kind == "chat")
        assert item.outdated or item.kind != "change"


def test_slots_get_one_value_in_an_item() -> None:
    item = next(item for item in ITEMS if any("{person1}" in text for text in (*item.lures, *item.questions)))
    filled = item.filled(random.Random(3))
    assert filled == item.filled(random.Random(3))
    assert not any("{" in text for text in (*filled.facts[0], *filled.questions, *filled.lures, *filled.outdated))


def test_evidence_stands_where_it_is_said_and_after_what_it_replaced() -> None:
    changes = [item for item in ITEMS if item.kind in ("change", "chat", "hop") and item.lang == "en"]
    known: dict[str, Item] = {question: item for item in changes for question in item.questions if "{" not in "".join(item.questions)}
    seen = 0
    for memory in memories(changes, 10, seed=1):
        texts = [document.text for document in memory[0].documents]
        for example in memory:
            item = known.get(example.query)
            if item is None or any("{" in text for group in item.facts for text in group):
                continue
            seen += 1
            told = [texts[number][start:end] for number, start, end in example.evidence]
            assert len(told) == len(item.facts)
            for text, group in zip(told, item.facts, strict=True):
                assert text in group or text in item.keys.values()
            for old in item.outdated:
                if "{" not in old:
                    assert max(number for number, text in enumerate(texts) if old in text) < min(n for n, _, _ in example.evidence)
    assert seen > 50


def test_the_same_seed_gives_the_same_memories() -> None:
    first, again, other = (list(memories(ITEMS, 3, seed=seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_a_pool_knows_which_sentences_answer_which_question() -> None:
    trained = [item for item in ITEMS if item.topic not in HELD_OUT]
    for pool in islice(pools(trained, seed=1, facts=(4, 8)), 20):
        assert pool.labels.shape == (len(pool.questions), len(pool.sentences))
        assert pool.labels.any(dim=1).all()
        assert pool.labels.mean() < 0.5


@pytest.mark.parametrize("language", ["en", "es", "zh"])
def test_anchors_hold_talk_in_every_language(language: str) -> None:
    found = anchors([item for item in ITEMS if item.lang == language], random.Random(0))
    assert set(found) == {language}
    assert all(text.strip() and "{person1}" not in text for text in found[language])
