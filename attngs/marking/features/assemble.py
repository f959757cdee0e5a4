"""Names of features -> a reader of exactly these features, and of nothing else.

`encoder_reader` and `decoder_reader` choose among the readers of this folder; `JoinedFeatures` puts their columns side by side.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from attngs.errors import AssetError
from attngs.marking.features.attention import AttentionFeatures, HeadName
from attngs.marking.features.encoder import EncoderFeatures
from attngs.marking.features.text import TextFeatures
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.batch import Composite, score_batch
from attngs.protocols import FeatureReader, Floats, Scorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel
from attngs.reading.sentence_states import SentenceStates
from attngs.types import ScoreRequest

DEFAULT = "default.score"
"""The score of the marker that has no probe."""


def encoder_reader(states: SentenceStates, default: Scorer, names: Collection[str] | None = None) -> FeatureReader:
    """A reader of an encoder's states, the words and the default score.

    Args:
        states: The encoder.
        default: The scorer of the marker that has no probe.
        names: The wanted features; all when not given.

    Raises:
        AssetError: This version does not know a name.
    """
    parts = (ScoreFeature(default), EncoderFeatures(states, names), TextFeatures(states.cache, names))
    reader = JoinedFeatures(*(part for part in parts if names is None or set(part.names) & set(names)))
    if unknown := sorted(set(names or ()) - set(reader.names)):
        raise _unknown(unknown)
    return reader


def decoder_reader(loaded: LoadedModel, names: Sequence[str], readable_layers: int, cache: ContextCache) -> FeatureReader:
    """A reader of the named heads and, where one is named, the features of the text.

    Raises:
        AssetError: This version does not know a name, or the model lacks the layer or head that it asks for.
    """
    text = TextFeatures(cache, names)
    heads = [name for name in names if HeadName.parse(name)]
    if unknown := sorted(set(names) - set(heads) - set(text.names)):
        raise _unknown(unknown)
    if max(layers_of(names), default=0) >= readable_layers:
        raise AssetError(f"the probe reads layer {max(layers_of(names))}; `{loaded.name}` has {readable_layers} readable layers.")
    readers: list[FeatureReader] = []
    if heads:
        config = AttentionConfig(layers=fractions_of(layers_of(names), readable_layers))
        readers.append(AttentionFeatures(AttentionScorer(loaded, config, cache=cache), heads))
    if len(heads) < len(names):
        readers.append(text)
    return JoinedFeatures(*readers)


def layers_of(names: Sequence[str]) -> tuple[int, ...]:
    """The readable layers that these features read."""
    return tuple(sorted({part.layer for name in names if (part := HeadName.parse(name))}))


def fractions_of(layers: Sequence[int], readable_layers: int) -> tuple[float, ...]:
    """The same layers as exact fractions of the depth; the first layer where none is read."""
    return tuple(layer / max(readable_layers - 1, 1) for layer in layers) or (0.0,)


class JoinedFeatures(Composite):
    """The features of several readers, side by side in their order."""

    def __init__(self, *readers: FeatureReader) -> None:
        super().__init__(*readers)
        self._readers = readers
        self.names: tuple[str, ...] = tuple(name for reader in readers for name in reader.names)

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request, or the first error of a reader."""
        parts = [reader.read(requests) for reader in self._readers]
        return [_beside(outcomes) for outcomes in zip(*parts, strict=True)]


class ScoreFeature(Composite):
    """One feature: the score of a scorer."""

    names = (DEFAULT,)

    def __init__(self, scorer: Scorer) -> None:
        super().__init__(scorer)
        self._scorer = scorer

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, 1)` of each request, or its error."""
        outcomes = score_batch(self._scorer, requests)
        return [outcome if isinstance(outcome, Exception) else np.asarray(outcome, dtype=np.float64)[:, None] for outcome in outcomes]


def _beside(outcomes: Sequence[Floats | Exception]) -> Floats | Exception:
    columns = list[Floats]()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            return outcome
        columns.append(outcome)
    return np.concatenate(columns, axis=1)


def _unknown(names: Sequence[str]) -> AssetError:
    return AssetError(f"the features {names[:3]} are not known to this version of attngs for this kind of model; fit the probe again.")
