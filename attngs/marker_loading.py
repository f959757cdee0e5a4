"""A model, by name or in memory -> what a marker is made of: the scorer that fits it, its token counter, its cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.adapters import Adapter, find_adapter, is_adapter, merged
from attngs.context_cache import ContextCache
from attngs.embedded import load_embedded
from attngs.errors import ConfigError
from attngs.loading import LoadedModel, load_model, wrap_model
from attngs.protocols import Scorer
from attngs.scorers.attention import AttentionConfig, AttentionScorer
from attngs.scorers.embedded import EmbeddedScorer, encoder_scorer
from attngs.segments import ReadingPrompt
from attngs.sentence_states import SentenceStates
from attngs.tokens import TokenizerCounter

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


EMBEDDED = "default"
"""The name of the embedded marker."""


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
    adapter: str | Path | None,
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
    name, found = str(name_or_path), find_adapter(adapter) if adapter is not None else None
    if found is None and is_adapter(name_or_path):
        found = find_adapter(name_or_path)
        name, revision = found.base, revision or found.revision
    config = config or (trained_config(found) if found else None)
    if found and name == EMBEDDED:
        loaded = merged(load_embedded(), found)
        return _parts(loaded, scorer_for(loaded, config, cache) if config else embedded_scorer(loaded, cache), cache)
    loaded = load_model(
        name,
        device=device,
        dtype=dtype,
        revision=revision,
        decoder_layers=_layers_needed(config or AttentionConfig()),
        encoder_layers=_layers_needed(config) if config else None,
        window=window,
        max_batch_tokens=max_batch_tokens,
        cache_storage=cache_storage,
    )
    loaded = merged(loaded, found) if found else loaded
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
    return _parts(loaded, embedded_scorer(loaded, cache), cache)


def embedded_scorer(loaded: LoadedModel, cache: ContextCache) -> Scorer:
    """The score of the embedded marker."""
    return EmbeddedScorer(SentenceStates(loaded, cache=cache))


def trained_config(adapter: Adapter) -> AttentionConfig | None:
    """What was read of the model while the adapter was trained; `None` for an encoder's states, or where nobody wrote it down."""
    kept = adapter.record.get("attention")
    if not kept:
        return None
    return AttentionConfig(**{**kept, "layers": tuple(kept["layers"]), "prompt": ReadingPrompt(**kept["prompt"])})


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
