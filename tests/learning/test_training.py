"""What is learned: losses by hand, the score of training equal to the marker's, contexts that fit, rows that cannot be used."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from attngs.errors import ConfigError, InputError, UnsupportedModelError
from attngs.learning.labelled import LabelledExample
from attngs.learning.training.examples import Contexts, TrainingExample, prepare
from attngs.learning.training.folder import RunFolder
from attngs.learning.training.lora import targets, with_lora
from attngs.learning.training.objectives import (
    ANSWER_TOKENS,
    AnswerObjective,
    AnswerReader,
    AttentionEvidence,
    PerceObjective,
    StatesEvidence,
    contrast,
    listwise,
    log_scores,
    perce,
)
from attngs.learning.training.settings import TrainingSettings
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.late_attention import log_lift
from attngs.marking.scorers.states import cosines
from attngs.reading.loading import LoadedModel, wrap_model
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.tokens import CallableCounter
from attngs.testing import count_words, tiny_model, tiny_tokenizer
from attngs.text.sentences import Splitter
from attngs.types import Document

TEXT = "Mild today. Her new pills are blue. It rained again. The cat slept."
SETTINGS = TrainingSettings(rank=4)


def row(number: int = 0, *, evidence: bool = True, answer: str | None = "blue pills") -> LabelledExample:
    text = f"{TEXT} Day {number}."
    return LabelledExample(
        query="Which pills does she take?",
        documents=(Document(text=text, id="a"), Document(text="Nothing here. Nor here.", id="b")),
        evidence=((0, 12, 35),) if evidence else (),
        answer=answer,
        group=str(number),
    )


def examples(rows: list[LabelledExample], objective: str = "evidence") -> tuple[TrainingExample, ...]:
    settings = TrainingSettings()
    return prepare(rows, objective, settings, splitter=Splitter(), counter=CallableCounter(count_words)).training  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def decoder() -> LoadedModel:
    return wrap_model(tiny_model("qwen2"), tiny_tokenizer())


@pytest.fixture(scope="module")
def encoder() -> LoadedModel:
    return wrap_model(tiny_model("bert"), tiny_tokenizer())


def test_perce_by_hand() -> None:
    informed = torch.tensor([0.9, 0.5, 0.1]).log().requires_grad_()
    uninformed = torch.tensor([0.001, 0.25, 0.4]).log()
    weights = contrast(informed, uninformed, 0.8, 5.0)
    assert torch.allclose(weights, torch.tensor([5.0, 0.8, 0.8]))  # log 900 is above the cap, log 2 = 0.69 and log 1/4 below the floor
    assert torch.allclose(contrast(informed, uninformed, 0.1, 9.0), torch.tensor([math.log(900), math.log(2), 0.1]))
    loss = perce(informed, weights)
    assert float(loss.detach()) == pytest.approx(-(5 * math.log(0.9) + 0.8 * math.log(0.5) + 0.8 * math.log(0.1)) / 3)
    loss.backward()
    assert torch.allclose(informed.grad, -weights / 3)  # the weights are held fixed


def test_listwise_by_hand() -> None:
    shares = torch.tensor([0.5, 0.3, 0.2])
    assert float(listwise(shares.log(), np.array([True, False, False]))) == pytest.approx(-math.log(0.5))
    both = listwise((7 * shares).log(), np.array([True, False, True]))  # a factor on all scores changes nothing
    assert float(both) == pytest.approx(-(math.log(0.5) + math.log(0.2)) / 2)


@pytest.mark.parametrize("model_type", ["qwen2", "bert"])
def test_what_is_trained_is_the_score_of_the_marker(model_type: str) -> None:
    loaded = wrap_model(tiny_model(model_type), tiny_tokenizer())
    config = AttentionConfig(layers=(0.3, 0.7), read_from="query")
    scorer = AttentionScorer(loaded, config)
    (example, *_) = examples([row(number) for number in range(20)])
    expected = scorer.score(example.row.query, example.units.sentences)
    (segment,) = scorer.segmenter.segments(example.row.query, example.units.sentences, "query")
    mass = scorer.reader.read_with_gradient(segment.batch, scorer.layers)
    scores = log_scores(mass[0], segment.tokens)
    assert torch.allclose(scores.exp().double(), torch.tensor(expected, dtype=torch.float64), rtol=1e-4)
    assert torch.equal(mass.detach(), scorer.reader.read(segment.batch, scorer.layers).clone())
    scores.sum().backward()
    assert (
        float(next(weight.grad for name, weight in loaded.model.named_parameters() if "layers.0" in name or "layer.0" in name).norm()) > 0
    )


def test_states_with_gradient_are_the_states_of_the_marker(encoder: LoadedModel) -> None:
    states = SentenceStates(encoder)
    texts = ["Which pills?", "Her new pills are blue.", "", "x" * 900]
    graph = states.states_with_gradient(texts)
    for kept, state in zip(states.states(texts), graph, strict=True):
        assert kept.shape == state.shape
        assert torch.allclose(kept.float(), state.detach(), atol=2e-3)  # those are kept in half precision
    kept = states.states(texts)
    assert log_lift(kept[0], kept[1:]).tolist() == pytest.approx(log_lift(graph[0], graph[1:]).tolist(), abs=5e-3)
    assert cosines(kept[0], kept[1:]).tolist() == pytest.approx(cosines(graph[0], graph[1:]).tolist(), abs=5e-3)


def test_every_objective_has_a_gradient_in_the_adapter(decoder: LoadedModel, encoder: LoadedModel) -> None:
    batch = examples([row(number) for number in range(20)], "answer")[:3]
    reader = AnswerReader(decoder, AttentionConfig().prompt, SETTINGS)
    for loaded, objective in (
        (decoder, AnswerObjective(reader)),
        (decoder, PerceObjective(reader, SETTINGS)),
        (decoder, AttentionEvidence(decoder, AttentionConfig(), SETTINGS)),
        (encoder, StatesEvidence(encoder, SETTINGS)),
    ):
        model = with_lora(loaded, SETTINGS, top=objective.top)
        model.train()
        objective.loss(batch, 0).backward()
        gradients = {n: w.grad for n, w in model.named_parameters() if w.requires_grad and w.grad is not None}
        assert all("lora" in name for name in gradients)
        assert any(float(gradient.norm()) > 0 for gradient in gradients.values())
        model.unload()
        loaded.model.eval()


def test_the_probability_of_an_answer_does_not_depend_on_its_batch(decoder: LoadedModel) -> None:
    reader = AnswerReader(decoder, AttentionConfig().prompt, SETTINGS)
    batch = examples([row(n, answer="blue" * (1 + n % 3)) for n in range(20)], "answer")[:3]
    together = reader.with_context(batch, 0)
    for example, tokens in zip(batch, together, strict=True):
        assert torch.allclose(reader.with_context([example], 0)[0], tokens, atol=1e-4)
        assert len(tokens) == len((example.row.answer or "").encode()) + 1  # bytes, and the end
    assert not torch.allclose(reader.without_context(batch)[0], together[0], atol=1e-3)


def test_of_a_long_answer_the_beginning_is_learned_and_a_prompt_with_it_fits_the_window() -> None:
    gpt2 = wrap_model(tiny_model("gpt2", max_position_embeddings=1_024), tiny_tokenizer())  # has no place beyond its window
    reader = AnswerReader(gpt2, AttentionConfig().prompt, SETTINGS)
    (first, *_) = examples([row(n, answer="no nuts " * 3_000) for n in range(20)], "answer")
    (tokens,) = reader.with_context([first], 0)
    assert len(tokens) == 1_024 // 8
    (end, *_) = examples([row(n, answer="n" * 200) for n in range(20)], "answer")
    long = wrap_model(tiny_model("qwen2", max_position_embeddings=4_096), tiny_tokenizer())
    assert len(AnswerReader(long, AttentionConfig().prompt, SETTINGS).with_context([end], 0)[0]) == 201
    assert len(AnswerReader(long, AttentionConfig().prompt, SETTINGS).with_context([first], 0)[0]) == ANSWER_TOKENS


def test_perce_weights_are_kept_for_some_steps(decoder: LoadedModel) -> None:
    settings = TrainingSettings(refresh_every=3)
    objective = PerceObjective(AnswerReader(decoder, AttentionConfig().prompt, settings), settings)
    batch = examples([row(number) for number in range(20)], "answer")[:1]
    ages = []
    for step in range(5):
        objective.loss(batch, step)
        ages.append(objective._kept[batch[0].number][0])
    assert ages == [0, 0, 0, 3, 3]


@given(st.integers(1, 40), st.integers(0, 5), st.floats(0, 1))
def test_a_context_fits_and_holds_its_evidence(max_tokens: int, step: int, hard: float) -> None:
    settings = TrainingSettings(max_tokens=max_tokens, hard_negatives=hard)
    (example, *_) = examples([row(number) for number in range(20)])
    sentences, labels = Contexts(settings).of(example, step)
    texts = [sentence.text.strip() for sentence in sentences]
    assert sum(map(count_words, texts)) <= max(max_tokens, 5)  # the evidence is there in any case
    assert [text for text, label in zip(texts, labels, strict=True) if label] == ["Her new pills are blue."]
    order = [sentence.text.strip() for sentence in example.units.sentences]
    assert [order.index(text) for text in texts] == sorted(order.index(text) for text in texts)
    for sentence in sentences:
        assert sentence.document.text[sentence.start : sentence.end] == sentence.text


class SlowSentence:
    """A sentence whose text comes when it is allowed to."""

    document, position, start, end, heads, kind = Document(text="Slow.", id="a"), 0, 0, 5, (), "sentence"

    def __init__(self) -> None:
        self.reached, self.allowed = threading.Event(), threading.Event()

    @property
    def text(self) -> str:
        self.reached.set()
        assert self.allowed.wait(30)
        return "Slow."


def test_one_example_never_waits_for_another() -> None:
    """Whoever waits in a thread for a lock that all examples share waits for ever in a child that was forked meanwhile."""
    contexts, slow = Contexts(TrainingSettings(max_tokens=1)), SlowSentence()
    first, second, *_ = examples([row(number) for number in range(20)])
    blocked = replace(first, units=replace(first.units, sentences=(slow,) * len(first.units.sentences)))  # type: ignore[arg-type]
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(contexts.of, blocked, 0)
        assert slow.reached.wait(30)
        try:
            assert pool.submit(contexts.of, second, 0).result(timeout=10)[1].any()
        finally:
            slow.allowed.set()
        assert waiting.result(timeout=10)[1].any()


def test_a_context_of_several_windows_is_trained_on_where_its_evidence_is(decoder: LoadedModel) -> None:
    text = "".join(f"Nothing of note on day {day}. " for day in range(40)) + "Her new pills are blue."
    long = [replace(row(n), documents=(Document(text=text, id="a"),), evidence=((0, text.index("Her"), len(text)),)) for n in range(20)]
    batch = examples(long)[:2]
    loss = AttentionEvidence(decoder, AttentionConfig(), SETTINGS).loss(batch, 0)
    assert torch.isfinite(loss)


def test_no_group_is_on_both_sides() -> None:
    rows = [row(number // 4) for number in range(40)]
    split = prepare(rows, "evidence", TrainingSettings(), splitter=Splitter(), counter=CallableCounter(count_words))
    sides = [{example.row.group for example in part} for part in (split.training, split.validation)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == 2
    assert len(split.training) + len(split.validation) == 40


@pytest.mark.parametrize(
    ("rows", "objective", "message"),
    [
        ([row(n, evidence=False) for n in range(30)], "evidence", "none of the 30 examples has it: 30 have no evidence"),
        ([replace(row(n), evidence=((0, 0, 75), (1, 0, 23))) for n in range(30)], "evidence", "in 30 everything is evidence"),
        ([row(n, answer=None) for n in range(30)], "answer", "learns from an `answer`; none of the 30"),
        ([row(n) for n in range(15)], "evidence", "15 of 15 examples .* needs at least 16"),
        ([row(n, answer="x" if n < 3 else None) for n in range(30)], "perce", "3 of 30 examples"),
        ([row(n % 3) for n in range(30)], "evidence", "are in 3 groups; training needs at least 4"),
    ],
)
def test_data_that_is_not_enough(rows: list[LabelledExample], objective: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        examples(rows, objective)


def test_models_and_settings_that_do_not_go_together(decoder: LoadedModel, encoder: LoadedModel) -> None:
    with pytest.raises(UnsupportedModelError, match="is an encoder, which writes no answers"):
        AnswerReader(encoder, AttentionConfig().prompt, SETTINGS)
    with pytest.raises(ConfigError, match="`answer_tokens` must be 0 in training"):
        AttentionEvidence(decoder, AttentionConfig(answer_tokens=2), SETTINGS)
    with pytest.raises(ConfigError, match=r"pass `target_modules`, for example two of .*q_proj"):
        targets(decoder, ("nothing",), top=None)
    for name, value in (
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("epochs", float("inf")),
        ("epochs", 0),
        ("rank", 0),
        ("validation", 0.9),
        ("weight_floor", 5.0),
        ("seed", 2**32),
    ):
        with pytest.raises(ConfigError, match=f"`{name}` must be"):
            TrainingSettings(**{name: value})


def test_adapters_sit_on_the_projections_that_are_read(decoder: LoadedModel, encoder: LoadedModel) -> None:
    low = targets(decoder, (), top=1)
    assert low == [f"model.layers.{layer}.self_attn.{name}_proj" for layer in (0, 1) for name in "qkv"]
    assert len(targets(encoder, (), top=None)) == 12
    assert len(targets(wrap_model(tiny_model("gpt2", n_inner=96), tiny_tokenizer()), (), top=None)) == 4


def test_a_folder_belongs_to_one_run(tmp_path: Path) -> None:
    run = {"base": "m", "settings": {"seed": 0, "epochs": 3.0}}
    folder = RunFolder(tmp_path / "out")
    with pytest.raises(ConfigError, match="holds no run that could be resumed"):
        folder.begin(run, resume=True, overwrite=False)
    assert folder.begin(run, resume=False, overwrite=False) is None
    with pytest.raises(ConfigError, match="a run that is not finished; use `resume` to go on"):
        folder.begin(run, resume=False, overwrite=False)
    with pytest.raises(ConfigError, match=r"`settings\.seed` was 0, is 1"):
        folder.begin({**run, "settings": {"seed": 1, "epochs": 3.0}}, resume=True, overwrite=False)
    for step in (4, 12, 8):  # two that were cut off while they were written, one of them without its state
        (folder.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    (folder.checkpoints / "checkpoint-8" / "trainer_state.json").write_text("{")
    folder.log.write_text('{"step": 1}\n{"st')
    assert folder.begin(run, resume=True, overwrite=False) is None
    assert list(folder.checkpoints.iterdir()) == []
    assert folder.begin(run, resume=False, overwrite=True) is None
    assert [path.name for path in folder.path.iterdir()] == ["run.json"]
    folder.finish({}, "card")
    with pytest.raises(ConfigError, match="is finished; there is nothing to resume"):
        folder.begin(run, resume=True, overwrite=False)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(ConfigError, match="holds other files"):
        RunFolder(tmp_path / "photos").begin(run, resume=False, overwrite=True)
