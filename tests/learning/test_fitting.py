"""A fit finds what is there to find, says so when there is nothing, and judges only by what it has not seen."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from attngs import FitResult, Marker, evaluate, fit
from attngs.errors import ConfigError, InputError, ModelError
from attngs.learning.evaluation import label_units
from attngs.learning.fitting.calibrate import best_alpha, best_threshold, platt, precision_recall, reliability, uncalibrated
from attngs.learning.fitting.candidates import candidates
from attngs.learning.fitting.choose import choose, grouped_folds
from attngs.learning.fitting.linear import learn, weighted
from attngs.learning.fitting.rows import Row, Table, read_tables
from attngs.learning.labelled import LabelledExample
from attngs.reading.loading import LoadedModel, wrap_model
from attngs.reading.tokens import CallableCounter
from attngs.testing import count_words, tiny_model, tiny_tokenizer
from attngs.text.sentences import split_sentences
from attngs.types import Document, ScoreRequest, Sentence

NAMES = ("Ana", "Ben", "Cleo", "Dan", "Eva")
THINGS = ("tea", "cats", "chess", "rain", "Porto", "bread", "jazz", "snow")


def examples(count: int = 30, seed: int = 0) -> list[LabelledExample]:
    """The evidence always ends its document, and shares nothing but a name with the question."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        name = draw.choice(NAMES)
        texts = [" ".join(f"{draw.choice(NAMES)} likes {draw.choice(THINGS)}." for _ in range(5)) for _ in range(3)]
        where = draw.randrange(3)
        texts[where] += f" {name} sold the {draw.choice(THINGS)} shop!"
        start = texts[where].rindex(name)
        documents = tuple(Document(text=text, id=str(i)) for i, text in enumerate(texts))
        evidence = ((where, start, len(texts[where])),)
        made.append(LabelledExample(query=f"What about {name}?", documents=documents, evidence=evidence, group=str(number)))
    return made


def sentences_of(one: LabelledExample) -> list[Sentence]:
    return [
        Sentence(document=document, position=position, start=span.start, end=span.end)
        for position, document in enumerate(one.documents)
        for span in split_sentences(document.text, "sentence")
    ]


class Planted:
    """One feature knows the labels, the others are noise."""

    def __init__(self, size: int, clear: float, default: float = 0.0) -> None:
        self.names = ("default.score", "cosine.sentence", *(f"noise.{i}" for i in range(size)))
        self._clear, self._default = clear, default

    def read(self, requests: Sequence[ScoreRequest]) -> list[np.ndarray | Exception]:
        (request,) = requests
        draw = np.random.default_rng(zlib.crc32("".join(s.text for s in request.sentences).encode()))
        truth = np.array(["sold" in sentence.text for sentence in request.sentences], dtype=np.float64)
        noise = draw.normal(size=(len(truth), len(self.names)))
        noise[:, 0] += self._default * truth
        noise[:, 1] += self._clear * truth
        return [noise]


def table(reader: Planted, count: int = 40) -> Table:
    counter = CallableCounter(count_words)
    cut = [{"sentence": label_units(one, sentences_of(one), counter)} for one in examples(count)]
    return read_tables(cut, ["sentence"], reader, what="x")["sentence"]  # type: ignore[list-item]


def chosen(reader: Planted) -> tuple[str, dict[str, float]]:
    rows = table(reader)
    folds = grouped_folds([row.group for row in rows.rows], 5)
    found = choose({"sentence": rows}, candidates(rows, "default.score", shipped=True), folds)
    return found.candidate.method, {name: float(values[:, 2:4].mean()) for name, values in found.recall.items()}


@how(deadline=None)  # the first call imports scikit-learn
@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.integers(2, 6), st.integers(0, 3))
def test_groups_stay_whole_and_folds_are_even(groups: list[str], count: int, seed: int) -> None:
    folds = grouped_folds(groups, count, seed)
    assert len({(group, fold) for group, fold in zip(groups, folds, strict=True)}) == len(set(groups))
    sizes = np.bincount(folds)
    assert len(sizes) == min(count, len(set(groups)))
    assert sizes.max() - sizes.min() <= max(map(groups.count, groups))
    assert folds.tolist() == grouped_folds(groups, count, seed).tolist()


