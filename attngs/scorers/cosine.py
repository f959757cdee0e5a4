"""Sentence similarity: the cosine between the mean state of the question and that of each sentence, as sentence-transformers does it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from attngs.scorers.states import StatesScorer


class CosineScorer(StatesScorer):
    """Cosine of mean-pooled states; a sentence without tokens scores -1."""

    def compare(self, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        return cosines(asked, context).tolist()


def cosines(asked: Tensor, context: Sequence[Tensor]) -> Tensor:
    """The score of each sentence `(S,)` in float32, differentiable, from states `(R, D)` of the question and `(T, D)` of each sentence."""
    tokens = torch.tensor([len(state) for state in context], device=asked.device)  # (S,)
    owner = torch.repeat_interleave(torch.arange(len(context), device=asked.device), tokens)  # (T,)
    keys = torch.cat([asked[:0], *context]).float()  # (T, D)
    sums = keys.new_zeros(len(context), keys.shape[1]).index_add_(0, owner, keys)  # (S, D): the direction of a sum is that of the mean
    similar = normalize(sums, dim=-1) @ normalize(asked.float().sum(dim=0), dim=0)
    return torch.where(tokens > 0, similar, -1.0)
