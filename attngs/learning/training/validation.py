"""How good a marker in training is on held-out examples, with the scorer that it will be used with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from attngs.learning.metrics import Estimate, estimate
from attngs.learning.training.examples import TrainingExample
from attngs.learning.training.objectives import AnswerReader
from attngs.marking.scorers.batch import score_batch
from attngs.protocols import Scorer
from attngs.reading.progress import track
from attngs.types import ScoreRequest

SHARES = {"recall_at_5": 0.05, "recall_at_10": 0.10, "recall_at_20": 0.20}
"""Evidence recall at shares of the context's tokens."""

AT_ONCE = 16
"""Examples that are scored together."""


class Validator:
    """Measures evidence recall where evidence is known, and the loss of answers where these are learned.

    Args:
        examples: Held out.
        scorer: Makes the scorer of the marker in its present state.
        reader: Reads answers; `None` when the objective learns from none.

    Attributes:
        decisive: The number that decides which checkpoint is the best: `recall`; `average_precision` where all contexts are so short
            that no budget has room for their evidence; `answer_loss` where no evidence is known.
    """

    def __init__(self, examples: Sequence[TrainingExample], scorer: Callable[[], Scorer], reader: AnswerReader | None) -> None:
        self._examples = examples
        self._labelled = [example.units for example in examples if example.row.evidence]
        self._scorer = scorer
        self._reader = reader
        roomy = any(units.recall(units.hits.tolist(), max(SHARES.values())) > 0 for units in self._labelled)
        self.decisive = "recall" if roomy else "average_precision" if self._labelled else "answer_loss"

    def measure(self) -> dict[str, Estimate]:
        """Each number with its 95 % interval over groups; `recall` is the mean of the three recalls.

        Raises:
            ModelError: A context could not be scored.
        """
        return {**self._recalls(), **self._answers()}

    def improved(self, before: Mapping[str, Estimate], after: Mapping[str, Estimate]) -> bool:
        """Whether the decisive number got better."""
        gain = after[self.decisive].mean - before[self.decisive].mean
        return gain < 0 if self.decisive == "answer_loss" else gain > 0

    def _recalls(self) -> dict[str, Estimate]:
        if not self._labelled:
            return {}
        scorer = self._scorer()
        rows: list[list[float]] = []
        for start in track(range(0, len(self._labelled), AT_ONCE), "validating"):
            part = self._labelled[start : start + AT_ONCE]
            requests = [ScoreRequest(query=units.example.query, sentences=units.sentences) for units in part]
            for units, scores in zip(part, score_batch(scorer, requests), strict=True):
                if isinstance(scores, Exception):
                    raise scores
                rows.append([*(units.recall(scores, share) for share in SHARES.values()), units.average_precision(scores)])
        groups = [units.example.group for units in self._labelled]
        table = np.array(rows)  # (examples, shares + 1)
        found = {name: estimate(table[:, i].tolist(), groups) for i, name in enumerate((*SHARES, "average_precision"))}
        return {"recall": estimate(table[:, : len(SHARES)].mean(axis=1).tolist(), groups), **found}

    def _answers(self) -> dict[str, Estimate]:
        if self._reader is None:
            return {}
        losses: list[float] = []
        with torch.no_grad():
            for start in track(range(0, len(self._examples), AT_ONCE), "validating"):
                part = self._examples[start : start + AT_ONCE]
                losses += [-float(tokens.mean()) for tokens in self._reader.with_context(part, step=0)]
        return {"answer_loss": estimate(losses, [example.row.group for example in self._examples])}
