"""Which sentences of the context a sentence of the reply comes from: the few that together hold its words, rare words first."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from attngs.checking.language.languages import Language
from attngs.checking.language.tokens import word_value
from attngs.checking.language.wording import term
from attngs.text.words import words

MOST_LINKS = 4
"""Sentences that one sentence of the reply can be linked to, their twins aside."""
_MOST_TWINS = 16  # that say the same as one of them, word for word
_TOUCHED = 1_000  # sentences that one question looks at by its rarest words; those it has in common with all tell nothing
_CANDIDATES = 50  # sentences among which the few are chosen
_GAIN = 0.08  # share of the reply's weight that a further sentence must bring
_SIMILAR = 0.5  # weight of the cosine beside the words

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


def terms(text: str, language: Language | None) -> list[str]:
    """What a text is looked up by: stems, numbers as `#5`, months as the number that figures give them, characters of unspaced scripts."""
    found = list[str]()
    for word in _WORD.findall(text.lower().replace("’", "'")):
        if word.isdigit():
            found.append(f"#{word.lstrip('0') or 0}" if len(word) < 5 else f"#{word}")
        elif not word.isascii() and len(pieces := words(word)) > 1:
            found += pieces
        elif language and (month := language.months.get(word)):
            found.append(f"#{month}")
        elif language and (value := word_value(word, language))[0] is not None and not value[2]:
            found.append(f"#{value[0]}")
        elif not language or word not in language.function_words:
            found.append(term(word, language).stem)
    return found


@dataclass(frozen=True, slots=True)
class Links:
    """What one sentence of the reply is linked to."""

    sentences: tuple[int, ...]
    """Best first."""
    candidates: tuple[int, ...]
    """All that were looked at closely, best first."""
    cover: float
    """Share of the weight of its words that they hold, 0 to 1."""


@dataclass(slots=True)
class Aligner:
    """The words of the sentences that may be linked to.

    Args:
        bags: Terms of each sentence that may be linked to, by its index.
        texts: The text of every sentence: which of those that say the same a reply means, only what stands round them can tell.
        documents: The document of every sentence.
    """

    bags: Mapping[int, Sequence[str]]
    texts: Sequence[str]
    documents: Sequence[int]
    _postings: dict[str, list[int]] = field(init=False, default_factory=dict)
    _sets: dict[int, frozenset[str]] = field(init=False, default_factory=dict)
    _twins: dict[str, list[int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for number, bag in self.bags.items():
            self._sets[number] = frozenset(bag)
            self._twins.setdefault(_plain(self.texts[number]), []).append(number)
            for word in self._sets[number]:
                self._postings.setdefault(word, []).append(number)

    def weight(self, word: str) -> float:
        """How much a word tells: more, the fewer sentences have it."""
        return 0.3 + math.log1p(len(self.bags) / (1 + len(self._postings.get(word, ()))))

    def link(self, asked: Sequence[str], similar: Mapping[int, float] | None = None) -> Links:
        """The sentences that hold the asked terms: the best one, then those that hold what is left.

        Args:
            asked: Terms of a sentence of the reply.
            similar: Cosine of some sentences with it.
        """
        weights = {word: self.weight(word) for word in asked}
        total = sum(weights.values())
        held: dict[int, float] = {}
        touched = 0
        for word in sorted(weights, key=lambda word: len(self._postings.get(word, ()))):
            postings: Collection[int] = self._postings.get(word, ())
            if touched + len(postings) > _TOUCHED and held:  # it tells little, and of the sentences found already at most
                postings = [number for number in held if word in self._sets[number]]
            touched += len(postings)
            for number in postings:
                held[number] = held.get(number, 0.0) + weights[word]
        scores = {number: weight / total for number, weight in held.items()} if total else {}
        for number, cosine in (similar or {}).items():
            if cosine > 0.3 and number in self._sets:
                scores[number] = scores.get(number, 0.0) + _SIMILAR * cosine
        return self._cover(weights, scores, total)

    def _cover(self, weights: Mapping[str, float], scores: Mapping[int, float], total: float) -> Links:
        left = dict(weights)
        ranked = heapq.nsmallest(_CANDIDATES, scores, key=lambda number: (-scores[number], number))
        candidates = tuple(ranked)
        chosen = list[int]()
        while ranked and len(chosen) < MOST_LINKS:
            gains = {number: sum(left.get(word, 0.0) for word in self._sets[number] & left.keys()) / (total or 1) for number in ranked}
            best = max(ranked, key=lambda number: (gains[number] + (0.5 if chosen else 1.0) * scores[number], -number))
            if chosen and gains[best] < _GAIN:
                break
            known = {self.documents[number] for number in chosen}
            if chosen and self.documents[best] not in known and all(word[0] == "#" for word in self._sets[best] & weights.keys()):
                ranked.remove(best)  # a number alone is a coincidence
                continue
            chosen.append(best)
            ranked.remove(best)
            for word in self._sets[best] & left.keys():
                del left[word]
        return Links(self.with_twins(chosen), candidates, 1 - sum(left.values()) / total if total else 0.0)

    def with_twins(self, chosen: Sequence[int]) -> tuple[int, ...]:
        """The chosen ones, then those that say the same as one of them: the nearest to any, where there are many."""
        twins = list[int]()
        for number in chosen:
            others = (twin for twin in self._twins[_plain(self.texts[number])] if twin not in chosen)
            twins += heapq.nsmallest(_MOST_TWINS, others, key=lambda twin: (min(abs(twin - other) for other in chosen), twin))
        return (*chosen, *dict.fromkeys(twins))


def _plain(text: str) -> str:
    return " ".join(text.split())
