"""Similarity by embeddings that you already have: LangChain's, LlamaIndex's, or alike.

The vectors of sentences are kept, so each sentence is embedded once, however many questions follow. A question is embedded each time. The
scorer does not say how alike two sentences are (`Likeness`): what follows from that goes by thresholds of the embedded encoder, and other
models have cosines of .7 between sentences that have nothing in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from attngs.errors import ConfigError, ModelError
from attngs.marking.scorers.batch import BatchedScorer, Scores, attempt_each
from attngs.protocols import Floats
from attngs.reading.context_cache import ContextCache, Key, digest
from attngs.text.documents import clean_text
from attngs.text.words import words
from attngs.types import ScoreRequest, Sentence, Warmth

AT_ONCE = 1_024
"""Texts of one call of the client, which cuts them further as its service demands; bounds memory for a long context."""

NOTHING = -1.0
"""The score of a sentence without words, the least that a cosine can be."""

ENTRY_BYTES = 200
"""What a kept vector takes beside its numbers, about."""

Vector = NDArray[np.float32]


@runtime_checkable
class QueryAndDocuments(Protocol):
    """Embeddings with the methods of LangChain."""

    def embed_documents(self, texts: list[str]) -> Any: ...

    def embed_query(self, text: str) -> Any: ...


@runtime_checkable
class QueryAndTexts(Protocol):
    """Embeddings with the methods of LlamaIndex."""

    def get_text_embedding_batch(self, texts: list[str]) -> Any: ...

    def get_query_embedding(self, query: str) -> Any: ...


class EmbeddingScorer(BatchedScorer):
    """Cosine of the question's vector and each sentence's.

    Args:
        embeddings: Has `embed_documents` and `embed_query`, as in LangChain, or `get_text_embedding_batch` and `get_query_embedding`, as in
            LlamaIndex.
        cache: Keeps the vectors of sentences, in single precision.

    Raises:
        ConfigError: `embeddings` has neither pair of methods.
    """

    def __init__(self, embeddings: QueryAndDocuments | QueryAndTexts, *, cache: ContextCache | None = None) -> None:
        self._texts: Callable[[list[str]], Any]
        self._query: Callable[[str], Any]
        if isinstance(embeddings, QueryAndDocuments):
            self._texts, self._query = embeddings.embed_documents, embeddings.embed_query
        elif isinstance(embeddings, QueryAndTexts):
            self._texts, self._query = embeddings.get_text_embedding_batch, embeddings.get_query_embedding
        else:
            raise ConfigError(
                f"`embeddings` must have `embed_documents` and `embed_query`, or `get_text_embedding_batch` and `get_query_embedding`, got "
                f"a `{type(embeddings).__name__}`. For a cross-encoder use `CrossEncoderScorer`."
            )
        self._name = type(embeddings).__name__
        self._cache = cache or ContextCache()
        self._salt = uuid4().bytes  # vectors are these embeddings'

    def score_batch(self, requests: Sequence[ScoreRequest]) -> list[Scores | Exception]:
        """The scores of each request, or its error."""
        return attempt_each(self._scores, requests)

    def warm(self, sentences: Sequence[Sentence], namespace: str) -> Warmth:
        """Embed a context before the first question.

        Words stand for tokens, which only the client could count.

        Raises:
            ModelError: The client failed or returned something that is no vector.
        """
        total = kept = size = 0
        for begin in range(0, len(sentences), AT_ONCE):
            texts = [text for sentence in sentences[begin : begin + AT_ONCE] if (text := sentence.text.strip())]
            for text, vector in zip(texts, self._vectors(texts, namespace), strict=True):
                count, held = len(words(text)), self._cache.get(self._key(text, namespace)) is not None
                total, kept, size = total + count, kept + count * held, size + _bytes(vector) * held
        return Warmth(tokens=total, kept=kept, bytes=size)

    def forget(self, namespace: str | None = None) -> None:
        self._cache.clear(namespace)

    def _scores(self, request: ScoreRequest) -> list[float]:
        scores = np.full(len(request.sentences), NOTHING)
        texts = [sentence.text.strip() for sentence in request.sentences]
        spoken = [number for number, text in enumerate(texts) if text]
        if not spoken:
            return scores.tolist()
        (question,) = self._checked([self._called(self._query, clean_text(request.query))], 1, "the question")
        for begin in range(0, len(spoken), AT_ONCE):
            numbers = spoken[begin : begin + AT_ONCE]
            vectors = self._vectors([texts[number] for number in numbers], request.namespace)
            if odd := next((len(vector) for vector in vectors if len(vector) != len(question)), None):
                raise ModelError(
                    f"`{self._name}` gave the question {len(question)} numbers and a sentence {odd}; both must come from the same model."
                )
            scores[numbers] = _directions(np.stack(vectors)) @ _directions(question[None])[0]
        return scores.tolist()

    def _vectors(self, texts: Sequence[str], namespace: str) -> list[Vector]:
        """The vector of each text; those that are kept are not embedded again."""

        def embed(missing: list[int]) -> list[Vector]:
            return self._checked(self._called(self._texts, [clean_text(texts[number]) for number in missing]), len(missing), "sentences")

        return self._cache.remember([self._key(text, namespace) for text in texts], embed, size=_bytes)

    def _key(self, text: str, namespace: str) -> Key:
        return Key(namespace, digest(b"embedding", self._salt, text))

    def _called(self, method: Callable[[Any], Any], argument: object) -> Any:
        try:
            return method(argument)
        except Exception as error:
            raise ModelError(f"`{self._name}` failed ({type(error).__name__}); the cause says why. Try it outside attngs first.") from error

    def _checked(self, vectors: Any, expected: int, what: str) -> list[Vector]:
        try:
            with np.errstate(over="ignore"):  # what is too large for a float32 is refused below
                found = np.asarray(vectors, dtype=np.float32)
        except (TypeError, ValueError, RuntimeError) as error:  # tensors raise the last
            raise ModelError(f"`{self._name}` returned no vectors for {what}, or vectors of different lengths ({error}).") from error
        if found.ndim != 2 or len(found) != expected or not found.shape[1]:
            raise ModelError(f"`{self._name}` returned the shape {found.shape} for {what}; it must be ({expected}, D): one vector a text.")
        if not np.isfinite(found).all():
            raise ModelError(f"`{self._name}` returned a vector for {what} that holds something that is not a number.")
        return [row.copy() for row in found]  # a view would keep the whole batch in memory


def _directions(vectors: NDArray[np.float32]) -> Floats:
    """Vectors `(S, D)` of length 1; one of zeros stays as it is."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros(vectors.shape), where=lengths > 0))


def _bytes(vector: Vector) -> int:
    return vector.nbytes + ENTRY_BYTES
