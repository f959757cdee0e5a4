"""Counters: the marker's tokenizer, tiktoken with and without its file, any function."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from attngs.errors import AssetError, ConfigError, InputError
from attngs.protocols import TokenCounter
from attngs.reading.tokens import CallableCounter, TiktokenCounter, TokenizerCounter, as_counter
from attngs.testing import tiny_tokenizer

ENCODING = r"""
def tiny():
    ranks = {bytes([i]): i for i in range(256)}
    return {"name": "tiny", "pat_str": r"\S+|\s+", "mergeable_ranks": ranks, "special_tokens": {"<|end|>": 256}}
ENCODING_CONSTRUCTORS = {"tiny": tiny}
"""


def test_a_tokenizer_counts_plain_text_without_frames() -> None:
    counter = TokenizerCounter(tiny_tokenizer(), "tiny")
    assert counter.count(["abc", "", "é", "<|end|>"]) == [3, 0, 2, 7]
    assert counter.name == "tiny"
    assert isinstance(counter, TokenCounter)


def test_counting_again_gives_the_same() -> None:
    counter = TokenizerCounter(tiny_tokenizer())
    texts = ["abc", "", "abc", "\ud800", "é"]
    assert counter.count(texts) == counter.count(texts) == [3, 0, 3, 3, 2]
    assert counter.count(["new", "abc"]) == [3, 3]


def test_what_a_vocabulary_cannot_spell_counts_as_bytes() -> None:
    """A word of a thousand letters is one unknown token to WordPiece; no reader would see it so."""
    from transformers import AutoTokenizer

    from attngs.reading.embedded import assets_folder

    counter = TokenizerCounter(AutoTokenizer.from_pretrained(assets_folder()))
    assert counter.count(["x" * 1_000, "the cat", "the " + "y" * 500])[1:] == [2, 501]
    assert counter.count(["x" * 1_000]) == [1_000]
    assert counter.count(["Tea." + "\u200b" * 100, "a\U000e0041"]) == [302, 5]  # nor do characters that no one sees


def test_tiktoken_by_name_through_its_plugin_folder(tmp_path: Path) -> None:
    """A real tiktoken encoding, put where tiktoken looks for them, so that nothing is fetched."""
    (tmp_path / "tiktoken_ext").mkdir()
    (tmp_path / "tiktoken_ext" / "attngs_test.py").write_text(ENCODING)
    code = "from attngs import TiktokenCounter; print(TiktokenCounter('tiny').count(['abc', '<|end|>', '\\ud800']))"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[3, 7, 3]", "")


def test_an_encoding_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(AssetError, match=r"`o200k_base` is not on this machine.*TIKTOKEN_CACHE_DIR.*it is '") as caught:
        TiktokenCounter("gpt-4o")
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(ConfigError, match=r"`gpt-99` is neither.*cl100k_base"):
        TiktokenCounter("gpt-99")


def test_any_function_counts() -> None:
    counter = as_counter(len)
    assert counter.count(["ab", ""]) == [2, 0]
    assert counter.name == "len"
    assert as_counter(counter) is counter
    for bad in (lambda text: -1, lambda text: 1.5, lambda text: None, lambda text: True):
        with pytest.raises(InputError, match="must return a whole number"):
            CallableCounter(bad).count(["x"])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`counter`"):
        as_counter(3)  # type: ignore[arg-type]