def test_the_probe_finds_what_was_planted_and_noise_changes_nothing() -> None:
    method, recall = chosen(Planted(6, clear=6.0))
    assert method in ("probe", "setting")
    assert recall["fitted"] > 0.8 > recall["default"] + 0.3


def test_where_the_default_is_right_nothing_replaces_it_for_worse() -> None:
    _, recall = chosen(Planted(6, clear=0.0, default=6.0))
    assert recall["fitted"] >= recall["default"] - 0.03


@pytest.mark.parametrize("clear", [0.0, 0.3])
def test_the_luckiest_of_many_candidates_does_not_replace_the_default(clear: float) -> None:
    method, recall = chosen(Planted(30, clear=clear, default=2.0))
    assert method == "default"
    assert recall["fitted"] >= recall["default"] - 0.02


def test_pure_noise_is_not_mistaken_for_a_gain() -> None:
    _, recall = chosen(Planted(30, clear=0.0))
    assert abs(recall["fitted"] - recall["default"]) < 0.2  # held out: a choice among noise is noise


def test_learning_pulls_to_the_prior() -> None:
    rows = table(Planted(3, clear=4.0)).rows
    columns = np.arange(5)
    free = learn(rows, columns, l2=1e-3, prior=np.zeros(5))
    assert np.abs(free.weights).argmax() == 1
    bound = learn(rows, columns, l2=1e6, prior=np.array([1.0, 0, 0, 0, 0]))
    np.testing.assert_allclose(bound.weights[1:], 0, atol=1e-4)
    again = learn(rows, columns, l2=1e-3, prior=np.zeros(5))
    np.testing.assert_array_equal(free.weights, again.weights)


def test_a_constant_feature_and_one_huge_context_do_no_harm() -> None:
    rows = table(Planted(3, clear=4.0)).rows
    flat = [replace(row, features=np.column_stack([row.features, np.full(len(row.labels), 7.0)]).astype(np.float32)) for row in rows]
    units = replace(flat[0].units, labels=np.tile(flat[0].labels, 300))
    big = replace(flat[0], features=np.tile(flat[0].features, (300, 1)), units=units)
    linear = learn([big, *flat[1:]], np.arange(6), l2=1e-2, prior=np.zeros(6))
    assert np.isfinite(linear.weights).all()
    assert abs(linear.weights[5]) < 1e-6
    assert np.abs(linear.weights).argmax() == 1


def test_calibration_makes_probabilities_honest() -> None:
    draw = np.random.default_rng(0)
    scores, labels = [], []
    for _ in range(200):
        size = int(draw.choice([10, 100]))
        logits = draw.normal(size=size)
        labels.append(draw.random(size) < 1 / (1 + np.exp(-(2 * logits + 1 - np.log(size)))))
        scores.append(logits)
    found = platt(scores, labels)
    assert (found.slope, found.intercept, found.size) == pytest.approx((2, 1, -1), abs=0.35)
    before, after = (reliability(p, labels) for p in (uncalibrated(scores, labels), [found(context) for context in scores]))
    assert after.error < 0.02 < before.error
    assert after.brier < before.brier
    assert sum(one.size for one in after.bins) == sum(map(len, labels))
    same_size = platt([s[:10] for s in scores], [y[:10] for y in labels])
    assert same_size.size == 0


def test_where_to_cut() -> None:
    probabilities, labels = [np.array([0.9, 0.6, 0.1, 0.05])] * 3, [np.array([True, True, False, False])] * 3
    threshold, f1 = best_threshold(probabilities, labels)
    assert 0.1 < threshold <= 0.6
    assert f1 == 1
    assert best_alpha(probabilities, labels)[0.5] == 1
    recall, precision = precision_recall(probabilities, labels)
    assert (recall[-1], precision[0], precision[-1]) == (1, 1, 0.5)


@pytest.fixture(scope="module")
def decoder() -> LoadedModel:
    return wrap_model(tiny_model("qwen2", num_hidden_layers=2, max_position_embeddings=2048), tiny_tokenizer(), name="tiny")


@pytest.fixture(scope="module")
def fitted(decoder: LoadedModel) -> FitResult:
    return fit(examples(), decoder, folds=3)


