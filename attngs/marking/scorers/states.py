"""Scores of an encoder's sentence states: how states are read, and their cosine."""

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


class CosineScorer(StatesScorer):
    """Cosine of mean-pooled states, as in sentence-transformers; a sentence without tokens scores -1."""

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        return cosines(asked, context).tolist()


def cosines(asked: Tensor, context: Sequence[Tensor]) -> Tensor:
    """The score of each sentence `(S,)` in float32, differentiable.

    Args:
        asked: States of the question `(R, D)`.
        context: States of each sentence `(T, D)`.
    """
    tokens = torch.tensor([len(state) for state in context], device=asked.device)  # (S,)
    similar = normalize(summed(context, asked), dim=-1) @ normalize(asked.float().sum(dim=0), dim=0)
    return torch.where(tokens > 0, similar, -1.0)


def summed(context: Sequence[Tensor], like: Tensor) -> Tensor:
    """The sum of each sentence's states `(S, D)`, which points where their mean does."""
    keys = torch.cat([like[:0], *context]).float()  # (T, D)
    return keys.new_zeros(len(context), keys.shape[1]).index_add_(0, owners(context), keys)


def owners(context: Sequence[Tensor]) -> Tensor:
    """The sentence of each token `(T,)`."""
    device = context[0].device
    tokens = torch.tensor([len(state) for state in context], device=device)
    return torch.repeat_interleave(torch.arange(len(context), device=device), tokens)
