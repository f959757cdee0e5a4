"""How much attention the question, or the prompt's end as in the paper, pays to each sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from attngs.errors import AttngsError, ConfigError, UnsupportedModelError, check_whole
from attngs.marking.algorithm import lift, score_sentences
from attngs.marking.scorers.batch import BatchedScorer
from attngs.protocols import Floats
from attngs.reading.anatomy import layers_at
from attngs.reading.attention import AttentionReader
from attngs.reading.context_cache import ContextCache
from attngs.reading.context_reader import ContextReader
from attngs.reading.failures import model_failures
from attngs.reading.loading import LoadedModel
from attngs.reading.segments import ReadFrom, ReadingPrompt, Segment, Segmenter
from attngs.types import ScoreRequest, Sentence, Warmth

LOWER_LAYERS = tuple(step / 20 for step in range(17))
"""0 to 0.8 of the depth. What single layers find differs from model to model; their mean loses to the best of them by little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionConfig:
    """Which attention of a model is read; the defaults won on real decoders (`benchmarks/attention`)."""

    layers: tuple[float, ...] = LOWER_LAYERS
    """Fractions of the depth, 0 = first readable layer, 1 = last; several are averaged."""
    read_from: ReadFrom = "query"
    """Whose attention is read: the mean of the question's tokens, or the last position's, which predicts the answer's first word."""
    answer_tokens: int = 0
    """When above 0, the model first writes this many tokens of an answer, and the attention of the last is read (decoders only)."""
    prompt: ReadingPrompt = ReadingPrompt()

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple) or not self.layers or not all(0 <= layer <= 1 for layer in self.layers):
            raise ConfigError(f"`layers` must be a tuple of fractions of the depth between 0 and 1, got {self.layers!r}.")
        if self.read_from not in ("last", "query"):
            raise ConfigError(f"`read_from` must be 'last' or 'query', got {self.read_from!r}.")
        check_whole("answer_tokens", self.answer_tokens, 0)

    @classmethod
    def paper(cls) -> AttentionConfig:
        """The setting of Attn-GS: one layer at 0.375 of the depth, read from the last position."""
        return cls(layers=(0.375,), read_from="last")


class AttentionScorer(BatchedScorer):
    """Scores sentences by the attention of a loaded model.

    Args:
        loaded: The model.
        config: Which attention is read.
        cache: Keeps token ids, keys and values of contexts; nothing is kept when not given.

    Attributes:
        layers: The layers that are read, as indices into `reader.depths`.
    """

    def __init__(self, loaded: LoadedModel, config: AttentionConfig | None = None, *, cache: ContextCache | None = None) -> None:
        config = config or AttentionConfig()
        cache = cache or ContextCache(0)
        self._loaded = loaded
        self._config = config
        self._cache = cache
        self._read_from: ReadFrom = config.read_from
        if config.answer_tokens and not (loaded.causal and loaded.model.can_generate()):
            raise UnsupportedModelError(f"`{loaded.name}` cannot write an answer; set `answer_tokens=0`.")
        if config.answer_tokens > loaded.window // 4:
            raise ConfigError(f"`answer_tokens` may be at most a quarter of the window of {loaded.window}, got {config.answer_tokens}.")
        self.reader = AttentionReader(loaded.model)
        self.layers = layers_at(config.layers, loaded.readable_layers or len(self.reader.depths))
        self.segmenter = Segmenter(
            loaded.tokenizer, window=loaded.window - config.answer_tokens, causal=loaded.causal, prompt=config.prompt, cache=cache
        )
        self._contexts = ContextReader(
            self.reader, self.layers, cache=cache, storage=loaded.cache_storage, max_batch_tokens=loaded.max_batch_tokens
        )

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[list[float] | Exception]:
        """Mean attention per token of each sentence, as a share of all; see `attngs.marking.algorithm`."""
        return [read if isinstance(read, Exception) else [float(score) for score in score_sentences(*read)] for read in self.read(requests)]

    def read(self, requests: Sequence[ScoreRequest], read_from: ReadFrom | None = None) -> list[tuple[Floats, Floats] | Exception]:
        """Lifted attention `(L, H, S)` and tokens `(S,)` of every request: what scores are made of.

        Args:
            requests: The questions with their contexts.
            read_from: Whose attention; the config's when not given.
        """
        cut = [self._segments(request, read_from or self._read_from) for request in requests]
        windows = [(i, segment) for i, segments in enumerate(cut) if not isinstance(segments, Exception) for segment in segments]
        read = self._contexts.read([segment for _, segment in windows], [requests[i].namespace for i, _ in windows])
        found: list[tuple[Floats, Floats] | Exception] = [
            segments if isinstance(segments, Exception) else self._nothing_yet(len(request.sentences))
            for request, segments in zip(requests, cut, strict=True)
        ]
        for (i, segment), outcome in zip(windows, read, strict=True):
            so_far = found[i]
            if isinstance(so_far, Exception):
                continue
            if isinstance(outcome, Exception):
                found[i] = outcome
                continue
            here = slice(segment.first, segment.first + len(segment.tokens))
            mass, tokens = so_far
            mass[:, :, here] += lift(outcome.numpy(), segment.batch.input_ids.shape[1])
            tokens[here] += segment.tokens
        return found

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Read a context before the first question.

        Raises:
            UnsupportedModelError: Nothing that the model reads of a context can be kept.
        """
        if not self._contexts.keeps:
            raise UnsupportedModelError(
                f"`{self._loaded.name}` cannot be warmed: its attention to a context depends on the question, or its past is more than "
                "keys and values. Questions are answered all the same, each in one pass."
            )
        return self._contexts.warm(self.segmenter.contexts(sentences, namespace), namespace)

    def forget(self, namespace: str | None = None) -> None:
        self._cache.clear(namespace)

    def _segments(self, request: ScoreRequest, read_from: ReadFrom) -> list[Segment] | Exception:
        try:
            segments = self.segmenter.segments(request.query, request.sentences, read_from, request.namespace)
            return [self._with_answer(segment) for segment in segments] if self._config.answer_tokens else segments
        except AttngsError as error:
            return error

    def _nothing_yet(self, sentences: int) -> tuple[Floats, Floats]:
        return np.zeros((len(self.layers), self.reader.heads[self.layers[0]], sentences)), np.zeros(sentences)

    def _with_answer(self, segment: Segment) -> Segment:
        model: Any = self._loaded.model
        ids = segment.batch.input_ids.to(model.device)
        with model_failures(model, tuple(ids.shape)), torch.inference_mode():
            written = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self._config.answer_tokens,
                do_sample=False,
                pad_token_id=self._loaded.tokenizer.pad_token_id or 0,
            )
        return replace(segment, batch=segment.batch.answered(written[:, ids.shape[1] :].cpu()))
