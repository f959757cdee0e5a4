"""Baseline: chance. What a method must beat to be worth anything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from attngs.types import Sentence


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
