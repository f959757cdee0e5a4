"""Many questions at once: through a scorer's own `score_batch` where it has one, one by one elsewhere; each request fails alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from attngs.errors import ModelError
from attngs.protocols import BatchScorer, Scorer
from attngs.types import ScoreRequest, Sentence

Scores = Sequence[float]

Result = TypeVar("Result")


def score_batch(scorer: Scorer, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
    """The scores of each request, or the error that it met."""
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
    """The result, or the error as a value: it belongs to one request of several."""
    try:
        return score(*arguments)
    except Exception as error:
        return error


def attempt_each(score: Callable[[ScoreRequest], Result], requests: Sequence[ScoreRequest]) -> list[Result | Exception]:
    """The result for each request, or the error that it met."""
    return [attempt(score, request) for request in requests]


class BatchedScorer(ABC):
    """A scorer that is made for several requests at once; one alone is a batch of one."""

    @abstractmethod
    def score_batch(self, requests: Sequence[ScoreRequest]) -> Sequence[Scores | Exception]:
        """The scores of each request, or the error that it met."""

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        """The scores of one request.

        Raises:
            Exception: The error that it met.
        """
        (outcome,) = self.score_batch([ScoreRequest(query=query, sentences=sentences)])
        if isinstance(outcome, Exception):
            raise outcome
        return list(outcome)
