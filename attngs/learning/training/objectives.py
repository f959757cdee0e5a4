"""What is learned: an objective turns examples into a loss, and a run makes that loss small.

`evidence` pushes the score that the marker will give up on evidence and down elsewhere, sentence against sentence. Its listwise loss is the
cross-entropy between the labels, a uniform distribution over the sentences that are evidence, and the softmax of the sentences' log scores.
For scores that are attention, that softmax is the score as a share of all scores: no temperature is needed.

`answer` and `perce` make the known answer likely, in the prompt that the marker reads. `perce` weights each token of it by how much the
context helps to predict that token (PerCE, arXiv 2603.06595).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attngs.errors import ConfigError, UnsupportedModelError
from attngs.learning.answers import AnswerLikelihood
from attngs.learning.metrics import Labels
from attngs.learning.training.examples import Contexts, TrainingExample
from attngs.learning.training.settings import TrainingSettings
from attngs.marking.scorers.attention import AttentionConfig
from attngs.marking.scorers.late_attention import log_lift
from attngs.marking.scorers.states import cosines
from attngs.reading.anatomy import layers_at
from attngs.reading.attention import AttentionReader
from attngs.reading.loading import LoadedModel
from attngs.reading.segments import ReadFrom, ReadingPrompt, Segment, Segmenter
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.token_batch import TokenBatch

ANSWER_TOKENS = 256
"""Of an answer that is longer, or longer than an eighth of the window, only the beginning is learned.

The marker is read before the first word of the answer."""

COSINE_TEMPERATURE = 0.05
"""Cosines are divided by it before their softmax."""

SMALLEST = 1e-9
"""Attention below this counts as this, so that its log is a number."""


class Objective(Protocol):
    """What is learned."""

    top: int | None
    """The highest layer that is read; those above it learn nothing. `None` when all are read."""

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        """The mean loss of the examples, with its graph."""


class AttentionEvidence:
    """`evidence` for models that are read by their heads: the loss is taken from the marker's own score.

    Raises:
        ConfigError: The config lets the model write an answer first, which has no gradient.
    """

    def __init__(self, loaded: LoadedModel, config: AttentionConfig, settings: TrainingSettings) -> None:
        if config.answer_tokens:
            raise ConfigError(f"`answer_tokens` must be 0 in training, got {config.answer_tokens}: a written answer has no gradient.")
        self._contexts = Contexts(settings)
        self._reader = AttentionReader(loaded.model)
        self._layers = layers_at(config.layers, len(self._reader.depths))
        self._read_from: ReadFrom = config.read_from
        self._segmenter = Segmenter(loaded.tokenizer, window=loaded.window, causal=loaded.causal, prompt=config.prompt)
        self.top: int | None = self._reader.depths[max(self._layers)]

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        segments, labels = [], []
        for example in batch:
            sentences, wanted = self._contexts.of(example, step)
            segment = _most_evidence(self._segmenter.segments(example.row.query, sentences, self._read_from), wanted)
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
    """`evidence` for encoders that are read by late attention: the mean loss of it and of cosine.

    The marker sums the z-scores of both, so each must rank well by itself, and each is trained by itself.
    """

    top: int | None = None

    def __init__(self, loaded: LoadedModel, settings: TrainingSettings) -> None:
        self._states = SentenceStates(loaded)
        self._contexts = Contexts(settings)

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        contexts = [self._contexts.of(example, step) for example in batch]
        texts = [[example.row.query, *(s.text for s in sentences)] for example, (sentences, _) in zip(batch, contexts, strict=True)]
        states = iter(self._states.states_with_gradient([text for members in texts for text in members]))
        losses = []
        for members, (_, labels) in zip(texts, contexts, strict=True):
            query, *context = [next(states) for _ in members]
            similar = cosines(query, context) / COSINE_TEMPERATURE
            losses.append((listwise(log_lift(query, context), labels) + listwise(similar, labels)) / 2)
        return torch.stack(losses).mean()


def log_scores(mass: Tensor, tokens: NDArray[np.int64]) -> Tensor:
    """The log of `attngs.marking.algorithm.score_sentences`, with its graph.

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


