"""What the scores of an encoder's sentence states have in common: how the states come about, whatever they are compared by."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress

from torch import Tensor

from attngs.errors import ModelError
from attngs.marking.scorers.batch import BatchedScorer, Scores, attempt
from attngs.reading.sentence_states import SentenceStates
from attngs.types import ScoreRequest, Sentence, Warmth


class StatesScorer(BatchedScorer):
    """Compares the states of the question with those of each sentence.

    Args:
        states: The encoder; share one between scorers and each sentence is read once.

    Attributes:
        states: As given.
    """

    def __init__(self, states: SentenceStates) -> None:
        self.states = states

    @abstractmethod
    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        """One score a sentence.

        Args:
            request: Whose sentences they are.
            asked: States of the question `(R, D)`, each of length 1.
            context: States of each sentence `(T, D)`; none has rows where the tokenizer found no tokens.
        """

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or the error that it met; what is not kept yet is read together."""
        if len(requests) > 1:
            with suppress(ModelError):  # each request meets its own below
                self.states.prefetch([(request.namespace, text) for request in requests for text in _texts(request)])
        return [attempt(self._scores, request) for request in requests]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before it is asked about."""
        return self.states.warm([sentence.text for sentence in sentences], namespace)

    def _scores(self, request: ScoreRequest) -> list[float]:
        asked, *context = self.states.states(_texts(request), request.namespace)
        return self.compare(request, asked, context)


def _texts(request: ScoreRequest) -> list[str]:
    return [request.query, *(sentence.text for sentence in request.sentences)]
