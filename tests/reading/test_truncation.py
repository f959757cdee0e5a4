"""Layers that nobody reads are not loaded, and nobody can tell but by the memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_attention import ARCHITECTURES
from transformers import AutoConfig

from attngs import AttentionConfig, LocalChat, Marker
from attngs.errors import ConfigError
from attngs.learning.training.lora import targets
from attngs.reading.anatomy import layers_at, truncated
from attngs.reading.loading import load_model
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Message

TEXT = "Hello there you. This is a text. And another one is here. Yes it is so. " * 3
TOKENIZER = tiny_tokenizer()


def saved(folder: Path, name: str, **settings: object) -> Marker:
    """The whole model in memory, and the same on disk."""
    model = tiny_model(name, **settings)
    model.config.architectures = [type(model).__name__]
    model.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return Marker.from_model(model, TOKENIZER, layers=(0.0, 0.4))


def weights(marker: Marker) -> int:
    return sum(parameter.numel() for parameter in marker.scorer._loaded.model.parameters())  # type: ignore[attr-defined]


WHOLE = {"gemma4_text"}  # whose upper layers use the keys of lower ones


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in WHOLE])
def test_the_lower_layers_alone_say_the_same_to_the_bit(name: str, tmp_path: Path) -> None:
    whole = saved(tmp_path, name, **ARCHITECTURES[name])
    cut = Marker.from_pretrained(tmp_path, layers=(0.0, 0.4))
    assert cut.mark(TEXT, "What?").scores == whole.mark(TEXT, "What?").scores
    assert weights(cut) < 0.75 * weights(whole)


def test_a_model_that_also_writes_an_answer_is_loaded_whole(tmp_path: Path) -> None:
    whole = saved(tmp_path, "llama")
    assert weights(Marker.from_pretrained(tmp_path, config=AttentionConfig(answer_tokens=1))) == weights(whole)
    assert weights(Marker.from_pretrained(tmp_path, config=AttentionConfig.paper())) < weights(whole)
    with pytest.raises(ConfigError, match="only one of"):
        Marker.from_pretrained(tmp_path, layers=(0.5,), config=AttentionConfig())


@pytest.mark.parametrize("name", ["qwen2_5_vl", "gemma3", "mistral3"])
def test_a_model_that_also_takes_images_marks_without_its_eyes_and_writes(name: str, tmp_path: Path) -> None:
    saved(tmp_path, name, **ARCHITECTURES[name])
    cut = Marker.from_pretrained(tmp_path, layers=(0.0, 0.4))
    assert not [part for part, _ in cut.scorer.reader.model.named_modules() if "vision" in part or "visual" in part]  # type: ignore[attr-defined]
    answering = Marker.from_pretrained(tmp_path, config=AttentionConfig(answer_tokens=2, layers=(0.4,)))
    assert len(answering.mark(TEXT, "What?").scores) == 12
    chat = LocalChat.from_pretrained(tmp_path, max_tokens=4)
    marker, alone = Marker.from_model(chat.model, chat.tokenizer, layers=(0.0, 0.4)), cut.mark(TEXT, "What?").scores
    for _ in range(2):  # some of these models keep a place in the text across calls
        chat.complete([Message("user", "Who are you? " * 3)])
        assert marker.mark(TEXT, "What?").scores == pytest.approx(alone, abs=1e-6)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # inside peft
def test_an_adapter_of_such_a_model_sits_on_what_reads_text(tmp_path: Path) -> None:
    """It is trained on the whole model, and used on the text part alone."""
    peft = pytest.importorskip("peft")
    saved(tmp_path / "base", "gemma3", **ARCHITECTURES["gemma3"])
    loaded = load_model(tmp_path / "base")
    modules = targets(loaded, (), top=1)
    assert modules
    assert all("language_model" in name for name in modules)
    config = peft.LoraConfig(r=2, target_modules=modules, init_lora_weights=False)
    adapted = peft.get_peft_model(loaded.model, config)
    adapted.save_pretrained(tmp_path / "adapter")
    whole = Marker.from_model(adapted.merge_and_unload().eval(), TOKENIZER, layers=(0.0, 0.4)).mark(TEXT, "What?").scores
    cut = Marker.from_pretrained(tmp_path / "base", adapter=tmp_path / "adapter", layers=(0.0, 0.4))
    assert cut.mark(TEXT, "What?").scores == pytest.approx(whole, abs=1e-6)
    assert whole != pytest.approx(Marker.from_pretrained(tmp_path / "base", layers=(0.0, 0.4)).mark(TEXT, "What?").scores, abs=1e-3)


def test_a_model_whose_layers_are_not_what_the_config_says_is_loaded_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = saved(tmp_path, "llama")

    def wrong(config: object, fractions: object) -> object:
        cut = truncated(config, fractions)  # type: ignore[arg-type]
        assert cut
        return cut._replace(depths=(0, 2))

    monkeypatch.setattr("attngs.reading.loading.truncated", wrong)
    marker = Marker.from_pretrained(tmp_path, layers=(0.0, 0.4))
    assert weights(marker) > 0.9 * weights(whole)
    assert marker.mark(TEXT, "What?").scores == whole.mark(TEXT, "What?").scores


def test_what_is_cut_and_what_is_not() -> None:
    hybrid = AutoConfig.for_model("qwen3_next", num_hidden_layers=8)
    cut = truncated(hybrid, (0.5,))
    assert cut is not None
    assert (cut.readable_layers, cut.depths) == (2, (3,))  # half between the two rounds to the first
    assert (cut.config.num_hidden_layers, len(cut.config.layer_types)) == (4, 4)
    assert hybrid.num_hidden_layers == 8
    assert truncated(AutoConfig.for_model("gemma3n_text"), (0.5,)) is None
    assert layers_at((0.0, 0.375, 1.0), 12) == (0, 4, 11)
