"""A model, by name or in memory -> what a marker is made of: the scorer that fits it, its token counter, its cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.adapters import Adapter, find_adapter, is_adapter, merged
from attngs.context_cache import ContextCache
from attngs.embedded import load_embedded
from attngs.loading import LoadedModel, load_model, wrap_model
from attngs.model_scorers import decoder_layers, encoder_layers, probe_scorer, scorer_of
from attngs.probe import Probe
from attngs.protocols import Scorer
from attngs.scorers.attention import AttentionConfig
from attngs.scorers.embedded import EmbeddedScorer
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
    probe: Probe | None
    """It brings the unit and the threshold that it was fitted for."""


def pretrained_parts(
    name_or_path: str | Path,
    *,
    adapter: str | Path | None,
    device: str | torch.device | None,
    dtype: torch.dtype | None,
    revision: str | None,
    window: int | None,
    config: AttentionConfig | None,
    probe: Probe | None,
    cache: ContextCache,
    cache_storage: str | None,
    max_batch_tokens: int | None,
) -> MarkerParts:
    """For `Marker.from_pretrained`, where the settings and errors are documented."""
    name, found = str(name_or_path), find_adapter(adapter) if adapter is not None else None
    if found is None and is_adapter(name_or_path):
        found = find_adapter(name_or_path)
        name, revision = found.base, revision or found.revision
    if found and not config and not probe:
        config = trained_config(found)
    if found and name == EMBEDDED:
        return _embedded_parts(merged(load_embedded(), found), config, probe, cache)
    loaded = load_model(
        name,
        device=device,
        dtype=dtype,
        revision=revision,
        decoder_layers=decoder_layers(config, probe),
        encoder_layers=encoder_layers(config),
        window=window or (probe.window if probe else None),
        max_batch_tokens=max_batch_tokens,
        cache_storage=cache_storage,
    )
    loaded = merged(loaded, found) if found else loaded
    return _model_parts(loaded, config, probe, cache)


def model_parts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    window: int | None,
    config: AttentionConfig | None,
    probe: Probe | None,
    cache: ContextCache,
    cache_storage: str | None,
    max_batch_tokens: int | None,
) -> MarkerParts:
    """For `Marker.from_model`."""
    window = window or (probe.window if probe else None)
    loaded = wrap_model(model, tokenizer, window=window, max_batch_tokens=max_batch_tokens, cache_storage=cache_storage)
    return _model_parts(loaded, config, probe, cache)


def embedded_parts(probe: Probe | None, cache: ContextCache) -> MarkerParts:
    """For `Marker.default`."""
    return _embedded_parts(load_embedded(), None, probe, cache)


def embedded_scorer(loaded: LoadedModel, cache: ContextCache) -> Scorer:
    """The score of the embedded marker."""
    return EmbeddedScorer(SentenceStates(loaded, cache=cache))


def trained_config(adapter: Adapter) -> AttentionConfig | None:
    """What was read of the model while the adapter was trained; `None` for an encoder's states, or where nobody wrote it down."""
    kept = adapter.record.get("attention")
    if not kept:
        return None
    return AttentionConfig(**{**kept, "layers": tuple(kept["layers"]), "prompt": ReadingPrompt(**kept["prompt"])})


def _embedded_parts(loaded: LoadedModel, config: AttentionConfig | None, probe: Probe | None, cache: ContextCache) -> MarkerParts:
    if probe:
        return _parts(loaded, probe_scorer(loaded, probe, cache, default=EmbeddedScorer), cache, probe)
    return _parts(loaded, scorer_of(loaded, config, cache) if config else embedded_scorer(loaded, cache), cache, None)


def _model_parts(loaded: LoadedModel, config: AttentionConfig | None, probe: Probe | None, cache: ContextCache) -> MarkerParts:
    scorer = probe_scorer(loaded, probe, cache) if probe else scorer_of(loaded, config, cache)
    return _parts(loaded, scorer, cache, probe)


def _parts(loaded: LoadedModel, scorer: Scorer, cache: ContextCache, probe: Probe | None) -> MarkerParts:
    counter = TokenizerCounter(loaded.tokenizer, loaded.name)
    return MarkerParts(scorer=scorer, counter=counter, cache=cache, name=loaded.name, probe=probe)
