"""Objective `answer`: plain cross-entropy of the answer's tokens, given context and question."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attngs.training.answers import AnswerReader
from attngs.training.examples import TrainingExample


class AnswerObjective:
    """`-(1/n) sum_i log p(y_i | context, question, y_<i)`, the mean over examples."""

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        return torch.stack([-tokens.mean() for tokens in self._reader.with_context(batch, step)]).mean()
