"""The model that a probe is fitted for: its features, and its score without a probe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from attngs.marking.assembly import identity_of
from attngs.marking.features.assemble import DEFAULT, decoder_reader, encoder_reader
from attngs.marking.features.attention import HeadName, head_names
from attngs.marking.features.text import TextFeatures
from attngs.marking.probe import ModelIdentity
from attngs.marking.scorers.attention import AttentionConfig
from attngs.marking.scorers.encoder import EmbeddedScorer, EncoderScorer
from attngs.protocols import FeatureReader
from attngs.reading.anatomy import layers_at
from attngs.reading.attention import AttentionReader
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel, ModelSettings, load_model
from attngs.reading.sentence_states import SentenceStates


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProbeModel:
    """A loaded model with all its features."""

    loaded: LoadedModel
    identity: ModelIdentity
    reader: FeatureReader
    default: str
    """The feature that is the score of an encoder's marker without a probe, or about that of a decoder's attention alone."""


def load_probe_model(marker: str | Path | LoadedModel, *, cache: ContextCache, window: int | None) -> ProbeModel:
    """Load a model with all its layers, and list what can be read of it.

    Raises:
        ModelNotFoundError: Nothing by that name could be loaded.
        UnsupportedModelError: Its attention cannot be read.
        MissingDependencyError: The embedded marker is not installed.
    """
    embedded = marker == "default"
    if embedded:
        from attngs.reading.embedded import load_embedded

        loaded = load_embedded()
    else:
        loaded = marker if isinstance(marker, LoadedModel) else load_model(str(marker), ModelSettings(window=window))
    if loaded.causal:
        return _decoder(loaded, cache)
    states = SentenceStates(loaded, cache=cache)
    reader = encoder_reader(states, EmbeddedScorer(states) if embedded else EncoderScorer(states))
    return ProbeModel(loaded=loaded, identity=identity_of(loaded), reader=reader, default=DEFAULT)


def _decoder(loaded: LoadedModel, cache: ContextCache) -> ProbeModel:
    """Read every head from both positions, for the question and for the neutral one.

    Layers that have another number of heads than most are left out.
    """
    heads = AttentionReader(loaded.model).heads
    usual = Counter(heads).most_common(1)[0][0]
    layers = [layer for layer, count in enumerate(heads) if count == usual]
    names = (*head_names(layers, usual, ("last", "query")), *TextFeatures().names)
    config = AttentionConfig()
    (middle,) = layers_at((fmean(config.layers),), len(heads))  # stands for the mean over the default's layers
    default = HeadName(False, config.read_from, min(layers, key=lambda layer: abs(layer - middle)), None)
    reader = decoder_reader(loaded, names, len(heads), cache)
    return ProbeModel(loaded=loaded, identity=identity_of(loaded), reader=reader, default=str(default))
