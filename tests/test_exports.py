"""The public surface is what `__all__` says, and importing it costs nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import attngs


def test_every_name_is_there_and_only_those() -> None:
    assert set(attngs.__all__) == set(attngs._HOMES) | {"__version__"}
    assert dir(attngs) == sorted(attngs.__all__)
    assert sorted(set(attngs.__all__)) == sorted(attngs.__all__)  # ruff holds their order
    for name in attngs.__all__:
        assert getattr(attngs, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = attngs.nothing


@pytest.mark.parametrize("statement", ["import attngs", "from attngs import Document, Splitter, GreedySelector", "import attngs.cli.app"])
def test_importing_loads_no_model_library(statement: str) -> None:
    code = f"import sys; {statement}; print(sorted({{'torch', 'transformers', 'tiktoken', 'tokenizers', 'openai'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
