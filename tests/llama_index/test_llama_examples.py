"""The examples run offline, as a user runs them, and show what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.examples.scripts import EXAMPLES, printed


def columns(printed: str) -> list[tuple[int, int, int, int]]:
    """For each question: tokens and pieces of evidence, without and with."""
    found = [(int(a.replace(",", "")), int(b)) for a, b in re.findall(r": ([\d,]+) tokens, (\d+) of \d+ pieces", printed)]
    return [(*without, *with_attngs) for without, with_attngs in zip(found[::2], found[1::2], strict=True)]


@pytest.mark.skipif(version("llama-index-core").startswith("0.13"), reason="the engine's own splitting wants data of nltk's there")
def test_rag(tmp_path: Path) -> None:
    shown = columns(printed("llama_index_rag.py", tmp_path))
    assert len(shown) == 3
    assert all(tokens <= 256 < 1000 < without for without, _, tokens, _ in shown)
    assert sum(held for _, _, _, held in shown) >= 1


def test_memory_is_there_the_second_time(tmp_path: Path) -> None:
    first = printed("llama_index_memory.py", tmp_path)
    second = subprocess.run([sys.executable, EXAMPLES / "llama_index_memory.py"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert first == second.stdout
    shown = columns(first)
    assert len(shown) == 3
    assert all(tokens <= 256 + 20 < 5000 < without for without, _, tokens, _ in shown)  # the block's tags are LlamaIndex's
    assert sum(held for _, _, _, held in shown) >= 1
    assert (tmp_path / "out" / "memory.sqlite").exists()


def test_they_are_short() -> None:
    assert all(
        len((EXAMPLES / name).read_text().splitlines()) < 80 for name in ("llama_index_rag.py", "llama_index_memory.py", "side_by_side.py")
    )