def test_a_fit_from_end_to_end(fitted: FitResult, decoder: LoadedModel, tmp_path: Path) -> None:
    report = fitted.report
    assert (report["rows"], report["groups"], report["evidence"], report["folds"]) == (30, 30, 30, 3)
    assert report["recall"]["fitted"]["10%"][0] > report["recall"]["default"]["10%"][0] + 0.3  # "last of its document", and "!"
    assert report["calibration"]["after"]["error"] < 0.1
    fitted.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["marker.json", "probe.safetensors", "report.md", "report.png"]
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    words = (tmp_path / "report.md").read_text()
    assert "gain over the default" in words
    assert not any(thing in words for thing in ("Porto", "chess", "Cleo"))  # no text of the documents
    marker = Marker.from_model(decoder.model, decoder.tokenizer, probe=tmp_path)
    held_out = evaluate(examples(20, seed=9), marker)
    assert held_out.recall[marker.name][0.1].mean > 0.6
    assert fitted.probe.unit == marker.splitter.unit  # type: ignore[attr-defined]


def test_a_fit_is_the_same_again(fitted: FitResult, decoder: LoadedModel) -> None:
    again = fit(examples(), decoder, folds=3)
    np.testing.assert_allclose(again.probe.weights, fitted.probe.weights, rtol=1e-6)
    assert {**again.report, "seconds": 0} == {**fitted.report, "seconds": 0}


def test_too_little_or_nothing_to_learn_from(decoder: LoadedModel) -> None:
    rows = examples()
    with pytest.raises(InputError, match=r"3 of 3 examples can be used, in 3 groups\. At least 20 are needed, in at least 5 groups"):
        fit(rows[:3], decoder)
    with pytest.raises(InputError, match=r"30 of 30 examples can be used, in 1 groups"):
        fit([replace(row, group="one") for row in rows], decoder)
    with pytest.raises(InputError, match=r"0 of 30 examples.*30 have no evidence"):
        fit([replace(row, evidence=()) for row in rows], decoder)
    everything = [replace(row, evidence=tuple((i, 0, len(d.text)) for i, d in enumerate(row.documents))) for row in rows]
    with pytest.raises(InputError, match=r"in 30 all units are evidence, or none"):
        fit(everything, decoder)


def test_answers_without_a_label_are_counted(decoder: LoadedModel) -> None:
    """A random model finds no evidence for any answer, and the message says that this is the reason."""
    short = [replace(row, documents=(Document(text="One.", id="a"),), evidence=(), answer="tea") for row in examples()]
    with pytest.raises(InputError, match=r"0 of 30 examples can be used.*for 30 answers no sentence could be found that they need"):
        fit(short, decoder)


def test_settings_out_of_range(decoder: LoadedModel) -> None:
    for settings, message in [
        ({"folds": 2}, "`folds` must be at least 3"),
        ({"limit": 0}, "`limit`"),
        ({"unit": "word"}, "'word'; it must"),
        ({"seed": -1}, "`seed` must be at least 0, got -1"),
    ]:
        with pytest.raises(ConfigError, match=message):
            fit(examples(), decoder, **settings)  # type: ignore[arg-type]


def test_answers_alone_need_a_decoder() -> None:
    bert = wrap_model(tiny_model("bert"), tiny_tokenizer(), name="tiny")
    with pytest.raises(InputError, match=r"is no decoder, so it cannot find the evidence itself\. Pass a decoder"):
        fit([replace(row, evidence=(), answer="tea") for row in examples()], bert)


def test_a_feature_that_is_not_a_number_is_named() -> None:
    class Broken(Planted):
        def read(self, requests: Sequence[ScoreRequest]) -> list[np.ndarray | Exception]:
            (found,) = super().read(requests)
            assert not isinstance(found, Exception)
            found[0, 1] = np.nan
            return [found]

    with pytest.raises(ModelError, match=r"the feature `cosine.sentence` is not a number"):
        table(Broken(1, clear=1.0))


def test_weights_that_nobody_learned() -> None:
    row = Row(units=table(Planted(1, clear=1.0), 1).rows[0].units, features=np.array([[1, 2], [3, 4]], np.float32))
    np.testing.assert_allclose(weighted([1, 0], [1.0, -0.5])(row), [1.5, 2.5])
