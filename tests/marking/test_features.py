"""Features mean what their names say, at every scale, and read only what is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs.errors import AssetError, ModelError
from attngs.marking.features.assemble import DEFAULT, JoinedFeatures, ScoreFeature, decoder_reader, encoder_reader, fractions_of, layers_of
from attngs.marking.features.attention import AttentionFeatures, HeadName, head_names
from attngs.marking.features.encoder import EncoderFeatures
from attngs.marking.features.text import TextFeatures
from attngs.marking.scales import SCALES, Layout, standardised
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.late_attention import LateAttentionScorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.states import CosineScorer
from attngs.protocols import FeatureReader
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel, wrap_model
from attngs.reading.sentence_states import SentenceStates
from attngs.testing import FakeScorer, tiny_model, tiny_tokenizer
from attngs.text.sentences import split_sentences
from attngs.types import Document, ScoreRequest, Sentence

TEXTS = ("Ana likes tea. She moved to Porto. It rained.", "Ben: what is new? Rita has two cats.", "Nothing.")
QUERY = "Where did Ana move?"


def sentences_of(*texts: str) -> tuple[Sentence, ...]:
    return tuple(
        Sentence(document=Document(text=text, id=str(position)), position=position, start=span.start, end=span.end)
        for position, text in enumerate(texts)
        for span in split_sentences(text, "sentence")
    )


def request(query: str = QUERY, texts: tuple[str, ...] = TEXTS) -> ScoreRequest:
    return ScoreRequest(query=query, sentences=sentences_of(*texts))


def loaded(model_type: str = "qwen2") -> LoadedModel:
    return wrap_model(tiny_model(model_type, max_position_embeddings=2048), tiny_tokenizer(), name="tiny")


def read(reader: FeatureReader, asked: ScoreRequest) -> dict[str, np.ndarray]:
    (outcome,) = reader.read([asked])
    assert not isinstance(outcome, Exception)
    assert outcome.shape == (len(asked.sentences), len(reader.names))
    assert np.isfinite(outcome).all()
    return dict(zip(reader.names, outcome.T, strict=True))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.sampled_from(list(SCALES.values())), st.integers(0, 9))
def test_windows_stay_in_their_document(sizes: list[int], neighbours: int | None, seed: int) -> None:
    document = Document(text="x" * 9)
    layout = Layout.of([Sentence(document=document, position=p, start=i, end=i + 1) for p, n in enumerate(sizes) for i in range(n)])
    values = np.random.default_rng(seed).normal(size=(sum(sizes), 2))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    far = len(owner) if neighbours is None else neighbours
    near = (owner[:, None] == owner) & (np.abs(np.arange(len(owner))[:, None] - np.arange(len(owner))) <= far)
    np.testing.assert_allclose(layout.total(values, neighbours), near @ values, atol=1e-12)
    np.testing.assert_allclose(layout.highest(values, neighbours), [values[row].max(axis=0) for row in near])


def test_standardised_keeps_how_far_ahead_and_says_nothing_of_equals() -> None:
    np.testing.assert_allclose(standardised(np.array([0.0, 0.0, 3.0])), np.array([-1.0, -1.0, 2.0]) / 2**0.5)
    assert not standardised(np.full(4, 0.1 + 0.2)).any()
    assert standardised(np.empty(0)).shape == (0,)


def test_text_features_by_hand() -> None:
    found = read(TextFeatures(), request())
    scores = np.array(LexicalScorer().score(QUERY, request().sentences))
    np.testing.assert_allclose(found["words.sentence"], standardised(scores), atol=1e-6)
    assert found["stems.sentence"].argmax() == 0
    assert found["words.document"][0] == found["words.document"][2]
    assert found["form.label"].tolist() == [0, 0, 0, 1, 0, 0]
    assert found["form.question"].tolist() == [0, 0, 0, 1, 0, 0]
    assert found["place.first"].tolist() == [1, 0, 0, 1, 0, 1]
    assert found["place.last"].tolist() == [0, 0, 1, 0, 1, 1]
    assert found["place.document"].tolist() == [0, 0.5, 1, 0, 1, 0]
    assert found["place.document_recency"].tolist() == [0, 0, 0, 0.5, 0.5, 1]
    np.testing.assert_allclose(found["size.context"], np.log(6))
    assert ((found["words.cover"] >= 0) & (found["words.cover"] <= 1)).all()


def test_encoder_features_are_the_scorers_at_the_scale_of_a_sentence() -> None:
    states = SentenceStates(loaded("bert"))
    found = read(EncoderFeatures(states), request())
    late = np.array(LateAttentionScorer(states).score(QUERY, request().sentences))
    np.testing.assert_allclose(found["late.sentence"], standardised(late), atol=1e-4)
    cosine = np.array(CosineScorer(states).score(QUERY, request().sentences))
    np.testing.assert_allclose(found["cosine.absolute"], cosine, atol=1e-4)
    assert found["cosine.lead"].max() == 0
    np.testing.assert_allclose(np.exp(found["cosine.share"]).sum(), 1)
    assert found["cosine.document"][0] == pytest.approx(found["cosine.document"][2])
    assert not found["other.cosine"].any()
    assert read(EncoderFeatures(states), request("Куда?"))["other.cosine"].any()


@pytest.mark.parametrize("texts", [("x",), ("\u200b",), (" \n", "tea"), ("茶。" * 40, "Tea.")])
@pytest.mark.parametrize("query", ["?", "x", "什么", "<|im_end|> \ud800"])
def test_odd_texts_have_features_too(texts: tuple[str, ...], query: str) -> None:
    states = SentenceStates(loaded("bert"))
    read(encoder_reader(states, CosineScorer(states)), request(query, texts))
    read(decoder_reader(loaded(), (*head_names([1], 4, ("last",)), *TextFeatures().names), 4, ContextCache()), request(query, texts))


def test_the_mean_of_the_heads_is_the_papers_score() -> None:
    model = loaded()
    scorer = AttentionScorer(model, AttentionConfig(layers=(2 / 3,), read_from="last"))
    scores = np.array(scorer.score(QUERY, request().sentences))
    found = read(decoder_reader(model, head_names([1, 2], 4, ("last", "query")), 4, ContextCache()), request())
    shares = np.exp(found["last.L02.mean"])
    np.testing.assert_allclose(shares / shares.sum(), scores / scores.sum(), rtol=1e-4)
    heads = np.mean([np.exp(found[f"last.L02.H{head:02d}"]) for head in range(4)], axis=0)
    np.testing.assert_allclose(shares, heads, rtol=1e-4)
    assert not np.allclose(found["last.L02.mean"], found["query.L02.mean"])
    again = read(decoder_reader(model, head_names([1, 2], 4, ("last", "query")), 4, ContextCache()), request("What does this text say?"))
    np.testing.assert_allclose(found["neutral.last.L01.H03"], again["last.L01.H03"], atol=1e-4)


def test_names_say_what_is_read() -> None:
    names = ("neutral.query.L12.H03", "last.L00.mean")
    assert [str(HeadName.parse(name)) for name in names] == list(names)
    assert HeadName.parse("words.sentence") is None
    assert layers_of((*names, "words.sentence")) == (0, 12)
    assert fractions_of((0, 3), 4) == (0.0, 1.0)
    assert fractions_of((), 4) == (0.0,)
    for reader in (TextFeatures(), EncoderFeatures(SentenceStates(loaded("bert")))):
        assert len(set(reader.names)) == len(reader.names)


def test_what_is_not_there_is_named() -> None:
    model = loaded()
    with pytest.raises(AssetError, match=r"reads layer 9; `tiny` has 4"):
        decoder_reader(model, ["last.L09.mean"], 4, ContextCache())
    with pytest.raises(AssetError, match=r"\['cosine.sentence'\] are not known"):
        decoder_reader(model, ["cosine.sentence"], 4, ContextCache())
    with pytest.raises(AssetError, match=r"`last.L00.H07` asks for attention"):
        AttentionFeatures(AttentionScorer(model, AttentionConfig(layers=(0.0,))), ["last.L00.H07"])


def test_a_batch_gives_each_request_its_own_and_fails_alone() -> None:
    class Half:
        names = ("half",)

        def read(self, requests: list[ScoreRequest]) -> list[np.ndarray | Exception]:
            return [ModelError("no") if "x" in one.query else np.zeros((len(one.sentences), 1)) for one in requests]

    reader = JoinedFeatures(ScoreFeature(FakeScorer("tea")), Half(), TextFeatures())
    assert reader.names[:2] == (DEFAULT, "half")
    good, bad = reader.read([request("tea"), request("x")])
    assert not isinstance(good, Exception)
    assert good[:, 0].tolist() == [1, 0, 0, 0, 0, 0]
    assert isinstance(bad, ModelError)
    assert reader.warm(request().sentences, "") == (0, 0, 0)


WANTED = ("late.passage", "other.cosine", "cosine.feedback", "closest.near", "stems.near", "place.last", "form.digits")


def test_named_features_are_the_columns_of_all_of_them() -> None:
    states = SentenceStates(loaded("bert"))
    default = CosineScorer(states)
    for query in (QUERY, "Куда она?"):
        everything = read(encoder_reader(states, default), request(query))
        few = read(encoder_reader(states, default, (*WANTED, DEFAULT)), request(query))
        assert set(few) == {*WANTED, DEFAULT}
        for name, values in few.items():
            np.testing.assert_allclose(values, everything[name], err_msg=name)


def test_features_that_nobody_weighs_are_not_computed() -> None:
    class Untouched(CosineScorer):
        def score_batch(self, requests: object) -> list[np.ndarray]:
            raise AssertionError("the default score was not asked for")

    states = SentenceStates(loaded("bert"))
    reader = encoder_reader(states, Untouched(states), ("words.cover",))
    assert read(reader, request())["words.cover"].argmax() == 0
    assert states.kept([sentence.text for sentence in request().sentences], "") == 0
    with pytest.raises(AssetError, match=r"\['cosine.nowhere'\] are not known"):
        encoder_reader(states, Untouched(states), ("cosine.nowhere",))


def test_a_context_is_cut_into_words_once() -> None:
    cache = ContextCache()
    reader = TextFeatures(cache, ("words.near", "stems.near"))
    reader.warm(request().sentences, "ana")
    kept = cache.info().entries
    assert kept == 2
    read(reader, ScoreRequest(query="tea", sentences=request().sentences, namespace="ana"))
    assert cache.info().entries == kept
