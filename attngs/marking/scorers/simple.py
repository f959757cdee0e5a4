"""Baselines that read nothing: place, chance, and scores in the wrong places. Methods must beat them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from attngs.marking.algorithm import ranking
from attngs.marking.scorers.batch import BatchedScorer, Composite, Scores, score_batch
from attngs.protocols import Scorer
from attngs.types import ScoreRequest, Sentence


class TruncationScorer:
    """Scores fall from the first sentence to the last."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [1 - number / len(sentences) for number in range(len(sentences))]


class RecencyScorer:
    """Scores rise from the first sentence to the last; documents count as given oldest first."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [(number + 1) / len(sentences) for number in range(len(sentences))]


class LeadScorer:
    """1, 1/2, 1/3, ... along each document: every document's first sentence before any second one."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        seen = Counter[int]()
        scores = list[float]()
        for sentence in sentences:
            seen[sentence.position] += 1
            scores.append(1 / seen[sentence.position])
        return scores


class RandomScorer:
    """Uniform scores, drawn from seed, question and place: the same request always gets the same ones."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        key = hashlib.sha256(f"{self._seed}\0{query}".encode(errors="surrogatepass")).digest()
        draws = (hashlib.blake2b(number.to_bytes(8, "big"), key=key, digest_size=6).digest() for number in range(len(sentences)))
        return [int.from_bytes(draw, "big") / 2**48 for draw in draws]


class PermutedScorer(Composite, BatchedScorer):
    """The scores of another scorer, dealt out by chance; the same request is always dealt alike."""

    def __init__(self, scorer: Scorer, seed: int = 0) -> None:
        super().__init__(scorer)
        self._scorer = scorer
        self._chance = RandomScorer(seed)

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, dealt out, or its error."""
        outcomes = score_batch(self._scorer, requests)
        return [self._dealt(request, outcome) for request, outcome in zip(requests, outcomes, strict=True)]

    def _dealt(self, request: ScoreRequest, scores: Scores | Exception) -> Scores | Exception:
        if isinstance(scores, Exception):
            return scores
        return [scores[i] for i in ranking(self._chance.score(request.query, request.sentences))]
