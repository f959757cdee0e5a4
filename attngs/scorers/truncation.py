"""Baseline: the beginning of the context matters most, as when a text is cut off behind its first tokens."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.types import Sentence


class TruncationScorer:
    """Falls from the first sentence to the last."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        return [1 - number / len(sentences) for number in range(len(sentences))]
