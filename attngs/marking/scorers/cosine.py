"""Sentence similarity, as in sentence-transformers: the cosine of two texts' mean states."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from attngs.marking.scorers.late_attention import owners
from attngs.marking.scorers.states import StatesScorer
from attngs.types import ScoreRequest


class CosineScorer(StatesScorer):
    """Cosine of mean-pooled states; a sentence without tokens scores -1."""

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
