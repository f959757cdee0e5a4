"""A model, by name or in memory -> what a marker is made of: the scorer that fits it, its token counter, its cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.context_cache import ContextCache
from attngs.embedded import load_embedded
from attngs.errors import ConfigError
from attngs.loading import LoadedModel, load_model, wrap_model
from attngs.protocols import Scorer
from attngs.scorers.attention import AttentionConfig, AttentionScorer
from attngs.scorers.embedded import EmbeddedScorer, encoder_scorer
from attngs.sentence_states import SentenceStates
from attngs.tokens import TokenizerCounter

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerParts:
    """What comes from the model; how texts are cut and scores become marks is the user's choice."""

    scorer: Scorer
    counter: TokenizerCounter
    cache: ContextCache
    name: str


def pretrained_parts(
    name_or_path: str | Path,
    *,
    device: str | torch.device | None,
    dtype: torch.dtype | None,
    revision: str | None,
    window: int | None,
    config: AttentionConfig | None,
    cache: ContextCache,
    cache_storage: str | None,
    max_batch_tokens: int | None,
) -> MarkerParts:
    """For `Marker.from_pretrained`, where the settings and errors are documented."""
    loaded = load_model(
        name_or_path,
        device=device,
        dtype=dtype,
        revision=revision,
        decoder_layers=_layers_needed(config or AttentionConfig()),
        encoder_layers=_layers_needed(config) if config else None,
        window=window,
        max_batch_tokens=max_batch_tokens,
        cache_storage=cache_storage,
    )
    return _parts(loaded, scorer_for(loaded, config, cache), cache)


def model_parts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    window: int | None,
    config: AttentionConfig | None,
    cache: ContextCache,
    cache_storage: str | None,
    max_batch_tokens: int | None,
) -> MarkerParts:
    """For `Marker.from_model`."""
    loaded = wrap_model(model, tokenizer, window=window, max_batch_tokens=max_batch_tokens, cache_storage=cache_storage)
    return _parts(loaded, scorer_for(loaded, config, cache), cache)


def embedded_parts(cache: ContextCache) -> MarkerParts:
    """For `Marker.default`."""
    loaded = load_embedded()
    return _parts(loaded, EmbeddedScorer(SentenceStates(loaded, cache=cache)), cache)


def attention_config(layers: Sequence[float] | None, config: AttentionConfig | None) -> AttentionConfig | None:
    """What was asked for in one way or the other.

    Raises:
        ConfigError: It was asked for in both.
    """
    if layers is None:
        return config
    if config is not None:
        raise ConfigError("pass `layers` or `config`, not both: a config has `layers` of its own.")
    return AttentionConfig(layers=tuple(layers))


def scorer_for(loaded: LoadedModel, config: AttentionConfig | None, cache: ContextCache) -> Scorer:
    """Attention of a decoder, or of an encoder whose heads are asked for; late attention of any other encoder."""
    reads_heads = loaded.causal or config is not None
    return AttentionScorer(loaded, config, cache=cache) if reads_heads else encoder_scorer(SentenceStates(loaded, cache=cache))


def _layers_needed(config: AttentionConfig) -> tuple[float, ...] | None:
    """The layers that are enough; a model that also writes an answer needs them all."""
    return None if config.answer_tokens else config.layers


def _parts(loaded: LoadedModel, scorer: Scorer, cache: ContextCache) -> MarkerParts:
    return MarkerParts(scorer=scorer, counter=TokenizerCounter(loaded.tokenizer, loaded.name), cache=cache, name=loaded.name)
