"""How good a marker is on examples that it was not trained on, with its scorer as it will be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from attngs.learning.evaluation import label_units
from attngs.learning.metrics import Estimate, estimate
from attngs.learning.training.answers import AnswerReader
from attngs.learning.training.examples import TrainingExample
from attngs.marking.scorers.batch import score_batch
from attngs.protocols import Scorer, TokenCounter
from attngs.reading.progress import track
from attngs.types import ScoreRequest

SHARES = {"recall_at_5": 0.05, "recall_at_10": 0.10, "recall_at_20": 0.20}
"""Evidence recall at shares of the context's tokens."""

AT_ONCE = 16
"""Examples that are scored together."""


class Validator:
    """Judges by evidence recall where evidence is known, and by the loss of the answer elsewhere.

    Args:
        examples: Held out.
        scorer: Makes the scorer of the marker in its present state.
        counter: Whose tokens a budget counts.
        reader: For answers; `None` when the objective has none.

    Attributes:
        best: Name of the number that decides which checkpoint is the best: `recall`, but `average_precision` where all contexts are so
            short that no budget has room for their evidence, and `answer_loss` where no evidence is known.
    """

    def __init__(
        self, examples: Sequence[TrainingExample], scorer: Callable[[], Scorer], counter: TokenCounter, reader: AnswerReader | None
    ) -> None:
        known = [example for example in examples if example.row.evidence]
        self._judged = [(example, label_units(example.row, example.sentences, counter)) for example in known]
        self._examples = examples
        self._scorer = scorer
        self._reader = reader
        roomy = any(judged.recall(judged.hits.tolist(), max(SHARES.values())) > 0 for _, judged in self._judged)
        self.best = "recall" if roomy else "average_precision" if known else "answer_loss"

    def measure(self) -> dict[str, Estimate]:
        """Each number with its 95 % interval over groups; `recall` is the mean of the three recalls.

        Raises:
            ModelError: A context could not be scored.
        """
        return {**self._recalls(), **self._answers()}

    def _recalls(self) -> dict[str, Estimate]:
        if not self._judged:
            return {}
        scorer = self._scorer()
        rows: list[list[float]] = []
        for start in track(range(0, len(self._judged), AT_ONCE), "validating"):
            part = self._judged[start : start + AT_ONCE]
            requests = [ScoreRequest(query=example.row.query, sentences=judged.sentences) for example, judged in part]
            for (_, judged), scores in zip(part, score_batch(scorer, requests), strict=True):
                if isinstance(scores, Exception):
                    raise scores
                rows.append([*(judged.recall(scores, share) for share in SHARES.values()), judged.average_precision(scores)])
        groups = [example.row.group for example, _ in self._judged]
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
