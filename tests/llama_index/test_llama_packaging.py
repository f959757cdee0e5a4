"""What is installed where, and what an import costs and reaches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import llama_index
import pytest

import llama_index_attngs

ROOT = Path(__file__).parents[2]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_is_where_llamaindexs_integrations_are() -> None:
    from llama_index.postprocessor import attngs

    assert {name: getattr(attngs, name) for name in attngs.__all__} == {
        "AttnGSMemoryBlock": llama_index_attngs.AttnGSMemoryBlock,
        "AttnGSPostprocessor": llama_index_attngs.AttnGSPostprocessor,
    }


def test_the_namespaces_stay_everybodys() -> None:
    """A package of that name with an `__init__.py` would hide LlamaIndex itself."""
    assert not any((ROOT / "llama_index" / folder / "__init__.py").exists() for folder in ("", "postprocessor"))
    assert len(list(llama_index.__path__)) >= 2  # ours, and that of the core
    assert llama_index_attngs.__all__ == sorted(llama_index_attngs.__all__)


@pytest.mark.parametrize(
    "statement", ["import llama_index_attngs", "from llama_index.postprocessor.attngs import AttnGSPostprocessor as P; P(target_tokens=9)"]
)
def test_an_import_loads_no_model_library_and_no_other_framework(statement: str) -> None:
    assert run(f"import sys; {statement}; print({{'torch', 'langchain_core', 'openai'}} & set(sys.modules))") == "set()"


def test_without_llamaindex_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["llama_index.core"] = None
try:
    import llama_index_attngs
except ImportError as error:
    print(type(error).__name__, error)
"""
    assert run(code) == "MissingDependencyError `llama_index_attngs` needs llama-index-core; run `pip install 'attngs[llama-index]'`."
