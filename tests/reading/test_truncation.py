"""Layers that nobody reads are not loaded, and nobody can tell but by the memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_attention import ARCHITECTURES
from transformers import AutoConfig

from attngs import AttentionConfig, Marker
from attngs.errors import ConfigError
from attngs.reading.anatomy import layers_at, truncated
from attngs.testing import tiny_model, tiny_tokenizer

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


@pytest.mark.parametrize("name", list(ARCHITECTURES))
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
