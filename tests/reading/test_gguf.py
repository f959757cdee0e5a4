"""GGUF files: read like the model that they were written from, unpacked once, refused when they are not whole."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from typer.testing import CliRunner

from attngs import AttentionConfig, LocalChat, Marker
from attngs.cli.app import app
from attngs.errors import AssetError, ConfigError, MissingDependencyError, ModelNotFoundError, UnsupportedModelError
from attngs.reading.gguf import cache_folder, unpacked
from attngs.reading.loading import load_model
from attngs.reading.progress import listening
from attngs.testing import tiny_model, tiny_tokenizer
from attngs.types import Message
from attngs.writing.chat.chat_template import ChatTemplate

gguf = pytest.importorskip("gguf")

TEXTS = ["Anna owns a cat. Ben owns a dog.", "It rained all day. Nobody went out."]
ASKED = [Message("user", "What does she drink?")]
TEMPLATE = "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("ATTNGS_CACHE", str(tmp_path / "cache"))
    return cache_folder()


def model_of() -> PreTrainedModel:
    return tiny_model("llama", tie_word_embeddings=False)


def write_gguf(path: Path, *, kind: str = "F32", leave_out: str = "", fields: dict[str, Any] | None = None, rope: Any = None) -> Path:
    """The tiny llama and its tokenizer as llama.cpp's converter would write them.

    Args:
        path: Where.
        kind: How matrices are stored.
        leave_out: The name of a tensor that the file lacks.
        fields: More of its header.
        rope: Factors of the rotary frequencies.
    """
    model, tokenizer = model_of(), tiny_tokenizer()
    config: Any = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    tokens = [word for word, _ in words] + ["zz"]
    tokens += [f"unused{number}" for number in range(len(tokens), config.vocab_size)]
    types = [gguf.TokenType.CONTROL if number < 10 else gguf.TokenType.NORMAL for number in range(len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(["z z"])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for key, value in (fields or {}).items():
        (writer.add_string if isinstance(value, str) else writer.add_float32 if isinstance(value, float) else writer.add_uint32)(key, value)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        data = tensor.numpy().astype(np.float32)
        if "q_proj" in name or "k_proj" in name:  # llama.cpp pairs the dimensions of a head in another order
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            data = data.reshape(heads, 2, -1, data.shape[1]).swapaxes(1, 2).reshape(data.shape)
        own = names.get_name(name, try_suffixes=(".weight",))
        if own == leave_out:
            continue
        if data.ndim == 1 or kind == "F32":
            writer.add_tensor(own, data)
        else:
            stored = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(own, gguf.quantize(data, stored), raw_dtype=stored)
    if rope is not None:
        writer.add_tensor("rope_freqs.weight", np.asarray(rope, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf")


def same(a: PreTrainedModel, b: PreTrainedModel) -> bool:
    return all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())


def test_a_file_is_read_like_the_model_that_it_was_written_from(file: Path) -> None:
    loaded = load_model(file)
    assert loaded.name == str(file)
    assert same(loaded.model, model_of())
    tokenizer: PreTrainedTokenizerBase = tiny_tokenizer()
    assert loaded.tokenizer("Ana likes 17 teas.", add_special_tokens=False).input_ids == tokenizer("Ana likes 17 teas.").input_ids
    tokenizer.chat_template = TEMPLATE
    everything = AttentionConfig(layers=(0.0, 0.5, 1.0))
    expected = Marker.from_model(model_of(), tokenizer, config=everything).mark(TEXTS, "Who owns a dog?")
    for marker in (
        Marker.from_pretrained(file, config=everything),
        Marker.from_pretrained(file.parent, gguf_file="tiny.gguf", config=everything),
    ):
        assert marker.mark(TEXTS, "Who owns a dog?").scores == pytest.approx(expected.scores, abs=1e-6)


def test_a_chat_model_writes_from_a_file(file: Path) -> None:
    expected = LocalChat(model_of(), load_model(file).tokenizer, max_tokens=6).complete(ASKED)
    assert LocalChat.from_pretrained(file, max_tokens=6).complete(ASKED) == expected
    assert LocalChat.from_pretrained(str(file.parent), gguf_file=file.name, max_tokens=6).complete(ASKED) == expected


def test_the_command_line_takes_a_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("\n".join(TEXTS))
    done = CliRunner().invoke(app, ["mark", str(tmp_path / "notes.txt"), "--query", "Who?", "--marker", str(file), "--format", "json"])
    assert done.exit_code == 0, done.output
    assert "Ben owns a dog." in done.stdout


@pytest.mark.parametrize("kind", ["Q8_0", "F16", "BF16"])
def test_quantised_weights_are_unpacked(tmp_path: Path, kind: str) -> None:
    loaded = load_model(write_gguf(tmp_path / "small.gguf", kind=kind))
    expected = model_of().state_dict()
    for name, value in loaded.model.state_dict().items():
        assert value.dtype == torch.float32
        assert (value - expected[name]).abs().max() <= 0.01 * expected[name].abs().max()


def test_a_file_is_unpacked_once_whatever_it_is_called(file: Path, cache: Path) -> None:
    first = unpacked(str(file))
    assert first.parent == cache
    copy = file.with_name("copy.GGUF")
    copy.write_bytes(file.read_bytes())
    before = {path: path.stat() for path in first.iterdir()}
    assert unpacked(str(file)) == unpacked(str(copy)) == first
    assert {path: path.stat() for path in first.iterdir()} == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_what_is_unpacked_is_private(file: Path) -> None:
    folder = unpacked(str(file))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_progress_is_told(file: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with listening(lambda *report: told.append(report)):
        unpacked(str(file))
        assert [(done, total) for _, done, total in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]
        assert "tiny.gguf" in told[0][0]
        unpacked(str(file))
    assert len(told) == 4


def test_a_crash_leaves_nothing_that_is_found_later(file: Path, cache: Path) -> None:
    code = (
        "import os, sys, attngs.reading.gguf as g\n"
        "from transformers import PreTrainedModel\n"
        "def crash(self, folder, **kwargs):\n"
        "    (folder / 'model.safetensors').write_bytes(b'half')\n"
        "    os._exit(9)\n"
        "PreTrainedModel.save_pretrained = crash\n"
        "g.unpacked(sys.argv[1])\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(file)], check=False).returncode == 9
    assert not [path for path in cache.iterdir() if path.suffix not in (".part", ".lock")]
    assert same(load_model(file).model, model_of())
    assert not list(cache.glob("*.part"))


def test_several_at_once_unpack_it_once(file: Path) -> None:
    at_work: list[int] = []
    start = threading.Barrier(3)

    def work(number: int) -> Path:
        start.wait()
        with listening(lambda what, done, total: at_work.append(number)):
            return unpacked(str(file))

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(work, range(3)))) == 1
    assert len(at_work) == 4, "one thread reports its four steps, the others wait"


def test_a_damaged_copy_says_what_to_delete(file: Path) -> None:
    folder = unpacked(str(file))
    (folder / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(AssetError, match=rf"Delete the folder `{folder}`"):
        load_model(file)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.05, 0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(file: Path, cache: Path, share: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(AssetError, match=r"tiny\.gguf"):
        Marker.from_pretrained(file)
    assert not [path for path in cache.glob("*") if path.suffix != ".lock"]


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.gguf"
    path.write_bytes(b"\x89PNG" + bytes(10_000))
    with pytest.raises(AssetError, match="is no GGUF file"):
        Marker.from_pretrained(path)


def test_random_bytes_behind_the_magic_word_are_refused(tmp_path: Path) -> None:
    for seed in range(20):
        path = tmp_path / "noise.gguf"
        head = b"GGUF" + (b"\x03\0\0\0" if seed % 2 else b"")
        path.write_bytes(head + np.random.default_rng(seed).integers(0, 3 if seed % 3 else 256, 500, dtype=np.uint8).tobytes())
        with pytest.raises((AssetError, UnsupportedModelError)):
            unpacked(str(path))


def test_a_file_without_some_weights_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "holes.gguf", leave_out="blk.2.ffn_up.weight")
    with pytest.raises(AssetError, match=r"lacks 1 weights of a `llama`, such as .*layers\.2\.mlp\.up_proj"):
        Marker.from_pretrained(path)


def test_a_part_of_a_model_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "tiny-00001-of-00003.gguf", fields={"split.count": 3})
    with pytest.raises(UnsupportedModelError, match=r"one of 3 parts.*llama-gguf-split"):
        Marker.from_pretrained(path)


def test_an_architecture_that_transformers_does_not_know_from_gguf(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "other.gguf", "rwkv7")
    writer.add_name("other")
    writer.add_tensor("token_embd.weight", np.zeros((4, 4), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(UnsupportedModelError, match=r"rwkv7.*safetensors"):
        Marker.from_pretrained(tmp_path / "other.gguf")


def test_positions_are_scaled_as_the_file_says(tmp_path: Path) -> None:
    base, pairs = float(model_of().config.rope_parameters["rope_theta"]), 8
    wanted = {"factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
    llama3 = tiny_model("llama", rope_parameters={"rope_theta": base, "rope_type": "llama3", **wanted})
    plain = 1 / base ** (torch.arange(pairs) / pairs)
    factors = plain / llama3.model.rotary_emb.inv_freq
    assert factors.max() == pytest.approx(32)
    scaled = load_model(write_gguf(tmp_path / "llama3.gguf", rope=factors)).model
    assert torch.allclose(scaled.model.rotary_emb.inv_freq, llama3.model.rotary_emb.inv_freq)
    with pytest.raises(UnsupportedModelError, match="table of its own"):
        load_model(write_gguf(tmp_path / "own.gguf", rope=factors.flip(0) + 1))
    linear = write_gguf(tmp_path / "linear.gguf", fields={"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 8.0})
    assert torch.allclose(load_model(linear).model.model.rotary_emb.inv_freq, plain / 8)
    with pytest.raises(UnsupportedModelError, match="scales its positions by longrope"):
        load_model(write_gguf(tmp_path / "longrope.gguf", fields={"llama.rope.scaling.type": "longrope"}))


def test_a_reply_ends_where_the_template_ends_a_turn(file: Path) -> None:
    """A GGUF file names one end token; that of a turn may be another."""
    tokenizer = load_model(file).tokenizer
    assert ChatTemplate(tokenizer).end_of_turn == tokenizer.convert_tokens_to_ids("<|end|>")


def test_names_that_lead_nowhere(tmp_path: Path) -> None:
    for name in (tmp_path / "missing.gguf", "missing.gguf", "owner/missing.gguf"):
        with pytest.raises(ModelNotFoundError, match=r"there is no file `.*missing\.gguf`"):
            Marker.from_pretrained(name)
    with pytest.raises(ModelNotFoundError, match=r"`no/such-repository/model\.gguf` is neither a file"):
        Marker.from_pretrained("no/such-repository", gguf_file="model.gguf")
    with pytest.raises(ConfigError, match="`gguf_file` must be the name of a file"):
        Marker.from_pretrained(tmp_path, gguf_file="model.safetensors")


def test_a_folder_with_nothing_but_gguf_files_says_how_to_name_one(file: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"`gguf_file`.*tiny\.gguf"):
        Marker.from_pretrained(file.parent)


def test_without_the_extra(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingDependencyError, match=r"needs gguf: pip install 'attngs\[gguf\]'"):
        Marker.from_pretrained(file)


def test_a_cache_that_cannot_be_written(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "occupied").write_text("")
    monkeypatch.setenv("ATTNGS_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(AssetError, match="ATTNGS_CACHE"):
        Marker.from_pretrained(file)
