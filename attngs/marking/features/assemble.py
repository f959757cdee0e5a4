"""Names of features -> a reader that reads these, and nothing that they do not need."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from attngs.errors import AssetError
from attngs.marking.features.attention import AttentionFeatures, HeadName
from attngs.marking.features.encoder import EncoderFeatures
from attngs.marking.features.text import TextFeatures
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.batch import score_batch
from attngs.protocols import FeatureReader, Floats, Scorer, Warmable
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel
from attngs.reading.sentence_states import SentenceStates
from attngs.types import ScoreRequest, Sentence, Warmth


class JoinedFeatures:
    """The features of each reader, in their order."""

    def __init__(self, *readers: FeatureReader) -> None:
        self._readers = readers
        self.names: tuple[str, ...] = tuple(name for reader in readers for name in reader.names)

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, F)` of each request, or the first error that a reader met."""
        parts = [reader.read(requests) for reader in self._readers]
        return [_beside(outcomes) for outcomes in zip(*parts, strict=True)]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Warm every reader that can be."""
        warmths = [reader.warm(sentences, namespace) for reader in self._readers if isinstance(reader, Warmable)]
        return max(warmths, default=Warmth(tokens=0, kept=0, bytes=0))


def _beside(outcomes: Sequence[Floats | Exception]) -> Floats | Exception:
    found = list[Floats]()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            return outcome
        found.append(outcome)
    return np.concatenate(found, axis=1)


DEFAULT = "default.score"
"""The score of the marker that has no probe."""


class ScoreFeature:
    """One feature: what a scorer says."""

    names = (DEFAULT,)

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def read(self, requests: Sequence[ScoreRequest]) -> list[Floats | Exception]:
        """`(S, 1)` of each request, or the error that it met."""
        outcomes = score_batch(self._scorer, requests)
        return [outcome if isinstance(outcome, Exception) else np.asarray(outcome, dtype=np.float64)[:, None] for outcome in outcomes]

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Warm the scorer, if it can be."""
        return self._scorer.warm(sentences, namespace) if isinstance(self._scorer, Warmable) else Warmth(tokens=0, kept=0, bytes=0)


def layers_of(names: Sequence[str]) -> tuple[int, ...]:
    """The readable layers that these features read."""
    return tuple(sorted({part.layer for name in names if (part := HeadName.parse(name))}))


def fractions_of(layers: Sequence[int], readable_layers: int) -> tuple[float, ...]:
    """The same layers as fractions of the depth, exactly; the first one where none is read."""
    return tuple(layer / max(readable_layers - 1, 1) for layer in layers) or (0.0,)


def encoder_reader(states: SentenceStates, default: Scorer, names: Collection[str] | None = None) -> FeatureReader:
    """What an encoder's states, the words and the default score say.

    Args:
        states: The encoder.
        default: The marker that has no probe.
        names: The features that are wanted; all when not given.

    Raises:
        AssetError: A name is not known to this version.
    """
    parts = (ScoreFeature(default), EncoderFeatures(states, names), TextFeatures(states.cache, names))
    wanted = [part for part in parts if names is None or set(part.names) & set(names)]
    reader = JoinedFeatures(*wanted)
    check_names(names or (), reader)
    return reader


def decoder_reader(loaded: LoadedModel, names: Sequence[str], readable_layers: int, cache: ContextCache) -> FeatureReader:
    """The named heads and, where one is named, the features of the text.

    Raises:
        AssetError: A name is not known to this version, or asks for a layer or head that the model does not have.
    """
    text = TextFeatures(cache, names)
    heads = [name for name in names if HeadName.parse(name)]
    if unknown := sorted(set(names) - set(heads) - set(text.names)):
        raise AssetError(f"the features {unknown[:3]} are not known to this version of attngs for a decoder; fit the probe again.")
    if max(layers_of(names), default=0) >= readable_layers:
        raise AssetError(f"the probe reads layer {max(layers_of(names))}; `{loaded.name}` has {readable_layers} readable layers.")
    readers: list[FeatureReader] = []
    if heads:
        config = AttentionConfig(layers=fractions_of(layers_of(names), readable_layers))
        readers.append(AttentionFeatures(AttentionScorer(loaded, config, cache=cache), heads))
    if len(heads) < len(names):
        readers.append(text)
    return JoinedFeatures(*readers)


def check_names(names: Collection[str], reader: FeatureReader) -> None:
    """Make sure that a probe's features can be read.

    Raises:
        AssetError: One is not there.
    """
    if unknown := sorted(set(names) - set(reader.names)):
        raise AssetError(
            f"the probe's features {unknown[:3]} are not known to this version of attngs for this kind of model; fit it again."
        )
