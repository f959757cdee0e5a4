"""Scores of a cross-encoder that you already have: it reads question and sentence together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from attngs.errors import ConfigError, ModelError
from attngs.marking.scorers.batch import BatchedScorer, Scores, attempt_each
from attngs.protocols import Floats
from attngs.text.documents import clean_text
from attngs.types import ScoreRequest

Pair = tuple[str, str]


@runtime_checkable
class PredictsPairs(Protocol):
    """A cross-encoder with the method of sentence-transformers."""

    def predict(self, pairs: list[Pair]) -> Any: ...


@runtime_checkable
class ScoresPairs(Protocol):
    """A cross-encoder with the method of LangChain."""

    def score(self, pairs: list[Pair]) -> Any: ...


class CrossEncoderScorer(BatchedScorer):
    """The model's score for each pair of question and sentence.

    Nothing can be kept for the next question, since every pair is read anew: a long context takes as many passes as it has sentences.

    Args:
        model: Has `predict(pairs)`, as in sentence-transformers, or `score(pairs)`, as in LangChain.

    Raises:
        ConfigError: `model` has neither method.
    """

    def __init__(self, model: PredictsPairs | ScoresPairs) -> None:
        self._predict: Callable[[list[Pair]], Any]
        if isinstance(model, PredictsPairs):
            self._predict = model.predict
        elif isinstance(model, ScoresPairs):
            self._predict = model.score
        else:
            raise ConfigError(
                f"`model` must have `predict(pairs)` or `score(pairs)`, got a `{type(model).__name__}`. For embeddings use "
                "`EmbeddingScorer`."
            )
        self._name = type(model).__name__

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or its error."""
        return attempt_each(self._scores, requests)

    def _scores(self, request: ScoreRequest) -> list[float]:
        """Equal sentences are read once; one without words gets the lowest score of the others."""
        texts = [sentence.text.strip() for sentence in request.sentences]
        distinct = [text for text in dict.fromkeys(texts) if text]
        if not distinct:
            return [0.0 for _ in texts]
        found = dict(
            zip(distinct, self._predicted([(clean_text(request.query), clean_text(text)) for text in distinct]).tolist(), strict=True)
        )
        lowest = min(found.values())
        return [float(found.get(text, lowest)) for text in texts]

    def _predicted(self, pairs: list[Pair]) -> Floats:
        try:
            values = self._predict(pairs)
        except Exception as error:
            raise ModelError(f"`{self._name}` failed on {len(pairs)} pairs ({type(error).__name__}); the cause says why.") from error
        try:
            scores = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError, RuntimeError) as error:  # tensors raise the last
            raise ModelError(f"`{self._name}` returned a {type(values).__name__} that holds no scores ({error}).") from error
        if scores.shape not in ((len(pairs),), (len(pairs), 1)):
            raise ModelError(
                f"`{self._name}` returned the shape {scores.shape} for {len(pairs)} pairs; it must give one number a pair. A classifier "
                "with several classes is no scorer."
            )
        if not np.isfinite(scores).all():
            raise ModelError(f"`{self._name}` returned a score that is not a number.")
        return scores.reshape(-1)
