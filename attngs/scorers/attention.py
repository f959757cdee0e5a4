"""The paper's score: how much attention the end of the prompt, or the question, pays to each sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from attngs.attention import AttentionReader
from attngs.errors import ConfigError, UnsupportedModelError
from attngs.loading import LoadedModel
from attngs.marking import Floats, lift, score_sentences
from attngs.progress import track
from attngs.segments import Probe, ReadingPrompt, Segmenter, TokenBatch
from attngs.types import Sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionConfig:
    """What is read of the model. The defaults are those of Attn-GS for a decoder."""

    layers: tuple[float, ...] = (0.375,)
    """Fractions of the depth, 0 = first readable layer, 1 = last; several are averaged."""
    probe: Probe | None = None
    """`last` for decoders and `query` for encoders when not given."""
    answer_tokens: int = 0
    """When above 0, the model first writes this many tokens of an answer, and the last of them is the probe (decoders only)."""
    prompt: ReadingPrompt = ReadingPrompt()

    def __post_init__(self) -> None:
        if not isinstance(self.layers, tuple) or not self.layers or not all(0 <= layer <= 1 for layer in self.layers):
            raise ConfigError(f"`layers` must be a tuple of fractions of the depth between 0 and 1, got {self.layers!r}.")
        if self.probe not in (None, "last", "query"):
            raise ConfigError(f"`probe` must be 'last' or 'query', got {self.probe!r}.")
        if self.answer_tokens < 0:
            raise ConfigError(f"`answer_tokens` must be at least 0, got {self.answer_tokens!r}.")


class AttentionScorer:
    """Scores sentences by the attention of a loaded model.

    Attributes:
        layers: The layers that are read, as indices into `reader.depths`.
    """

    def __init__(self, loaded: LoadedModel, config: AttentionConfig | None = None) -> None:
        config = config or AttentionConfig()
        self._loaded = loaded
        self._config = config
        self._probe: Probe = config.probe or ("last" if loaded.causal else "query")
        if config.answer_tokens and not (loaded.causal and loaded.model.can_generate()):
            raise UnsupportedModelError(f"`{loaded.name}` cannot write an answer; set `answer_tokens=0`.")
        if config.answer_tokens > loaded.window // 4:
            raise ConfigError(f"`answer_tokens` may be at most a quarter of the window of {loaded.window}, got {config.answer_tokens}.")
        self.reader = AttentionReader(loaded.model)
        self.layers = tuple(round(fraction * (len(self.reader.depths) - 1)) for fraction in config.layers)
        self.segmenter = Segmenter(
            loaded.tokenizer, window=loaded.window - config.answer_tokens, causal=loaded.causal, prompt=config.prompt
        )

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        """Mean attention per token of each sentence, as a share of all attention on the context; see `attngs.marking`."""
        mass, tokens = self.read(query, sentences)
        return [float(score) for score in score_sentences(mass, tokens)]

    def read(self, query: str, sentences: Sequence[Sentence]) -> tuple[Floats, Floats]:
        """The raw material of the score: lifted attention `(L, H, S)` and tokens `(S,)` of every sentence."""
        heads = self.reader.heads[self.layers[0]]
        mass = np.zeros((len(self.layers), heads, len(sentences)))
        tokens = np.zeros(len(sentences))
        for segment in track(self.segmenter.segments(query, sentences, self._probe), "reading"):
            batch = self._with_answer(segment.batch) if self._config.answer_tokens else segment.batch
            here = slice(segment.first, segment.first + len(segment.tokens))
            mass[:, :, here] += lift(self.reader.read(batch, self.layers)[0].numpy(), batch.input_ids.shape[1])
            tokens[here] += segment.tokens
        return mass, tokens

    def _with_answer(self, batch: TokenBatch) -> TokenBatch:
        model: Any = self._loaded.model
        ids = batch.input_ids.to(model.device)
        with torch.inference_mode():
            written = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self._config.answer_tokens,
                do_sample=False,
                pad_token_id=self._loaded.tokenizer.pad_token_id or 0,
            )
        return batch.answered(written[:, ids.shape[1] :].cpu())
