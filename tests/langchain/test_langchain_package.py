"""What the package exports, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import langchain_attngs


def test_every_name_is_there() -> None:
    assert langchain_attngs.__all__ == sorted(langchain_attngs.__all__)
    assert dir(langchain_attngs) == langchain_attngs.__all__
    assert all(getattr(langchain_attngs, name) is not None for name in langchain_attngs.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = langchain_attngs.nothing


def test_importing_and_configuring_it_loads_no_model_library_and_no_agents() -> None:
    code = """
import sys
from langchain_attngs import AttnGSCompressor
AttnGSCompressor(target_tokens=9)
print(sorted({"torch", "transformers", "tiktoken", "openai", "langchain", "langgraph", "langchain_community"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
