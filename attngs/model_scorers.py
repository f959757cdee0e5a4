"""A loaded model and what the user wants of it -> the scorer that reads it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from attngs.attention import AttentionReader
from attngs.context_cache import ContextCache
from attngs.errors import ConfigError
from attngs.features.assemble import decoder_reader, encoder_reader, fractions_of, layers_of
from attngs.loading import LoadedModel
from attngs.probe import ModelIdentity, Probe
from attngs.protocols import Scorer
from attngs.scorers.attention import AttentionConfig, AttentionScorer
from attngs.scorers.encoder import EncoderScorer
from attngs.scorers.probe import ProbeScorer
from attngs.sentence_states import SentenceStates

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
