"""What all scores of an encoder's sentence states share: how the states are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from attngs.marking.echoes import without_echoes
from attngs.marking.scorers.batch import BatchedScorer, Scores, attempt_each
from attngs.protocols import Floats
from attngs.reading.sentence_states import SentenceStates
from attngs.types import ScoreRequest, Sentence, Warmth


class StatesScorer(BatchedScorer):
    """Compares the states of the question with those of each sentence.

    Args:
        states: The encoder; scorers that share one read each sentence once.

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
        """The scores of each request, or its error; the encoder reads what is new of all requests together."""
        self.states.prefetch(requests)
        return attempt_each(self._scores, requests)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        return self.states.warm([sentence.text for sentence in sentences], namespace)

    def likeness(self, texts: Sequence[str], namespace: str) -> Floats:
        """Cosines of the texts' mean states `(S, S)`; a text without tokens is like nothing."""
        sums = torch.stack([state.float().sum(dim=0) for state in self.states.just_read(texts, namespace)])  # (S, D)
        directions = normalize(sums, dim=-1)
        return np.asarray((directions @ directions.T).double().numpy())

    def forget(self, namespace: str | None = None) -> None:
        self.states.cache.clear(namespace)

    def _scores(self, request: ScoreRequest) -> list[float]:
        return [float(score) for score in without_echoes(request, self._compared)]

    def _compared(self, request: ScoreRequest) -> Floats:
        asked, *context = self.states.of_request(request)
        return np.asarray(self.compare(request, asked, context), dtype=np.float64)
