"""Scorers and readers that are made of others: they warm and forget in each of their parts."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.protocols import FeatureReader, Forgetful, Scorer, Warmable
from attngs.types import Sentence, Warmth


class Composite:
    """Passes `warm` and `forget` on to those parts that know what it means.

    Args:
        parts: What it is made of.
    """

    def __init__(self, *parts: Scorer | FeatureReader) -> None:
        self._parts = parts

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before the first question; parts that share a model share what it has read."""
        warmths = [part.warm(sentences, namespace) for part in self._parts if isinstance(part, Warmable)]
        return max(warmths, default=Warmth(tokens=0, kept=0, bytes=0))

    def forget(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything, in every part."""
        for part in self._parts:
            if isinstance(part, Forgetful):
                part.forget(namespace)
