"""`attngs fit` and `attngs eval` as a shell user meets them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attngs.cli.app import app
from attngs.cli.learn import evaluate

ROWS = 24


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    things = ["tea", "coffee", "chess", "jazz", "bread", "snow"]
    rows = [
        {
            "query": f"What did {name} say about {things[i % 6]}?",
            "documents": [f"It rained. We met at {i}. {name} said {things[i % 6]} is fine.", f"{name} was late. Nothing else."],
            "evidence": [{"doc_id": "document-1", "text": f"{name} said {things[i % 6]} is fine."}],
        }
        for i, name in enumerate(f"Person{n}" for n in range(ROWS))
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_fit_then_eval_then_compress(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "probe"
    code, table, err = run("fit", data, "--out", out, "--folds", 3, "--unit", "sentence")
    assert (code, err.strip()) == (0, "")
    assert "gain over the default" in table
    assert f"{ROWS} in {ROWS} groups" in table
    assert sorted(path.name for path in out.iterdir()) == ["marker.json", "probe.safetensors", "report.md", "report.png"]
    code, table, _ = run("eval", data, "--probe", out)
    assert code == 0
    assert "BM25" in table
    code, text, _ = run("eval", data, "--probe", out, "--format", "json")
    assert json.loads(text)["examples"] == ROWS
    notes = tmp_path / "notes.txt"
    notes.write_text("It rained. Person3 said chess is fine. Nothing else.")
    code, text, _ = run("mark", notes, "-q", "What did Person3 say?", "--probe", out, "-f", "json")
    assert code == 0
    assert all(0 <= row["score"] <= 1 for row in json.loads(text)["sentences"])
    assert run("compress", notes, "-q", "What did Person3 say?", "--probe", out, "-t", 9)[0] == 0


def test_a_table_in_a_file_has_no_colours(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        evaluate(data, out=tmp_path / "table.txt")
    written = (tmp_path / "table.txt").read_text()
    assert "BM25" in written
    assert "\x1b" not in written


def test_errors_are_one_line_and_leave_nothing(data: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    notes = tmp_path / "notes.txt"
    notes.write_text("Text.")
    few.write_text("\n".join(data.read_text().splitlines()[:4]))
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{")
    for arguments, message in [
        (["fit", few, "--out", tmp_path / "o"], "At least 20 are needed"),
        (["fit", tmp_path / "none.jsonl", "--out", tmp_path / "o"], "cannot be read"),
        (["fit", data, "--out", tmp_path / "o", "-m", "no/model"], "neither a local folder"),
        (["fit", bad, "--out", data], "data.jsonl` is a file, not a folder"),  # said before anything is read
        (["fit", bad, "--out", data / "o" / "p"], "data.jsonl` is a file, not a folder"),
        (["eval", data, "--probe", tmp_path], "marker.json` cannot be read"),
        (["mark", notes, "-q", "x", "--probe", tmp_path], "marker.json` cannot be read"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (1, "")
        assert message in err
        assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "arguments", [["fit"], ["fit", "x"], ["fit", "x", "-o", "y", "--folds", "2"], ["eval"], ["eval", "x", "-u", "word"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


def test_help_teaches() -> None:
    code, words, _ = run("fit", "--help")
    assert code == 0
    for word in ("evidence", "answer", "--folds", "--out"):
        assert word in words
    assert "Intervals" in run("eval", "--help")[1]


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "endless.jsonl"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "attngs", "fit", str(pipe), "--out", str(tmp_path / "o")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        writer = os.open(pipe, os.O_WRONLY)  # returns when the command has begun to read
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        os.close(writer)
    assert (process.returncode, err) == (130, "interrupted; nothing was written\n")
    assert [path.name for path in tmp_path.iterdir()] == ["endless.jsonl"]
