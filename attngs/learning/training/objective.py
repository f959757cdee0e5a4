"""The seam between what is learned and how a run goes: an objective turns examples into a loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from attngs.learning.training.examples import TrainingExample
from attngs.reading.segments import Segment


class Objective(Protocol):
    """What is learned. Everything random comes from the step and the example, so that a resumed run sees what it would have seen."""

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        """The mean loss of the examples, with its graph."""


def randomness(seed: int, step: int, example: TrainingExample) -> np.random.Generator:
    """The chance of one example in one step."""
    return np.random.default_rng([seed, step, example.number])


def most_evidence(segments: Sequence[Segment], labels: NDArray[np.bool_]) -> Segment:
    """The window to train on, where a context takes more than one: that with the most evidence, by the labels `(S,)`."""
    return max(segments, key=lambda segment: int(labels[segment.first : segment.first + len(segment.tokens)].sum()))
