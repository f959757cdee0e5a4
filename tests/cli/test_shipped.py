"""What comes with attngs itself: the demo, the chatbot, and the wheel that holds them."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attngs.cli.app import app
from attngs.cli.shipped import shipped
from attngs.errors import AssetError

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_demo_prints_three_answers_and_writes_their_heat_map(tmp_path: Path) -> None:
    code, out, _ = run("demo", "--out", tmp_path / "heat" / "map.html")
    assert code == 0
    assert len(re.findall(r"-> (\d+) tokens, compression_ratio", out)) == 3
    assert all(int(tokens) <= 256 for tokens in re.findall(r"-> (\d+) tokens", out))
    assert "lercanidipine" in out
    assert f"--query '{'Who has our drill?'}'" in out
    assert (tmp_path / "heat" / "map.html").read_text("utf-8").startswith("<!doctype html>")


def test_without_streamlit_the_chatbot_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamlit", None)  # as where it is not installed
    code, _, err = run("chat")
    assert (code, err) == (1, "error: the chatbot needs streamlit: pip install 'attngs[app]'\n")


def test_an_example_that_is_not_there_means_a_broken_installation() -> None:
    with pytest.raises(AssetError, match=r"`chatbot/gone\.py`.*--force-reinstall"):
        shipped("chatbot/gone.py")


def test_the_wheel_takes_the_examples_from_where_a_checkout_has_them() -> None:
    taken = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert all((ROOT / place).is_dir() for place in taken)
    assert taken == {place: f"attngs/_{place}" for place in taken}
    assert all(any(shipped(name).is_relative_to(ROOT / place) for place in taken) for name in ("data/maren", "chatbot/app.py"))


def test_every_extra_has_a_smoke_test() -> None:
    """`.ci/wheel` installs each extra into a fresh environment, and lets this script use it."""
    smoke = {node.name for node in ast.parse((ROOT / ".ci" / "smoke.py").read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}
    extras = set(PROJECT["project"]["optional-dependencies"]) - {"dev", "bench", "all"}
    assert {extra.replace("-", "_") for extra in extras} <= smoke
