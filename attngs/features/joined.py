"""Several readers as one: their features side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from attngs.protocols import FeatureReader, Warmable
from attngs.scales import Floats
from attngs.types import ScoreRequest, Sentence, Warmth


class JoinedFeatures:
    """The features of each reader, in their order."""

    def __init__(self, *readers: FeatureReader) -> None:
        self._readers = readers
        self.names: tuple[str, ...] = tuple(name for reader in readers for name in reader.names)

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request, or the first error that a reader met."""
        parts = [reader.read(requests) for reader in self._readers]
        return [_beside(outcomes) for outcomes in zip(*parts, strict=True)]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Warm every reader that can be."""
        warmths = [reader.warm(sentences, namespace) for reader in self._readers if isinstance(reader, Warmable)]
        return max(warmths, default=Warmth(tokens=0, kept=0, bytes=0))


def _beside(outcomes: Sequence[Floats | Exception]) -> Floats | Exception:
    found = list[Floats]()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            return outcome
        found.append(outcome)
    return np.concatenate(found, axis=1)
