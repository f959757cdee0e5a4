"""Embeddings and cross-encoders that somebody already has score sentences, and fail by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from attngs import ContextCache, ContextCompressor, CrossEncoderScorer, EmbeddingScorer, Marker
from attngs.errors import ConfigError, ModelError
from attngs.marking.scorers.fusion import FusedScorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.protocols import Scorer
from attngs.testing import FakeCrossEncoder, FakeEmbeddings, check_scorer, count_words
from attngs.types import Document, ScoreRequest, Sentence

TEXTS = ("Rosa keeps bees.", "The tram was late.", "Bees like thyme, Rosa says.")


class LlamaShaped:
    """The same vectors by the methods of LlamaIndex."""

    def __init__(self) -> None:
        self._embeddings = FakeEmbeddings()

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        return self._embeddings.embed_documents(texts)

    def get_query_embedding(self, query: str) -> list[float]:
        return self._embeddings.embed_query(query)


class LangChainShaped:
    """The same scores by the method of LangChain's cross-encoders, as a column."""

    def score(self, pairs: list[tuple[str, str]]) -> np.ndarray[Any, Any]:
        return np.array(FakeCrossEncoder().predict(pairs))[:, None]


class Broken:
    """Embeddings and cross-encoder at once, whose answers a test chooses; questions get one vector of three numbers."""

    def __init__(self, answer: Callable[[list[Any]], Any]) -> None:
        self._answer = answer

    def embed_documents(self, texts: list[str]) -> Any:
        return self._answer(texts)

    def embed_query(self, text: str) -> list[float]:
        return [1.0, 0.0, 0.0]

    def predict(self, pairs: list[tuple[str, str]]) -> Any:
        return self._answer(pairs)


def sentences_of(*texts: str) -> list[Sentence]:
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(texts)]
    return [Sentence(document=document, position=n, start=0, end=len(document.text)) for n, document in enumerate(documents)]


@pytest.mark.parametrize(
    "scorer",
    [
        EmbeddingScorer(FakeEmbeddings()),
        EmbeddingScorer(LlamaShaped()),
        EmbeddingScorer(FakeEmbeddings(), cache=ContextCache(0)),
        CrossEncoderScorer(FakeCrossEncoder()),
        CrossEncoderScorer(LangChainShaped()),
        FusedScorer((LexicalScorer(), 1.0), (EmbeddingScorer(FakeEmbeddings()), 0.5), (CrossEncoderScorer(FakeCrossEncoder()), 0.5)),
    ],
)
def test_contract(scorer: Scorer) -> None:
    check_scorer(scorer)


def test_embeddings_score_by_cosine() -> None:
    scores = EmbeddingScorer(FakeEmbeddings()).score("Rosa bees", sentences_of("Rosa bees", "Rosa bees Rosa trams", "unrelated", " \n"))
    assert scores == pytest.approx([1.0, 3 / math.sqrt(2 * 6), 0.0, -1.0])
    assert EmbeddingScorer(LlamaShaped()).score("Rosa", sentences_of(*TEXTS)) == EmbeddingScorer(FakeEmbeddings()).score(
        "Rosa", sentences_of(*TEXTS)
    )


def test_a_vector_of_zeros_is_like_nothing() -> None:
    scorer = EmbeddingScorer(Broken(lambda texts: [[0.0] * 3 for _ in texts]))
    assert scorer.score("Rosa?", sentences_of(*TEXTS)) == [0.0, 0.0, 0.0]


def test_a_sentence_is_embedded_once_for_each_namespace() -> None:
    embeddings = FakeEmbeddings()
    scorer = EmbeddingScorer(embeddings)
    warmth = scorer.warm(sentences_of(*TEXTS, TEXTS[0]), "ana")
    assert warmth.kept == warmth.tokens > 0
    assert embeddings.calls == [list(TEXTS)]
    scorer.score_batch([ScoreRequest(query="Bees?", sentences=sentences_of(*TEXTS, "New."), namespace="ana")])
    assert embeddings.calls[1:] == [["Bees?"], ["New."]]
    scorer.score_batch([ScoreRequest(query="Bees?", sentences=sentences_of(*TEXTS), namespace="ben")])
    assert embeddings.calls[-1] == list(TEXTS)
    scorer.forget("ana")
    scorer.warm(sentences_of(TEXTS[0]), "ana")
    assert embeddings.calls[-1] == [TEXTS[0]]


def test_a_cache_that_is_too_small_says_so() -> None:
    warmth = EmbeddingScorer(FakeEmbeddings(), cache=ContextCache(0)).warm(sentences_of(*TEXTS), "")
    assert warmth.tokens > 0 == warmth.kept == warmth.bytes


