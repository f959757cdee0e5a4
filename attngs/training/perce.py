"""Objective `perce`: cross-entropy in which a token counts as much as the context helps to predict it (PerCE, arXiv 2603.06595).

`w_i = clip(log p(y_i | context, question, y_<i) - log p(y_i | question, y_<i), floor, cap)`, taken from the model that is being trained
and held fixed, and the loss is `-(1/n) sum_i w_i log p(y_i | context, question, y_<i)`. Words that any answer would have (`the`, `is`)
keep the weight `floor`; what only the user's own context can say weighs up to `cap`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from attngs.training.answers import AnswerReader
from attngs.training.examples import TrainingExample
from attngs.training.settings import TrainingSettings


class PerceObjective:
    """The weighted cross-entropy. Weights are computed anew when they are `refresh_every` steps old, at the price of a second pass."""

    def __init__(self, reader: AnswerReader, settings: TrainingSettings) -> None:
        self._reader = reader
        self._settings = settings
        self._kept: dict[int, tuple[int, Tensor]] = {}  # by example: the step of its weights, and the weights (n,)

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        informed = self._reader.with_context(batch, step)
        self._refresh(batch, informed, step)
        losses = [perce(tokens, self._kept[example.number][1]) for tokens, example in zip(informed, batch, strict=True)]
        return torch.stack(losses).mean()

    def _refresh(self, batch: Sequence[TrainingExample], informed: Sequence[Tensor], step: int) -> None:
        old = [i for i, example in enumerate(batch) if self._age(example, step) >= self._settings.refresh_every]
        uninformed = self._reader.without_context([batch[i] for i in old]) if old else []
        for i, tokens in zip(old, uninformed, strict=True):
            weights = contrast(informed[i], tokens, self._settings.weight_floor, self._settings.weight_cap)
            self._kept[batch[i].number] = step, weights

    def _age(self, example: TrainingExample, step: int) -> float:
        return step - self._kept[example.number][0] if example.number in self._kept else float("inf")


def contrast(informed: Tensor, uninformed: Tensor, floor: float, cap: float) -> Tensor:
    """The weights `(n,)`: how much more likely the context makes each token, clipped; no gradient flows through them."""
    return (informed.detach() - uninformed.detach()).clamp(floor, cap)


def perce(informed: Tensor, weights: Tensor) -> Tensor:
    """The loss of one answer."""
    return -(weights * informed).mean()
