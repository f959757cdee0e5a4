"""Fine-tunes the marker with `attngs.learning.training` on training users, and reads the adapter that came out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attngs.learning.training.run import train
from attngs.learning.training.settings import ObjectiveName, TrainingSettings
from attngs.marking.scorers.attention import AttentionConfig
from attngs.reading.loading import LoadedModel, ModelSettings, load_model
from attngs.reading.lora import find_lora, merged
from benchmarks.decoder.task import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuner:
    """LoRA on one model."""

    marker: str
    """Name or folder."""
    folder: Path
    """Gets a folder for each objective; what an earlier run left there goes."""
    device: str | None
    settings: TrainingSettings

    def __call__(self, objective: ObjectiveName, questions: Sequence[Question], layer: float) -> LoadedModel:
        """The fine-tuned model, its adapter merged.

        Args:
            objective: `evidence` sharpens the attention of one layer, `answer` says nothing about attention.
            questions: To learn from; a share of their users decides which checkpoint is the best.
            layer: Which layer `evidence` is about, as a fraction of the depth.
        """
        found = train(
            [question.example for question in questions],
            out=self.folder / objective,
            objective=objective,
            marker=self.marker,
            settings=self.settings,
            config=AttentionConfig(layers=(layer,), read_from="last"),
            device=self.device,
            overwrite=True,
        )
        return merged(load_model(self.marker, ModelSettings(device=self.device)), find_lora(found.folder))