def test_a_cross_encoder_reads_each_different_sentence_once() -> None:
    model = FakeCrossEncoder()
    scores = CrossEncoderScorer(model).score("Which bees?", sentences_of(*TEXTS, " ", TEXTS[0]))
    assert scores == [1.0, 0.0, 1.0, 0.0, 1.0]
    assert model.calls == [[("Which bees?", text) for text in TEXTS]]
    assert CrossEncoderScorer(model).score("Which bees?", sentences_of(" ", "\n")) == [0.0, 0.0]


def test_no_request_has_a_lone_surrogate() -> None:
    embeddings, model = FakeEmbeddings(), FakeCrossEncoder()
    for scorer in (EmbeddingScorer(embeddings), CrossEncoderScorer(model)):
        scorer.score("bees \ud800", sentences_of("bees \udfff"))
    assert embeddings.calls == [["bees \ufffd"], ["bees \ufffd"]]
    assert model.calls == [[("bees \ufffd", "bees \ufffd")]]


def refused(texts: list[Any]) -> Any:
    raise PermissionError("key sk-123 is not valid")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refused, r"failed .*PermissionError"),
        (lambda texts: [[1.0, 2.0, 3.0]], r"shape \(1, 3\)"),
        (lambda texts: [1.0 for _ in texts], r"shape \(3,\)"),
        (lambda texts: [[] for _ in texts], r"shape \(3, 0\)"),
        (lambda texts: [[1.0] * (number + 1) for number, _ in enumerate(texts)], "different lengths"),
        (lambda texts: None, r"shape \(\)"),
        (lambda texts: [["a"] for _ in texts], "no vectors"),
        (lambda texts: [[1.0, math.nan, 0.0] for _ in texts], "not a number"),
        (lambda texts: [[1e39, 0.0, 0.0] for _ in texts], "not a number"),
        (lambda texts: torch.ones(len(texts), 3, requires_grad=True), "no vectors"),
        (lambda texts: [[1.0, 0.0] for _ in texts], "gave the question 3 numbers and a sentence 2"),
    ],
)
def test_embeddings_that_fail_are_named(answer: Callable[[list[Any]], Any], message: str) -> None:
    with pytest.raises(ModelError, match=f"`Broken`.*{message}|`Broken` {message}") as caught:
        EmbeddingScorer(Broken(answer)).score("Bees?", sentences_of(*TEXTS))
    assert "sk-123" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refused, r"failed on 3 pairs \(PermissionError\)"),
        (lambda pairs: [1.0], r"shape \(1,\) for 3 pairs"),
        (lambda pairs: [[0.1, 0.9] for _ in pairs], r"shape \(3, 2\)"),
        (lambda pairs: "high", "holds no scores"),
        (lambda pairs: [math.inf for _ in pairs], "not a number"),
        (lambda pairs: torch.ones(len(pairs), requires_grad=True), "holds no scores"),
    ],
)
def test_cross_encoders_that_fail_are_named(answer: Callable[[list[Any]], Any], message: str) -> None:
    with pytest.raises(ModelError, match=f"`Broken`.*{message}") as caught:
        CrossEncoderScorer(Broken(answer)).score("Bees?", sentences_of(*TEXTS))
    assert "sk-123" not in str(caught.value)


def test_one_failing_request_leaves_the_others_alone() -> None:
    scorer = EmbeddingScorer(Broken(lambda texts: [[1.0, 0.0, 0.0] for _ in texts] if texts != ["bad"] else None))
    good, bad = (ScoreRequest(query="?", sentences=sentences_of(text)) for text in ("good", "bad"))
    first, second, third = scorer.score_batch([good, bad, good])
    assert first == third == [1.0]
    assert isinstance(second, ModelError)


def test_what_has_none_of_the_methods_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"`embeddings` must have `embed_documents`.*got a `FakeCrossEncoder`.*CrossEncoderScorer"):
        EmbeddingScorer(FakeCrossEncoder())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"`model` must have `predict.*got a `FakeEmbeddings`.*EmbeddingScorer"):
        CrossEncoderScorer(FakeEmbeddings())  # type: ignore[arg-type]


def test_a_compressor_with_embeddings_alone_and_fused() -> None:
    for scorer in (EmbeddingScorer(FakeEmbeddings()), FusedScorer((LexicalScorer(), 1.0), (CrossEncoderScorer(FakeCrossEncoder()), 1.0))):
        compressor = ContextCompressor(Marker(scorer), counter=count_words)
        assert (
            compressor.compress("The tram was late. Rosa keeps bees.", "What does Rosa keep?", target_tokens=4).text == "Rosa keeps bees."
        )
