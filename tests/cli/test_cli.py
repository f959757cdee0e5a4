"""The command line as a shell user meets it: real processes where that matters, the runner elsewhere."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attngs.cli.app import app
from attngs.cli.console import printable
from attngs.errors import InputError
from attngs.text.files import read_documents, write_whole

MEMORY = "Ana: I moved to Porto in May.\nBot: Nice!\nAna: My new dentist is Dr. Lima.\nBot: Noted.\nAna: It rained again all day long.\n"


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    path = tmp_path / "memory.txt"
    path.write_text(MEMORY, encoding="utf-8")
    return path


def run(*arguments: object, stdin: str | bytes | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    return result.exit_code, result.stdout, result.stderr


def test_compress_prints_the_context_and_only_that(memory: Path) -> None:
    code, out, err = run("compress", memory, "--query", "Who is her dentist?", "--target-tokens", 12)
    assert (code, out) == (0, "Ana: My new dentist is Dr. Lima.\n")
    assert "tokens (" in err
    assert "1 of 5 sentences, extract" in err


def test_a_floor_keeps_nothing_for_a_greeting(memory: Path) -> None:
    code, out, err = run("compress", memory, "-q", "hi there", "-t", 12, "--min-score", 0.1)
    assert (code, out) == (0, "\n")
    assert "nothing in the documents bears on the question" in " ".join(err.split())
    assert "Dr. Lima" in run("compress", memory, "-q", "Who is her dentist?", "-t", 12, "--min-score", 0.1)[1]
    assert run("compress", memory, "-q", "hi", "-t", 12, "--min-score", 2)[0] == 2


def test_standard_input(memory: Path) -> None:
    code, out, _ = run("compress", "-", "-q", "Where does she live?", "-t", 10, "--unit", "line", stdin=MEMORY)
    assert (code, out) == (0, "Ana: I moved to Porto in May.\n")


def test_json_and_html_by_suffix_or_format(memory: Path, tmp_path: Path) -> None:
    code, out, _ = run("compress", memory, "-q", "dentist", "-t", 12, "-f", "json")
    assert (code, json.loads(out)["kept"][0]["document_id"]) == (0, "memory.txt")
    for name, start in (("r.json", "{"), ("r.html", "<!doctype html>"), ("r.txt", "Ana")):
        code, out, err = run("compress", memory, "-q", "dentist", "-t", 12, "--out", tmp_path / "new" / name)
        assert (code, out) == (0, "")
        assert f"written: {tmp_path / 'new' / name}" in err
        assert (tmp_path / "new" / name).read_text(encoding="utf-8").lower().startswith(start.lower())
    assert len(list((tmp_path / "new").iterdir())) == 3  # and no temporary file


def test_mark_shows_the_best_or_everything(memory: Path) -> None:
    code, out, _ = run("mark", memory, "-q", "Who is her dentist?", "--top", 2)
    assert code == 0
    assert "Dr. Lima" in out
    assert "rained" not in out
    assert "of 5 sentences marked" in out
    code, out, _ = run("mark", memory, "-q", "Who is her dentist?", "--format", "json")
    rows = json.loads(out)["sentences"]
    assert "".join(row["text"] for row in rows) == MEMORY
    assert max(rows, key=lambda row: row["score"])["marked"]


def test_info_says_where_things_come_from() -> None:
    code, out, _ = run("info")
    assert code == 0
    assert "weights verified" in out
    assert "transformers" in out


def test_version_and_help() -> None:
    assert run("--version")[1].startswith("attngs 0.")
    for command in ("compress", "mark", "info"):
        assert run(command, "--help")[0] == 0


def test_folders_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# B", encoding="utf-8-sig")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jsonl").write_text(
        '{"text": "one", "id": "x", "metadata": {"n": 1}}\n\n"two"\n{"text": "\\u2028three", "id": 3}\n'
    )
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    (tmp_path / ".hidden.txt").write_text("no")
    documents = read_documents([tmp_path], io.BytesIO())
    assert [(d.id, d.text) for d in documents] == [("b.md", "# B"), ("x", "one"), ("sub/a.jsonl:3", "two"), ("3", "\u2028three")]
    assert documents[1].metadata == {"n": 1}


def test_links_that_lead_out_of_a_folder_are_not_read(tmp_path: Path) -> None:
    folder, secret = tmp_path / "notes", tmp_path / "secret.txt"
    (folder / "sub").mkdir(parents=True)
    secret.write_text("The key is 4471.")
    (folder / "a.txt").write_text("Tea is good.")
    (folder / "b.txt").symlink_to(folder / "a.txt")
    (folder / "sub" / "c.txt").symlink_to(secret)
    (folder / "d").symlink_to(tmp_path, target_is_directory=True)
    reasons = list[str]()
    documents = read_documents([folder], io.BytesIO(), skipped=reasons.append)
    assert [d.id for d in documents] == ["a.txt", "b.txt"]
    assert reasons == [f"`{folder}`: 1 skipped: 1 link out of the folder (name such a file itself)"]
    code, out, err = run("compress", folder, "-q", "What is the key?")
    assert (code, "4471" in out) == (0, False)
    assert "1 link out of the folder" in err
    assert read_documents([folder / "sub" / "c.txt"], io.BytesIO())[0].text == "The key is 4471.", "named outright"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"abc\xff", "is not UTF-8 text \\(byte 3\\)"),
        ("a.txt", b"abc\0def", "is a binary file, not text. Name a text of any kind"),
        ("a.jsonl", b'{"text": "ok"}\n{"text": 3}', "line 2`: `text` must be a string, got int"),
        ("a.jsonl", b"{oops", "line 1` is not JSON"),
        ("a.jsonl", b"[1]", "line 1` must be a string or an object"),
        ("a.jsonl", b'{"text": "a", "id": []}', "`id` must be"),
        ("a.jsonl", b'{"text": "a", "metadata": 1}', "`metadata` must be"),
        ("a.jsonl", b"[" * 100_000, "line 1` is not JSON"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_documents([tmp_path / name], io.BytesIO())


def test_errors_are_one_line_and_exit_1(tmp_path: Path, memory: Path) -> None:
    for arguments, message in [
        (["compress", tmp_path / "none.txt", "-q", "x"], "there is no such file or folder. Check the path; a text of your own"),
        (["compress", memory, "-q", " ", "-m", "no/model"], "`--query` is empty"),  # said before a model is loaded
        (["compress", memory, "-q", "x", "-o", tmp_path, "-m", "no/model"], "it is a folder. Name a file in it."),
        (["memory", "ask", memory, "-q", " "], "`--query` is empty"),
        (["compress", memory, "-q", "x", "--tokens", "gpt-99"], "neither an encoding nor a model"),
        (["compress", memory, "-q", "x", "-m", "no/model"], "neither a local folder"),
        (["compress", memory, "-q", "x", "-o", "/dev/null/x"], "cannot be written"),
        (["mark", tmp_path / "empty", "-q", "x"], "cannot be read"),
        (["compress", memory, "-q", "x", "-t", "2", "--chat", "m", "--base-url", "ftp://x"], "`--base-url` must be a URL"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (1, "")
        assert err.lstrip().startswith("error: ")  # older versions of rich leave an empty line
        assert message in err
        assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["compress"], ["compress", "x", "-q", "y", "-t", "0"], ["compress", "x", "-q", "y", "--unit", "word"], ["nothing"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert run(*arguments)[0] == 2


def test_empty_input_says_why() -> None:
    code, out, err = run("compress", "-", "-q", "x", stdin="")
    assert (code, out) == (0, "\n")
    assert "note: the documents hold no text" in err


def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    pipe, out = tmp_path / "endless.txt", tmp_path / "out.json"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "attngs", "compress", str(pipe), "-q", "what", "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        writer = os.open(pipe, os.O_WRONLY)  # returns when the command has begun to read
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        os.close(writer)
    assert process.returncode == 130
    assert err == "interrupted; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["endless.txt"]


def test_ctrl_c_while_it_is_loading_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n")
    path = os.pathsep.join([str(tmp_path), *sys.path[1:]])
    done = subprocess.run([sys.executable, "-m", "attngs"], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "interrupted; nothing was written\n")


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_port_that_is_taken_is_said_before_the_page_is_loaded() -> None:
    pytest.importorskip("streamlit")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = run("chat", "--no-browser", "--port", taken.getsockname()[1])
    assert code == 1
    assert "choose another `--port`, or leave it out" in err


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.txt"
    write_whole(path, "old \ud800")
    assert path.read_text(encoding="utf-8") == "old ?"

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new")
    assert path.read_text(encoding="utf-8") == "old ?"
    assert len(list(tmp_path.iterdir())) == 1


def test_links_permissions_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    write_whole(link, "new")
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("new", 0o600)
    write_whole(Path(os.devnull), "gone")
    assert Path(os.devnull).is_char_device()


def test_a_text_given_as_a_path_is_an_error_not_a_traceback() -> None:
    code, _, err = run("compress", "She is allergic to walnuts. " * 30, "-q", "x")
    assert code == 1
    assert "cannot be read: File name too long" in err


def test_documents_cannot_steer_the_terminal_or_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Tea \x1b[2J is [bold]good[/bold]. [/] And more.")
    assert run("mark", tmp_path / "a.txt", "-q", "[red]tea[/]", "-o", tmp_path / "t.txt")[0] == 0
    table = (tmp_path / "t.txt").read_text(encoding="utf-8")
    assert "\x1b" not in table
    assert "[bold]good[/bold]" in table
    assert run("mark", tmp_path / "a.txt", "-q", "tea", "-o", tmp_path / "t.json")[0] == 0
    assert json.loads((tmp_path / "t.json").read_text())["query"] == "tea"


def test_a_reader_that_leaves_early_is_no_error(memory: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m attngs mark {memory} -q x -f json | head -c 1 > /dev/null",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_documents_servers_and_paths_cannot_steer_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    steering = "Tea \u202eevil\u202c \x1b]0;title\x07 is\x9b2J good.\n\tAnd\rmore.\r\n"
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Terminal())
        assert printable(steering, None) == "Tea \ufffdevil\ufffd \ufffd]0;title\ufffd is\ufffd2J good.\n\tAnd\ufffdmore.\r\n"
        assert printable(steering, tmp_path) == steering
    (tmp_path / "a.txt").write_bytes(steering.encode())
    assert "\x1b]0;title" in run("compress", tmp_path / "a.txt", "-q", "tea")[1], "a pipe gets it as it is"
    code, _, err = run("compress", tmp_path / "no\x1b[31mfile", "-q", "tea")
    assert code == 1
    assert "no\ufffd[31mfile" in err


def test_an_output_that_cannot_be_written_is_an_error_not_a_traceback(memory: Path) -> None:
    command = f"{sys.executable} -m attngs compress {memory} -q dentist > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: standard output cannot be written: No space left on device.\n"
