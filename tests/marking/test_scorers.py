"""Every scorer keeps the contract; each does what its one line says."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from attngs import Marker
from attngs.errors import ConfigError, ModelError, UnsupportedModelError
from attngs.marking.algorithm import ranking
from attngs.marking.scales import Layout, standardised
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.differential import NEUTRAL_QUERY, DifferentialScorer
from attngs.marking.scorers.encoder import EmbeddedScorer, EncoderScorer, second_hop
from attngs.marking.scorers.fusion import FusedScorer, RankFusionScorer, mean_ranks
from attngs.marking.scorers.late_attention import LateAttentionScorer
from attngs.marking.scorers.lexical import LexicalScorer, Overlap, WordIndex
from attngs.marking.scorers.similarities import KnownContext, Similarities
from attngs.marking.scorers.simple import LeadScorer, PermutedScorer, RandomScorer, RecencyScorer
from attngs.marking.scorers.states import CosineScorer
from attngs.protocols import Likeness, Scorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import LoadedModel, ModelSettings, wrap_model
from attngs.reading.sentence_states import ENTRY_BYTES, SentenceStates
from attngs.testing import FakeScorer, check_scorer, tiny_model, tiny_tokenizer
from attngs.text.sentences import split_sentences
from attngs.text.words import words
from attngs.types import Document, ScoreRequest, Sentence


def sentences_of(*texts: str) -> list[Sentence]:
    return [
        Sentence(document=Document(text=text, id=str(position)), position=position, start=span.start, end=span.end)
        for position, text in enumerate(texts)
        for span in split_sentences(text, "sentence")
    ]


def loaded(model_type: str = "qwen2", window: int | None = None) -> LoadedModel:
    settings = {"max_position_embeddings": 4096}
    return wrap_model(tiny_model(model_type, **settings), tiny_tokenizer(), ModelSettings(window=window), name="tiny")


def states() -> SentenceStates:
    return SentenceStates(loaded("bert"))


SCORERS: dict[str, Callable[[], Scorer]] = {
    "attention of a decoder": lambda: AttentionScorer(loaded()),
    "attention of an encoder": lambda: AttentionScorer(loaded("bert")),
    "attention in the paper's setting": lambda: AttentionScorer(loaded(), AttentionConfig.paper()),
    "read from an answer": lambda: AttentionScorer(loaded(), AttentionConfig(answer_tokens=2)),
    "windows": lambda: AttentionScorer(loaded(window=600)),
    "differential": lambda: DifferentialScorer(AttentionScorer(loaded())),
    "late attention": lambda: LateAttentionScorer(states()),
    "cosine": lambda: CosineScorer(states()),
    "encoder": lambda: EncoderScorer(states()),
    "embedded": lambda: EmbeddedScorer(states()),
    "fused": lambda: FusedScorer((LexicalScorer(), 1.0), (RandomScorer(), 0.1)),
    "rank fusion": lambda: RankFusionScorer((LexicalScorer(), 1.0), (RandomScorer(), 0.1)),
    "lexical": LexicalScorer,
    "lead": LeadScorer,
    "recency": RecencyScorer,
    "random": RandomScorer,
    "permuted": lambda: PermutedScorer(LexicalScorer()),
    "fake": lambda: FakeScorer("one"),
}


@pytest.mark.parametrize("name", SCORERS)
def test_contract(name: str) -> None:
    check_scorer(SCORERS[name]())


def test_a_fusion_knows_likeness_where_a_part_does() -> None:
    encoder = CosineScorer(states())
    assert not isinstance(FusedScorer((LexicalScorer(), 1.0), (LeadScorer(), 1.0)), Likeness)
    fused = FusedScorer((LexicalScorer(), 1.0), (encoder, 1.0))
    assert isinstance(fused, Likeness)
    assert np.array_equal(fused.likeness(["bees", "trams"], ""), encoder.likeness(["bees", "trams"], ""))


def test_the_contract_check_has_teeth() -> None:
    class Wrong:
        def __init__(self, *scores: float) -> None:
            self._scores = scores

        def score(self, query: str, sentences: object) -> list[float]:
            return list(self._scores) * (1 if len(self._scores) > 1 else len(sentences))  # type: ignore[arg-type]

    for wrong in (Wrong(1.0, 2.0), Wrong(math.nan)):
        with pytest.raises(AssertionError):
            check_scorer(wrong)


def test_attention_of_a_window_equals_eager_attention_by_hand() -> None:
    """The score of the whole pipeline, rebuilt from eager maps: mean per token of the last row, as a share of the context."""
    import torch

    texts = ("One is here. Two is there. ", "And three.")
    sentences = sentences_of(*texts)
    model = loaded()
    scorer = AttentionScorer(model, AttentionConfig(layers=(1 / 3,), read_from="last"))
    scores = scorer.score("Which?", sentences)
    segment = scorer.segmenter.segments("Which?", sentences, "last")[0]
    model.model.set_attn_implementation("eager")
    with torch.no_grad():
        row = model.model(input_ids=segment.batch.input_ids, output_attentions=True).attentions[1][0, :, -1].mean(dim=0)
    owner = segment.batch.owner[0]
    means = np.array([float(row[owner == i].mean()) for i in range(len(sentences))])
    total = float(row[owner < len(sentences)].sum())
    assert np.allclose(scores, means / total, atol=1e-5)


def test_windows_tell_the_same_story_as_one_pass() -> None:
    """A planted repetition of the question stands out whether the text is read at once or in parts."""
    context = [f"Filler number {i} about nothing at all. " for i in range(40)]
    sentences = sentences_of("".join(context))
    whole = AttentionScorer(loaded()).score("Which filler?", sentences)
    parts = AttentionScorer(loaded(window=700)).score("Which filler?", sentences)
    assert sum(parts) > 0
    windows = AttentionScorer(loaded(window=700)).segmenter.segments("Which filler?", sentences, "last")
    assert len(windows) > 2
    assert 0.5 < np.mean(parts) / np.mean(whole) < 2


def test_under_uniform_attention_place_and_window_do_not_matter() -> None:
    """With query weights of zero every softmax is uniform: all equal sentences must score the same, in whichever window they were read."""
    import torch

    model = loaded(window=700)
    with torch.no_grad():
        for name, parameter in model.model.named_parameters():
            if "q_proj" in name:
                parameter.zero_()
    sentences = sentences_of("Twelve char. " * 97 + "x" * 1_500)
    scorer = AttentionScorer(model)
    assert len(scorer.segmenter.segments("q", sentences, "last")) > 3
    scores = np.array(scorer.score("q", sentences))
    assert np.allclose(scores, scores[0], rtol=1e-3)


def test_equal_sentences_get_equal_scores(default_marker: Marker) -> None:
    for number in (1, 2, 100):
        marking = default_marker.mark(["My pills are blue."] * number, "Which pills?")
        assert len(set(marking.scores)) == 1
        assert all(marking.marked)


def test_settings_of_attention_out_of_range() -> None:
    with pytest.raises(ConfigError, match="`read_from`"):
        AttentionConfig(read_from="mean")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`layers`"):
        AttentionConfig(layers=0.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="a quarter of the window"):
        AttentionScorer(loaded(window=600), AttentionConfig(answer_tokens=500))
    with pytest.raises(ConfigError, match="`layers`"):
        AttentionConfig(layers=(1.5,))
    with pytest.raises(ConfigError, match="`answer_tokens`"):
        AttentionConfig(answer_tokens=-1)
    with pytest.raises(UnsupportedModelError, match="cannot write an answer"):
        AttentionScorer(loaded("bert"), AttentionConfig(answer_tokens=1))
    with pytest.raises(UnsupportedModelError, match="is a decoder"):
        SentenceStates(loaded("qwen2"))


def test_differential_takes_the_habit_away() -> None:
    class Habit:
        def score(self, query: str, sentences: object) -> list[float]:
            return [4.0, 1.0 + 3 * ("two" in query)]

    scores = DifferentialScorer(Habit()).score("two", sentences_of("One. Two."))
    assert scores == pytest.approx([math.log(1 / 1.6), math.log(1 / 0.4)])  # each attention as a multiple of its mean


def test_differential_of_nothing_is_nothing() -> None:
    class Silent:
        def score(self, query: str, sentences: object) -> list[float]:
            return [0.0, 0.0] if query == NEUTRAL_QUERY else [0.0, 2.0]

    assert DifferentialScorer(Silent()).score(NEUTRAL_QUERY, sentences_of("One. Two.")) == [0.0, 0.0]
    low, high = DifferentialScorer(Silent()).score("two", sentences_of("One. Two."))
    assert low == 0.0 < high < math.inf


def test_late_attention_by_hand() -> None:
    """Log lift of the mean softmax attention over uniform attention, from the states themselves."""
    memory = states()
    sentences = sentences_of("Some words here. Other words there. More.")
    keys = [state.float().numpy() for state in memory.states([sentence.text for sentence in sentences])]
    asked = memory.states(["which words"])[0].float().numpy()
    logits = asked @ np.concatenate(keys).T / 0.1
    attention = np.exp(logits - logits.max(axis=1, keepdims=True))
    mean = (attention / attention.sum(axis=1, keepdims=True)).mean(axis=0)
    borders = np.cumsum([0, *map(len, keys)])
    expected = [math.log(mean[a:b].mean() * len(mean)) for a, b in pairwise(borders)]
    assert np.allclose(LateAttentionScorer(memory).score("which words", sentences), expected, atol=1e-4)


def test_states_are_read_once_and_bounded() -> None:
    bound = 64 * 2 * 40 + 2 * ENTRY_BYTES
    cache = ContextCache(bound)
    memory = SentenceStates(loaded("bert"), cache=cache)
    first = memory.states(["aaaa", "bbbb", "aaaa"])
    assert cache.info().entries == 2
    again = memory.states(["aaaa"])[0]
    assert cache.info().hits == 1
    assert again.equal(first[0])
    assert again.equal(first[2])
    memory.states(["c" * 30, "d" * 30])
    assert cache.info().bytes <= bound
    assert memory.states(["aaaa"])[0].equal(first[0])  # read anew, the same


def test_a_sentence_longer_than_the_encoder_is_read_in_parts() -> None:
    memory = SentenceStates(wrap_model(tiny_model("bert"), tiny_tokenizer(), ModelSettings(window=64)))
    assert memory.states(["x" * 200])[0].shape == (200, 64)


def test_states_do_not_depend_on_the_batch() -> None:
    texts = [f"text {'long ' * (i % 7)}number {i}" for i in range(40)]
    together = states().states(texts)
    for alone, state in zip((states().states([text])[0] for text in texts[:5]), together, strict=False):
        assert np.allclose(alone.float(), state.float(), atol=2e-3)


def test_an_encoder_that_returns_no_numbers_is_an_error() -> None:
    import torch

    model = loaded("bert")
    with torch.no_grad():
        model.model.embeddings.LayerNorm.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="float32"):
        SentenceStates(model).states(["text"])


def test_bm25_by_hand() -> None:
    sentences = sentences_of("cat. ", "dog dog. ", "cat dog bird.")
    scores = LexicalScorer().score("Cat?", sentences)
    weight = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    norm = [1.2 * (0.25 + 0.75 * n / 2) for n in (1, 2, 3)]
    assert scores == pytest.approx([weight * 2.2 / (1 + norm[0]), 0, weight * 2.2 / (1 + norm[2])])


def test_bm25_by_hand_where_words_repeat_and_sentences_are_empty() -> None:
    """Every term of the sum: rarity, saturation, length; a word that the question repeats counts once."""
    texts = ("tea tea milk. ", "milk. ", "... ", "rum and tea and milk.")
    counts = {"tea": (2, 0, 0, 1), "milk": (1, 1, 0, 1), "rum": (0, 0, 0, 1)}
    lengths, k1, b = (3, 1, 0, 5), 1.2, 0.75
    expected = [0.0] * 4
    for held in counts.values():
        found = sum(count > 0 for count in held)
        for i, (count, length) in enumerate(zip(held, lengths, strict=True)):
            norm = k1 * (1 - b + b * length / (9 / 4))
            expected[i] += math.log(1 + (4 - found + 0.5) / (found + 0.5)) * count * (k1 + 1) / (count + norm)
    scores = LexicalScorer().score("Tea, milk, tea or rum? Water?", sentences_of(*texts))
    assert scores == pytest.approx(expected)


def test_a_question_of_many_words_is_the_sum_of_its_parts() -> None:
    """Words are counted one by one."""
    vocabulary = [f"w{number}" for number in range(192)]
    sentences = sentences_of(*(" ".join(vocabulary[number :: number + 2]) for number in range(9)))
    scorer = LexicalScorer()
    parts = [scorer.score(word, sentences) for word in vocabulary]
    assert scorer.score(" ".join(vocabulary), sentences) == pytest.approx(list(np.sum(parts, axis=0)))
    has = np.array([[word in words(sentence.text) for word in vocabulary] for sentence in sentences])
    rarity = np.log1p((9 - has.sum(axis=0) + 0.5) / (has.sum(axis=0) + 0.5))
    overlap = Overlap(vocabulary, WordIndex.of([words(sentence.text) for sentence in sentences]), Layout.of(sentences))
    assert overlap.cover(0) == pytest.approx(list(has @ rarity / rarity.sum()))
    assert overlap.rarest().max() == pytest.approx(1.0)


def test_bm25_of_texts_without_words() -> None:
    assert LexicalScorer().score("cat", sentences_of("...", "!?")) == [0.0, 0.0]
    assert LexicalScorer().score("...", sentences_of("One cat.")) == [0.0]
    assert LexicalScorer().score("cat", sentences_of("...", "cat"))[0] == 0.0


def test_the_index_of_a_context_is_kept_by_content_and_namespace(capfd: pytest.CaptureFixture[str]) -> None:
    cache = ContextCache()
    scorer, sentences = LexicalScorer(cache=cache), sentences_of("A cat. A very big dog.")
    first = scorer.score("cat", sentences)
    assert cache.info().entries == 1
    assert scorer.score("cat", list(sentences)) == first
    assert cache.info().hits == 1
    scorer.warm(sentences, "ana")
    assert cache.info().entries == 2
    cache.clear("ana")
    assert cache.info().entries == 1
    assert scorer.score("cat", sentences_of("A cat. A cat. A dog.")) != first
    assert capfd.readouterr() == ("", "")


def test_words_of_scripts_without_spaces() -> None:
    assert words("Hello wörld 3") == ["hello", "wörld", "3"]
    assert words("東京に") == ["東", "京", "に", "東京", "京に"]
    assert words("a東京b") == ["a", "東", "京", "東京", "b"]
    scores = LexicalScorer().score("京都はどこ", sentences_of("東京です。", "京都です。"))
    assert scores[1] > scores[0]


def test_baselines() -> None:
    sentences = sentences_of("One is. Two is. Three is.", "Four is. Five is.")
    assert ranking(LeadScorer().score("q", sentences)) == [0, 3, 1, 4, 2]
    assert ranking(RecencyScorer().score("q", sentences)) == [4, 3, 2, 1, 0]
    assert RandomScorer(1).score("q", sentences) == RandomScorer(1).score("q", sentences) != RandomScorer(2).score("q", sentences)


def test_rank_fusion_by_hand() -> None:
    sentences = sentences_of("one. two. one two three.")  # "one": 1, 0, 1; "two": 0, 1, 1
    scores = RankFusionScorer((FakeScorer("one"), 1.0), (FakeScorer("two"), 2.0)).score("q", sentences)
    assert scores == pytest.approx([1 / 61.5 + 2 / 63, 1 / 63 + 2 / 61.5, 1 / 61.5 + 2 / 61.5])
    assert list(mean_ranks([0.5, 2.0, 0.5, 0.5])) == [3.0, 1.0, 3.0, 3.0]
    flat = RankFusionScorer((FakeScorer("nothing"), 1.0)).score("q", sentences)
    assert flat[0] == flat[1] == flat[2]
    with pytest.raises(ConfigError):
        RankFusionScorer()


def test_fusion_sums_z_scores_and_ignores_the_constant() -> None:
    sentences = sentences_of("one. two. one two three.")
    fused = FusedScorer((FakeScorer("one"), 2.0), (FakeScorer("nothing"), 5.0)).score("q", sentences)
    z = 2 / 3 / math.sqrt(2 / 9)
    assert fused == pytest.approx([2 * (1 / 3) / math.sqrt(2 / 9), -2 * z, 2 * (1 / 3) / math.sqrt(2 / 9)])
    with pytest.raises(ConfigError):
        FusedScorer()


def test_the_scales_of_an_encoder_are_what_its_parts_say_of_neighbourhoods() -> None:
    """In a conversation of one sentence a document all scales are the same, and nothing is added for what is alike: the sum is four times
    late attention, twice cosine, and half of the words.
    """
    encoder, cache = states(), ContextCache()
    sentences = sentences_of("Ana: The cat sleeps.", "Ben: A dog barks at the cat.", "Ana: Rain fell.", "Ben: Nobody asked which cat.")
    late, cosine, words_alone = (
        standardised(np.array(scorer.score("Which cat?", sentences)))
        for scorer in (LateAttentionScorer(encoder), CosineScorer(encoder), LexicalScorer(cache=cache))
    )
    overlap = Overlap(words("Which cat?"), WordIndex.of([words(sentence.text) for sentence in sentences]), Layout.of(sentences))
    expected = 4 * late + 2 * cosine + 0.5 * (2 * words_alone + standardised(overlap.cover(0)))
    assert EncoderScorer(encoder).score("Which cat?", sentences) == pytest.approx(list(expected), abs=1e-4)


def test_a_neighbour_of_what_was_asked_for_ranks_above_what_stands_apart(default_marker: Marker) -> None:
    """What was said next to the answer is about the same thing; the same words elsewhere are not."""
    chat = "We talked about the cat's pills. Twice a day, with food. It takes ten days."
    other = "The printer is out of ink. Twice a week, at noon. It takes ten minutes."
    marking = default_marker.mark([other, chat], "How does the cat get its pills?")
    score = dict(zip((sentence.text.strip() for sentence in marking.sentences), marking.scores, strict=True))
    assert score["Twice a day, with food."] > score["Twice a week, at noon."]
    assert score["It takes ten days."] > score["It takes ten minutes."]


def test_what_scores_best_asks_again() -> None:
    import torch

    three = sentences_of("One. ", "Like one. ", "Other. ")
    context = [torch.eye(3)[[0]], torch.tensor([[0.8, 0.6, 0.0]]), torch.eye(3)[[2]]]
    found = Similarities(torch.eye(3)[:1], context, KnownContext(context, three))
    scores = np.array([3.0, 0.0, 0.0])
    hopped = second_hop(scores, found, 0.4)
    assert hopped[1] > hopped[2]
    assert second_hop(scores, found, 0.0) == pytest.approx(scores)
    alone = Similarities(torch.eye(3)[:1], context[:1], KnownContext(context[:1], sentences_of("Alone.")))
    assert second_hop(np.array([1.0]), alone, 0.4) == pytest.approx([1.0])


def test_a_second_fact_is_found_through_the_first(default_marker: Marker) -> None:
    """The question says nothing of what the second fact is about."""
    marking = default_marker.mark(
        [
            "Lea has started at the harbour library.",
            "The car needs new tyres by spring.",
            "Our neighbour plays the cello.",
            "The harbour library shuts at four.",
            "The bakery opens at seven.",
            "Soup was on the stove all day.",
        ],
        "How late does Lea work these days?",
    )
    best = ranking(marking.scores)[:2]
    assert {marking.sentences[i].document.id for i in best} == {"document-1", "document-4"}


def test_words_lead_where_the_question_is_not_latin() -> None:
    scorer = EmbeddedScorer(states())
    sentences = sentences_of("Собака лает. ", "Кошка спит. ", "Птица поёт.")
    assert ranking(scorer.score("Где кошка?", sentences))[0] == 1


def test_attention_that_is_no_number_is_an_error_that_names_the_remedy() -> None:
    import torch

    model = loaded()
    with torch.no_grad():
        next(iter(model.model.model.layers[0].parameters())).fill_(float("nan"))
    with pytest.raises(ModelError, match="float32"):
        AttentionScorer(model).score("which", sentences_of("Some words. Other words."))


def test_dealt_out_scores_stay_with_their_user() -> None:
    """What the scorer underneath keeps of a request is kept under the request's namespace."""
    cache = ContextCache()
    scorer, sentences = PermutedScorer(LexicalScorer(cache=cache)), sentences_of("A cat. A dog. A bird.")
    (scores,) = scorer.score_batch([ScoreRequest(query="cat", sentences=sentences, namespace="ana")])
    assert not isinstance(scores, Exception)
    assert sorted(scores) == sorted(LexicalScorer().score("cat", sentences))
    assert list(scores) == scorer.score("cat", sentences)
    cache.clear("")
    assert cache.info().entries == 1
    scorer.forget("ana")
    assert cache.info().entries == 0
