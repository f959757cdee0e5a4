"""A probe is saved and read back as it was, refuses what is not its own, and makes a marker of probabilities."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngs import Marker, Probe
from attngs.errors import AssetError, ConfigError
from attngs.marking.algorithm import Threshold
from attngs.marking.assembly import identity_of, probe_scorer
from attngs.marking.features.text import TextFeatures
from attngs.marking.probe import EMBEDDED, Calibration, ModelIdentity
from attngs.marking.scorers.probe import ProbeScorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.loading import load_model, wrap_model
from attngs.testing import check_scorer, tiny_model, tiny_tokenizer
from attngs.text.sentences import Splitter

MODEL = ModelIdentity(name="tiny", model_type="qwen2", layers=4, heads=4, hidden_size=64, vocabulary_size=512)
DOCUMENTS = ["Ana likes tea. She moved to Porto. It rained all day.", "Ben has a dog."]


def probe(*names: str, **settings: object) -> Probe:
    names = names or ("last.L01.H02", "query.L01.mean", "words.sentence")
    draw = np.random.default_rng(0)
    size = len(names)
    values = {
        "features": names,
        "mean": draw.normal(size=size),
        "scale": np.exp(draw.normal(size=size)),
        "weights": draw.normal(size=size),
        "bias": -0.25,
        "calibration": Calibration(slope=1.5, intercept=0.5, size=-0.5),
        "model": MODEL,
        "unit": "sentence",
        "threshold": 0.3,
    }
    return Probe(**{**values, **settings})  # type: ignore[arg-type]


def tiny(**settings: object) -> Marker:
    return Marker.from_model(tiny_model("qwen2", max_position_embeddings=4096), tiny_tokenizer(), **settings)  # type: ignore[arg-type]


def test_saved_and_loaded_it_says_the_same(tmp_path: Path) -> None:
    made = probe(settings={"recall": 0.5}, window=512)
    made.save(tmp_path / "new" / "folder")
    read = Probe.load(tmp_path / "new" / "folder")
    features = np.random.default_rng(1).normal(size=(7, 3))
    np.testing.assert_array_equal(made.probabilities(features), read.probabilities(features))
    assert (read.features, read.model, read.unit, read.window, read.threshold) == (made.features, MODEL, "sentence", 512, 0.3)
    assert read.settings == {"recall": 0.5}
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["marker.json", "probe.safetensors"]


def test_probabilities_by_hand() -> None:
    made = probe("a", mean=np.array([1.0]), scale=np.array([2.0]), weights=np.array([3.0]))
    logits = 3 * (np.array([1.0, 5.0]) - 1) / 2 - 0.25
    odds = 0.5 + 1.5 * logits - 0.5 * np.log(2)
    np.testing.assert_allclose(made.probabilities(np.array([[1.0], [5.0]])), 1 / (1 + np.exp(-odds)))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9), st.floats(1e-6, 10), st.floats(-9, 9), st.floats(-2, 2))
def test_a_probability_never_rises_where_a_logit_falls(logits: list[float], slope: float, intercept: float, size: float) -> None:
    found = Calibration(slope=slope, intercept=intercept, size=size)(np.array(sorted(logits)))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"marker.json` cannot be read: No such file.*attngs fit --out"):
        Probe.load(tmp_path)
    probe().save(tmp_path)
    settings, weights = tmp_path / "marker.json", tmp_path / "probe.safetensors"
    good, data = json.loads(settings.read_text()), weights.read_bytes()
    for change, message in [
        ({"version": 2}, "format version 2; this attngs knows 1"),
        ({"format": "other"}, "is not the `marker.json` of a probe"),
        ({"sha256": "0"}, "is damaged, or belongs to another"),
        ({"features": ["one"]}, "3 features|one|1 features"),
        ({"threshold": "NaN"}, "is damaged"),
        ({"threshold": 2}, "is damaged.*threshold is 2"),
        ({"unit": "word"}, "'word'; it must be one of"),
        ({"model": {}}, "is damaged: KeyError"),
        ({"calibration": {"slope": -1.0, "intercept": 0.0, "size": 0.0}}, "slope -1.0"),
    ]:
        settings.write_text(json.dumps({**good, **change}))
        with pytest.raises(AssetError, match=message):
            Probe.load(tmp_path)
    settings.write_text("{oops")
    with pytest.raises(AssetError, match="is not JSON"):
        Probe.load(tmp_path)
    settings.write_text(json.dumps(good))
    weights.write_bytes(data[:-4])
    with pytest.raises(AssetError, match="is damaged"):
        Probe.load(tmp_path)
    weights.unlink()
    with pytest.raises(AssetError, match=r"probe.safetensors` cannot be read"):
        Probe.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.array([1.0, np.nan, 0.0])}, "not finite"),
        ({"scale": np.zeros(3)}, "scale that is not above 0"),
        ({"mean": np.zeros(2)}, r"a probe on 3 features.*\(2,\)"),
        ({"features": ()}, "a probe on 0 features"),
        ({"calibration": Calibration(slope=float("inf"))}, "not finite"),
        ({"threshold": 0.0}, "threshold is 0.0"),
    ],
)
def test_numbers_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(probe(), **change)  # type: ignore[arg-type]


def test_the_contract_of_a_scorer() -> None:
    loaded = wrap_model(tiny_model("qwen2", max_position_embeddings=8192), tiny_tokenizer(), name="tiny")
    check_scorer(probe_scorer(loaded, probe(), ContextCache()))


def test_a_marker_of_probabilities(tmp_path: Path) -> None:
    probe().save(tmp_path)
    marker = tiny(probe=tmp_path)
    assert isinstance(marker.scorer, ProbeScorer)
    assert marker.rule == Threshold(0.3)
    assert marker.splitter == Splitter("sentence")
    marking = marker.mark(DOCUMENTS, "Where did she move?")
    assert all(0 < score < 1 for score in marking.scores)
    assert marking.marked == tuple(score >= 0.3 for score in marking.scores)
    assert marker.warm(DOCUMENTS).tokens > 0
    np.testing.assert_allclose(marker.mark(DOCUMENTS, "Where did she move?").scores, marking.scores, atol=1e-5)
    assert tiny(probe=probe(), rule=Threshold(0.9), splitter=Splitter("line")).rule == Threshold(0.9)


def test_only_the_layers_that_it_needs_are_loaded(tmp_path: Path) -> None:
    tiny_model("qwen2").save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    name = str(tmp_path)
    whole = load_model(name)
    fitted = probe(model=identity_of(whole))
    assert identity_of(load_model(name, decoder_layers=(1 / 3,))) == identity_of(whole)
    marker = Marker.from_pretrained(name, probe=fitted)
    scorer = probe_scorer(whole, fitted, ContextCache())
    sentences = marker.split(tuple(marker.mark(DOCUMENTS, "tea?").sentences[i].document for i in (0, 3)))
    np.testing.assert_allclose(marker.scorer.score("tea?", sentences), scorer.score("tea?", sentences), atol=1e-5)
    assert marker.scorer._features._readers[0]._scorer.reader.model.config.num_hidden_layers == 2  # type: ignore[attr-defined]


def test_another_model_is_refused_by_name() -> None:
    with pytest.raises(
        ConfigError, match=r"fitted for `tiny`, but the marker is `qwen2`: layers 4 instead of 6\. Name that model \(`--marker tiny`\)"
    ):
        tiny(probe=probe(model=replace(MODEL, layers=6)))
    with pytest.raises(ConfigError, match="model type qwen2 instead of llama, heads 4 instead of 8"):
        tiny(probe=probe(model=replace(MODEL, model_type="llama", heads=8)))
    with pytest.raises(ConfigError, match=r"Name that model \(`--marker default`\)"):
        tiny(probe=probe(model=replace(MODEL, name=EMBEDDED, model_type="bert")))
    with pytest.raises(ConfigError, match="only one of"):
        tiny(probe=probe(), layers=(0.5,))
    with pytest.raises(AssetError, match="are not known to this version"):
        tiny(probe=probe("words.someday"))
    with pytest.raises(ConfigError, match="which `TextFeatures` does not read"):
        ProbeScorer(TextFeatures(), probe())


def test_the_same_size_under_another_name_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    tiny(probe=probe())
    assert "was fitted for `tiny` and is used with `qwen2`" in caplog.text


def test_the_embedded_marker_takes_one(default_marker: Marker) -> None:
    from attngs.reading.embedded import load_embedded

    made = probe("default.score", "cosine.near", "words.document", model=identity_of(load_embedded()))
    marker = Marker.default(probe=made)
    marking = marker.mark(DOCUMENTS, "What does Ana drink?")
    assert list(marking.scores) == pytest.approx(list(marker.scorer.score("What does Ana drink?", marking.sentences)))
    assert default_marker.splitter != marker.splitter
    with pytest.raises(AssetError, match="for this kind of model"):
        Marker.default(probe=probe("last.L01.mean", "last.L01.H00", model=identity_of(load_embedded())))
