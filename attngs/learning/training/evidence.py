"""Objective `evidence`: the score that the marker will give is pushed up on evidence and down elsewhere, sentence against sentence.

The listwise loss is the cross-entropy between the labels, a uniform distribution over the sentences that are evidence, and the softmax of
the sentences' log scores. For scores that are attention, softmax of the log is the score as a share of all: no temperature is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attngs.errors import ConfigError
from attngs.learning.training.examples import TrainingExample, context_of
from attngs.learning.training.objective import most_evidence, randomness
from attngs.learning.training.settings import TrainingSettings
from attngs.marking.scorers.attention import AttentionConfig
from attngs.marking.scorers.cosine import cosines
from attngs.marking.scorers.late_attention import log_lift
from attngs.reading.anatomy import layers_at
from attngs.reading.attention import AttentionReader
from attngs.reading.loading import LoadedModel
from attngs.reading.segments import ReadFrom, Segmenter
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.token_batch import TokenBatch

SMALLEST = 1e-9
"""Attention below this counts as this, so that its log is a number."""


class AttentionEvidence:
    """For models that are read by their heads: the score of `marking.score_sentences`, from the layers and the probe of the config.

    Raises:
        ConfigError: The config lets the model write an answer first, which has no gradient.
    """

    def __init__(self, loaded: LoadedModel, config: AttentionConfig, settings: TrainingSettings) -> None:
        if config.answer_tokens:
            raise ConfigError(f"`answer_tokens` must be 0 in training, got {config.answer_tokens}: a written answer has no gradient.")
        self._settings = settings
        self._reader = AttentionReader(loaded.model)
        self._layers = layers_at(config.layers, len(self._reader.depths))
        self._read_from: ReadFrom = config.read_from or ("last" if loaded.causal else "query")
        self._segmenter = Segmenter(loaded.tokenizer, window=loaded.window, causal=loaded.causal, prompt=config.prompt)
        self.top = self._reader.depths[max(self._layers)]
        """Place of the highest layer that is read; those above it learn nothing."""

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        segments, labels = [], []
        for example in batch:
            sentences, wanted = context_of(example, self._settings, randomness(self._settings.seed, step, example))
            segment = most_evidence(self._segmenter.segments(example.row.query, sentences, self._read_from), wanted)
            segments.append(segment)
            labels.append(wanted[segment.first : segment.first + len(segment.tokens)])
        mass = self._reader.read_with_gradient(TokenBatch.stack([segment.batch for segment in segments]), self._layers)  # (B, L, H, S)
        return torch.stack(
            [
                listwise(log_scores(one[..., : len(segment.tokens)], segment.tokens), wanted)
                for one, segment, wanted in zip(mass, segments, labels, strict=True)
            ]
        ).mean()


class StatesEvidence:
    """For encoders that are read by late attention: the mean loss of late attention and of cosine.

    The marker sums the z-scores of both, which asks of each to rank well by itself; so each is trained by itself.
    """

    top = None

    def __init__(self, loaded: LoadedModel, settings: TrainingSettings) -> None:
        self._states = SentenceStates(loaded)
        self._settings = settings

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        contexts = [context_of(example, self._settings, randomness(self._settings.seed, step, example)) for example in batch]
        texts = [[example.row.query, *(s.text for s in sentences)] for example, (sentences, _) in zip(batch, contexts, strict=True)]
        states = iter(self._states.states_with_gradient([text for members in texts for text in members]))
        losses = []
        for members, (_, labels) in zip(texts, contexts, strict=True):
            asked, *context = [next(states) for _ in members]
            similar = cosines(asked, context) / self._settings.cosine_temperature
            losses.append((listwise(log_lift(asked, context), labels) + listwise(similar, labels)) / 2)
        return torch.stack(losses).mean()


def log_scores(mass: Tensor, tokens: NDArray[np.int64]) -> Tensor:
    """The log of `marking.score_sentences`, with its graph.

    Args:
        mass: Attention `(L, H, S)` of one window.
        tokens: Tokens of each sentence `(S,)`.

    Returns:
        `(S,)`.
    """
    per_layer = mass.mean(dim=1)  # (L, S)
    shares = (per_layer / per_layer.sum(dim=1, keepdim=True).clamp(min=SMALLEST)).mean(dim=0)  # (S,)
    density = shares / torch.from_numpy(tokens).to(shares).clamp(min=1)
    return density.clamp(min=SMALLEST).log()


def listwise(log_score: Tensor, labels: NDArray[np.bool_]) -> Tensor:
    """Cross-entropy between the labels, a uniform distribution over evidence, and the softmax of the log scores `(S,)`."""
    wanted = torch.from_numpy(labels).to(log_score.device)
    return -log_score.log_softmax(dim=0)[wanted].mean()
