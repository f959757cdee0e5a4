"""A memory in a terminal."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from attngs.cli.app import app


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("notes.md").write_text("# Home\n\nThe spare key is under the blue pot.\n")
    Path("more.jsonl").write_text('{"id": "tea", "text": "Ana likes tea."}\n{"id": "milk", "text": "Ivo likes milk."}\n')
    return tmp_path


def run(command: str) -> Result:
    return CliRunner().invoke(app, ["memory", *shlex.split(command)])


def test_add_ask_list_and_delete(notes: Path) -> None:
    assert run("add ana.db notes.md more.jsonl").stdout == "3 added, 0 changed; the memory has 3 documents\n"
    Path("notes.md").write_text("# Home\n\nThe spare key is in the shed.\n")
    assert run("add ana.db notes.md more.jsonl").stdout == "0 added, 1 changed; the memory has 3 documents\n"
    asked = run("ask ana.db -q 'Where is the spare key?' -t 30")
    assert "in the shed" in asked.stdout
    assert "tokens" in asked.stderr
    assert [line.split("\t")[0] for line in run("list ana.db").stdout.splitlines()] == ["notes.md", "tea", "milk"]
    assert run("delete ana.db tea milk").stdout == "deleted; the memory has 1 document\n"
    assert run("delete ana.db --all").stdout == "deleted; the memory has 0 documents\n"


def test_errors_are_one_line(notes: Path) -> None:
    missing = run("ask nothing.db -q x")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "there is no memory `nothing.db`; `attngs memory add` makes one." in missing.stderr
    assert not Path("nothing.db").exists()
    run("add ana.db notes.md")
    unknown = run("delete ana.db nobody")
    assert unknown.exit_code == 1
    assert "there is no document 'nobody' in this namespace; `attngs memory list` names all." in " ".join(unknown.stderr.split())
    assert run("delete ana.db").exit_code == 2
    assert run("delete ana.db x --all").exit_code == 2
