"""A model, by name or in memory -> what a marker is made of: the scorer that fits it, its token counter, its cache."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attngs.errors import ConfigError
from attngs.marking.features.assemble import decoder_reader, encoder_reader, fractions_of, layers_of
from attngs.marking.probe import ModelIdentity, Probe
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.encoder import EmbeddedScorer, EncoderScorer
from attngs.marking.scorers.probe import ProbeScorer
from attngs.protocols import Scorer
from attngs.reading.attention import AttentionReader
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import load_embedded
from attngs.reading.loading import LoadedModel, load_model, wrap_model
from attngs.reading.lora import Adapter, find_adapter, is_adapter, merged
from attngs.reading.segments import ReadingPrompt
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.tokens import TokenizerCounter

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


logger = logging.getLogger(__name__)


def load_probe(probe: str | Path | Probe | None) -> Probe | None:
    """A probe, or the one in a folder.

    Raises:
        AssetError: The folder holds none that can be used.
    """
    return Probe.load(probe) if isinstance(probe, str | Path) else probe


def config_of(layers: Sequence[float] | None, config: AttentionConfig | None, probe: Probe | None) -> AttentionConfig | None:
    """What is read of the model's heads, if the user said so.

    Raises:
        ConfigError: It was said in two ways at once.
    """
    if sum(setting is not None for setting in (layers, config, probe)) > 1:
        raise ConfigError("pass only one of `layers`, `config` and `probe`: a config and a probe have layers of their own.")
    return config if layers is None else AttentionConfig(layers=tuple(layers))


def decoder_layers(config: AttentionConfig | None, probe: Probe | None) -> tuple[float, ...] | None:
    """The layers of a decoder that are enough, as fractions of the depth; a model that also writes an answer needs them all."""
    if probe is not None:
        return fractions_of(layers_of(probe.features), probe.model.layers)
    config = config or AttentionConfig()
    return None if config.answer_tokens else config.layers


def encoder_layers(config: AttentionConfig | None) -> tuple[float, ...] | None:
    """The layers of an encoder that are enough; all where its states are read."""
    return None if config is None or config.answer_tokens else config.layers


def scorer_of(loaded: LoadedModel, config: AttentionConfig | None, cache: ContextCache) -> Scorer:
    """Attention of a decoder, or of an encoder whose heads are asked for; late attention of any other encoder."""
    reads_heads = loaded.causal or config is not None
    return AttentionScorer(loaded, config, cache=cache) if reads_heads else EncoderScorer(SentenceStates(loaded, cache=cache))


def probe_scorer(loaded: LoadedModel, probe: Probe, cache: ContextCache, *, default: type[EncoderScorer] | None = None) -> ProbeScorer:
    """The scorer that a probe makes of a model.

    Args:
        loaded: The model.
        probe: Fitted for this kind of model.
        cache: Keeps what was read of contexts.
        default: The score of an encoder without a probe, where it is not `EncoderScorer`.

    Raises:
        ConfigError: The probe was fitted for another kind of model.
        AssetError: It weighs features that this version does not know.
    """
    identity = identity_of(loaded)
    probe.check_model(identity)
    if identity.name != probe.model.name:
        logger.warning("the probe was fitted for `%s` and is used with `%s`, which has the same size", probe.model.name, identity.name)
    if loaded.causal:
        return ProbeScorer(decoder_reader(loaded, probe.features, identity.layers, cache), probe)
    states = SentenceStates(loaded, cache=cache)
    return ProbeScorer(encoder_reader(states, (default or EncoderScorer)(states), probe.features), probe)


def identity_of(loaded: LoadedModel) -> ModelIdentity:
    """What a probe remembers of a model."""
    text = loaded.model.config.get_text_config()
    layers = loaded.readable_layers or (len(AttentionReader(loaded.model).depths) if loaded.causal else text.num_hidden_layers)
    return ModelIdentity(
        name=loaded.name,
        model_type=loaded.model.config.model_type,
        layers=int(layers),
        heads=int(text.num_attention_heads),
        hidden_size=int(text.hidden_size),
        vocabulary_size=int(text.vocab_size),
    )


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
