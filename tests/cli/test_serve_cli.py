"""`attngs serve` as a shell user meets it: what it refuses before it listens, and a process that serves and ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from attngs.cli.app import app


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["serve", *map(str, arguments)], env={"COLUMNS": "400", "NAMED_KEY": ""})
    return result.exit_code, " ".join(result.stderr.split())


def test_what_is_refused_before_it_listens(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text('[tokens]\n"not a digest" = "ana"\n')
    for arguments, code, message in (
        (("--host", "0.0.0.0"), 1, "`--host` is '0.0.0.0', where other machines reach the server"),
        (("--tokens", tokens), 1, "token 1 is no SHA-256 digest"),
        (("--tokens", tmp_path / "none.toml"), 1, "cannot be read"),
        (("--upstream", "nothing"), 1, "must be a URL"),
        (("--upstream", "http://localhost/v1", "--upstream-key", "NAMED_KEY"), 1, "NAMED_KEY, which --upstream-key names, is not set"),
        (("--pass-key",), 2, "need --upstream"),
        (("--at-once", 0), 2, "--at-once"),
        (("--namespace", " "), 1, "`namespace` is empty"),
    ):
        found = run(*arguments)
        assert found[0] == code, found
        assert message in found[1]


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_it_serves_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "attngs", "serve", "--port", "0", "--memory", str(tmp_path / "memory.db")]
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        found = re.search(r"listening on (http://127\.0\.0\.1:\d+)", process.stderr.readline())
        assert found
        assert httpx.get(f"{found[1]}/readyz", timeout=60).json() == {"status": "ready"}
        taken = run("--port", found[1].rpartition(":")[2])
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert taken[0] == 1
    assert "choose another `--port`" in taken[1]
