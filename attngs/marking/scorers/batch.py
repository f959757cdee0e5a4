"""What scorers share: batches whose requests fail alone, and parts that warm and forget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from attngs.errors import ModelError
from attngs.protocols import BatchScorer, FeatureReader, Forgetful, Scorer, Warmable
from attngs.types import ScoreRequest, Sentence, Warmth

Scores = Sequence[float]

Result = TypeVar("Result")


def score_batch(scorer: Scorer, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
    """The scores of each request, or its error."""
    if not isinstance(scorer, BatchScorer):
        return [attempt(scorer.score, request.query, request.sentences) for request in requests]
    try:
        outcomes = list(scorer.score_batch(requests))
    except Exception as error:
        if len(requests) <= 1:
            return [error for _ in requests]
        return [outcome for request in requests for outcome in score_batch(scorer, [request])]
    if len(outcomes) != len(requests):
        short = ModelError(f"`score_batch` of `{type(scorer).__name__}` returned {len(outcomes)} results for {len(requests)} requests.")
        return [short for _ in requests]
    return outcomes


def attempt(score: Callable[..., Result], *arguments: object) -> Result | Exception:
    """The result, or the error as a value, because it belongs to only one of several requests."""
    try:
        return score(*arguments)
    except Exception as error:
        return error


def attempt_each(score: Callable[[ScoreRequest], Result], requests: Sequence[ScoreRequest]) -> list[Result | Exception]:
    """The result of each request, or its error."""
    return [attempt(score, request) for request in requests]


class BatchedScorer(ABC):
    """A scorer of several requests at once; a single one is a batch of one."""

    @abstractmethod
    def score_batch(self, requests: Sequence[ScoreRequest]) -> Sequence[Scores | Exception]:
        """The scores of each request, or its error."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        """The scores of one request.

        Raises:
            Exception: Its error.
        """
        (outcome,) = self.score_batch([ScoreRequest(query=query, sentences=sentences)])
        if isinstance(outcome, Exception):
            raise outcome
        return list(outcome)


class Composite:
    """A scorer or reader made of others: passes `warm` and `forget` on to the parts that have them.

    Args:
        parts: What it is made of.

    Attributes:
        parts: As given.
    """

    def __init__(self, *parts: Scorer | FeatureReader) -> None:
        self.parts = parts

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before the first question; parts that share a model share what it has read."""
        warmths = [part.warm(sentences, namespace) for part in self.parts if isinstance(part, Warmable)]
        return max(warmths, default=Warmth(tokens=0, kept=0, bytes=0))

    def forget(self, namespace: str | None = None) -> None:
        """Forget one namespace, or everything, in every part."""
        for part in self.parts:
            if isinstance(part, Forgetful):
                part.forget(namespace)