def listwise(log_score: Tensor, labels: Labels) -> Tensor:
    """Cross-entropy between the labels, spread evenly over evidence, and softmax of log scores `(S,)`."""
    wanted = torch.from_numpy(labels).to(log_score.device)
    return -log_score.log_softmax(dim=0)[wanted].mean()


class AnswerReader:
    """Log probabilities of the examples' answers, each with its end, as a decoder reads the example.

    Raises:
        UnsupportedModelError: The model is an encoder, which writes no answers.
    """

    def __init__(self, loaded: LoadedModel, prompt: ReadingPrompt, settings: TrainingSettings) -> None:
        if not loaded.causal:
            raise UnsupportedModelError(
                f"`{loaded.name}` is an encoder, which writes no answers; train it with the objective `evidence`, or pass a decoder."
            )
        self._longest = max(1, min(ANSWER_TOKENS, loaded.window // 8))
        self._segmenter = Segmenter(loaded.tokenizer, window=loaded.window - self._longest, causal=True, prompt=prompt)
        self._likelihood = AnswerLikelihood(loaded, self._segmenter)
        self._end = [loaded.tokenizer.eos_token_id] if loaded.tokenizer.eos_token_id is not None else []
        self._contexts = Contexts(settings)

    def with_context(self, batch: Sequence[TrainingExample], step: int) -> list[Tensor]:
        """The log of p(y_i | context, question, y_<i), one `(n,)` an example, with its graph."""
        return self._read([self._prompt(example, step) for example in batch], batch)

    def without_context(self, batch: Sequence[TrainingExample]) -> list[Tensor]:
        """The log of p(y_i | question, y_<i), one `(n,)` an example, without a graph."""
        with torch.no_grad():
            return self._read([self._segmenter.bare(example.row.query) for example in batch], batch)

    def _prompt(self, example: TrainingExample, step: int) -> Segment:
        sentences, labels = self._contexts.of(example, step)
        return _most_evidence(self._segmenter.segments(example.row.query, sentences, "last"), labels)

    def _read(self, prompts: Sequence[Segment], batch: Sequence[TrainingExample]) -> list[Tensor]:
        return self._likelihood([prompt.batch for prompt in prompts], [self._answer(example) for example in batch])

    def _answer(self, example: TrainingExample) -> Tensor:
        tokens = self._likelihood.tokens(example.row.answer or "")
        return torch.cat([tokens, torch.tensor(self._end, dtype=tokens.dtype)])[: self._longest]


class AnswerObjective:
    """`answer`: `-(1/n) sum_i log p(y_i | context, question, y_<i)`, the mean over examples."""

    top: int | None = None

    def __init__(self, reader: AnswerReader) -> None:
        self._reader = reader

    def loss(self, batch: Sequence[TrainingExample], step: int) -> Tensor:
        return torch.stack([-tokens.mean() for tokens in self._reader.with_context(batch, step)]).mean()


class PerceObjective:
    """`perce`: the weighted loss.

    An example's weights are computed again when they are `refresh_every` steps old, which costs a second pass.
    """

    top: int | None = None

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
    """The weights `(n,)`: how much more likely the context makes each token, clipped; no gradient."""
    return (informed.detach() - uninformed.detach()).clamp(floor, cap)


def perce(informed: Tensor, weights: Tensor) -> Tensor:
    """The loss of one answer."""
    return -(weights * informed).mean()


def _most_evidence(segments: Sequence[Segment], labels: Labels) -> Segment:
    """Of the windows of a context, the one with the most evidence, by the labels `(S,)`."""
    return max(segments, key=lambda segment: int(labels[segment.first : segment.first + len(segment.tokens)].sum()))
