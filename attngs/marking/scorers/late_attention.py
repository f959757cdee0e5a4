"""Late attention: the question's tokens attend to a context that was encoded before the question.

With states of length 1, `q_r` of the question's R tokens and `k_t` of the context's T tokens, the attention is
`A[r, t] = softmax_t(q_r . k_t / temperature)` over the whole context, `a_t` its mean over r, and a sentence's density `d_i` the mean of
`a_t` over its tokens. This is the paper's score, with an attention that is defined on an encoder's last states instead of read from its
heads. The score is `log(T * d_i)`: 0 for uniform attention, log 2 for twice as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from attngs.marking.scorers.states import StatesScorer, owners
from attngs.types import ScoreRequest

TEMPERATURE = 0.1
"""Temperature of the softmax: a low one looks for the closest words, a high one for the general sense."""

ROWS = 64
"""Tokens of the question that attend at once; bounds memory for a question as long as a conversation."""

AT_ONCE = 4_096
"""Tokens of the context that are compared at once, or those of a longer sentence: a large float32 copy costs more than the comparison."""


class LateAttentionScorer(StatesScorer):
    """Log lift of the question's attention over uniform attention, per sentence.

    Args:
        states: The encoder.
    """

    def compare(self, request: ScoreRequest, asked: Tensor, context: Sequence[Tensor]) -> list[float]:
        return log_lift(asked, context).tolist()


def log_lift(asked: Tensor, context: Sequence[Tensor]) -> Tensor:
    """The score of each sentence `(S,)` in float32, differentiable.

    Args:
        asked: States of the question `(R, D)`, each of length 1.
        context: States of each sentence `(T, D)`, on the same device.
    """
    tokens = torch.tensor([len(state) for state in context], device=asked.device)  # (S,)
    if not len(asked) or not int(tokens.sum()):
        return asked.new_zeros(len(context), dtype=torch.float32)
    lift = attention_mass(asked, context) * tokens.sum() / tokens.clamp(min=1)
    smallest = lift[tokens > 0].min()  # a sentence without tokens ranks with the least attended
    return torch.where(tokens > 0, lift, smallest).clamp(min=1e-12).log()


def attention_mass(asked: Tensor, context: Sequence[Tensor]) -> Tensor:
    """Each sentence's share of the question's attention `(S,)`, float32, differentiable; sums to 1."""
    ends = np.cumsum([len(state) for state in context])  # (S,)
    borders = np.searchsorted(ends, np.arange(AT_ONCE, ends[-1], AT_ONCE), side="right")
    blocks = [context[begin:end] for begin, end in pairwise(np.unique([0, *borders, len(context)]).tolist())]
    asked = asked.float() / TEMPERATURE  # (R, D)
    attention = asked.new_zeros(int(ends[-1]))  # (T,)
    for rows in asked.split(ROWS):
        products = torch.cat([rows @ torch.cat(list(block)).float().T for block in blocks], dim=1)  # (r, T)
        attention = attention + products.softmax(dim=-1).sum(dim=0) / len(asked)
    return asked.new_zeros(len(context)).index_add_(0, owners(context), attention)
