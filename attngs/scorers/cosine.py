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
        tokens = torch.tensor([len(state) for state in context])  # (S,)
        owner = torch.repeat_interleave(torch.arange(len(context)), tokens)  # (T,)
        keys = torch.cat([asked[:0], *context]).float()  # (T, D)
        sums = torch.zeros(len(context), keys.shape[1]).index_add_(0, owner, keys)  # (S, D): the direction of a sum is that of the mean
        cosines = normalize(sums, dim=-1) @ normalize(asked.float().sum(dim=0), dim=0)
        return [float(cosine) for cosine in torch.where(tokens > 0, cosines, -1.0)]
