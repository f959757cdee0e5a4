"""Baselines that read nothing: place, chance, and the right scores in the wrong places. A method must beat them to be worth anything."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from attngs.marking.algorithm import ranking
from attngs.protocols import Scorer
from attngs.types import Sentence


class TruncationScorer:
    """Falls from the first sentence to the last."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [1 - number / len(sentences) for number in range(len(sentences))]


class LeadScorer:
    """1, 1/2, 1/3, ... along each document, so that a budget takes the first sentence of all documents before any second one."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        seen = Counter[int]()
        scores = list[float]()
        for sentence in sentences:
            seen[sentence.position] += 1
            scores.append(1 / seen[sentence.position])
        return scores


class RecencyScorer:
    """Rises from the first sentence to the last; documents are taken in the order they were given, oldest first."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [(number + 1) / len(sentences) for number in range(len(sentences))]


class RandomScorer:
    """Uniform scores drawn from seed, question and place, so that the same request always gets the same ones."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        question = f"{self._seed}\0{query}".encode(errors="surrogatepass")
        return [
            int.from_bytes(hashlib.blake2b(number.to_bytes(8, "big"), key=hashlib.sha256(question).digest(), digest_size=6).digest(), "big")
            / 2**48
            for number in range(len(sentences))
        ]


class PermutedScorer:
    """The scores of another scorer, dealt out by chance; the same request is always dealt alike."""

    def __init__(self, scorer: Scorer, seed: int = 0) -> None:
        self._scorer = scorer
        self._chance = RandomScorer(seed)

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        scores = self._scorer.score(query, sentences)
        return [scores[i] for i in ranking(self._chance.score(query, sentences))]
