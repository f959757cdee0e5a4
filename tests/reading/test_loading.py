"""Models as people load them: quantised, spread by `device_map`, offloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_attention import batch_of, eager_mass
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel, TorchAoConfig

from attngs import LocalChat, Marker
from attngs.errors import ConfigError, MissingDependencyError
from attngs.reading.attention import AttentionReader
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Message

TEXT = "Anna owns a cat. Ben owns a dog. It rained all day. Nobody went out. " * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_model("llama", hidden_size=128, intermediate_size=256).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def load(folder: Path, **settings: Any) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, **settings)
    return model


def test_a_device_map_that_offloads_nothing_changes_nothing(folder: Path) -> None:
    pytest.importorskip("accelerate")
    spread = Marker.from_model(load(folder, device_map={"": "cpu"}), tiny_tokenizer())
    assert spread.mark(TEXT, "Who?").scores == Marker.from_pretrained(folder).mark(TEXT, "Who?").scores


def test_offloaded_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    places = {"model.embed_tokens": "cpu", "model.rotary_emb": "cpu", "model.layers": "cpu", "model.norm": "disk", "lm_head": "cpu"}
    model = load(folder, device_map=places, offload_folder=tmp_path / "off")
    for taken in (lambda: Marker.from_model(model, tiny_tokenizer()), lambda: LocalChat(model, tiny_tokenizer())):
        with pytest.raises(ConfigError, match=r"`meta` device: offloaded to the CPU or the disk.*device_map"):
            taken()


def quantised(package: str) -> Any:
    pytest.importorskip(package.partition(" ")[0])
    if package == "torchao":
        from torchao.quantization import Int8WeightOnlyConfig

        return TorchAoConfig(Int8WeightOnlyConfig())
    return BitsAndBytesConfig(load_in_8bit=True) if "8" in package else BitsAndBytesConfig(load_in_4bit=True)


@pytest.mark.parametrize("package", ["bitsandbytes 8", "bitsandbytes 4", "torchao"])
@pytest.mark.filterwarnings("ignore")
def test_quantised_models_are_read_as_exactly_as_others(package: str, folder: Path, tmp_path: Path) -> None:
    model = load(folder, quantization_config=quantised(package))
    model.save_pretrained(tmp_path / "saved")  # now: bitsandbytes packs weights in another way when they are used
    tiny_tokenizer().save_pretrained(tmp_path / "saved")
    batch, reader = batch_of((60,), "none"), AttentionReader(model)
    assert (reader.read(batch, range(4)) - eager_mass(model, batch)).abs().max() <= 1e-5
    marker, whole = Marker.from_model(model, tiny_tokenizer()), Marker.from_pretrained(folder)
    scores = torch.tensor(marker.mark(TEXT, "Who?").scores)
    assert torch.tensor(marker.mark(TEXT, "Who?").scores).allclose(scores, atol=1e-6)
    assert 0 < (scores - torch.tensor(whole.mark(TEXT, "Who?").scores)).abs().max() < 0.1
    assert LocalChat(model, tiny_tokenizer(), max_tokens=3).complete([Message("user", "Who?")]).usage is not None
    if package != "torchao":
        saved = Marker.from_pretrained(tmp_path / "saved").mark(TEXT, "Who?").scores
        assert torch.tensor(saved).allclose(scores, atol=1e-6)


def test_quantised_weights_without_the_package_that_reads_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = (folder / "config.json").read_text("utf-8").rstrip().removesuffix("}").rstrip()
    quantised = '"quantization_config": {"quant_method": "aqlm", "in_group_size": 8}'
    (folder / "config.json").write_text(f"{config},\n  {quantised}\n}}", "utf-8")
    with pytest.raises(MissingDependencyError, match="aqlm"):
        Marker.from_pretrained(folder)


def test_an_old_transformers_reads_the_embedded_model_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(folder)
    monkeypatch.setattr("attngs.reading.loading.transformers.__version__", "4.57.1")
    for read in (lambda: Marker.from_pretrained(folder), lambda: Marker.from_model(model, tiny_tokenizer())):
        with pytest.raises(MissingDependencyError, match=r"4\.57\.1 .* 'transformers>=5\.8'"):
            read()
    assert Marker.default().mark(TEXT, "Who owns a cat?").scores[0] > 0
