"""All commands mean the same memory of a file where nobody says whose, and an empty one says that the file has others."""

from __future__ import annotations

from pathlib import Path

from typer.main import get_command
from typer.testing import CliRunner

from attngs import Marker
from attngs.cli.app import app
from attngs.cli.options import NAMESPACE
from attngs.memory.memory import Memory
from attngs.scale.serving.settings import ServerSettings


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, " ".join(result.stderr.split())


def test_the_commands_have_one_default() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group
    several = [*commands["memory"].commands.values(), commands["serve"], commands["mcp"]]
    defaults = {option.default for command in several for option in command.params if option.name == "namespace"}
    assert defaults == {NAMESPACE} == {ServerSettings().namespace}


def test_an_empty_memory_says_that_the_file_has_others(tmp_path: Path, default_marker: Marker) -> None:
    file = tmp_path / "m.db"
    with Memory.open(file, namespace="ana", marker=default_marker) as memory:
        memory.add(["Ana lives in Porto.", "Ana drives a Fiat."])
    for command in (("list", file), ("ask", file, "-q", "Where does Ana live?")):
        code, out, err = run("memory", *command)
        assert (code, out.strip()) == (0, "")
        assert "nothing is under the namespace `default`, but the file has 2 texts under others; name one with -n" in err
        assert "under others" not in run("memory", *command, "-n", "ana")[2]


def test_versions_of_its_own_are_no_others(tmp_path: Path, default_marker: Marker) -> None:
    file = tmp_path / "m.db"
    with Memory.open(file, namespace="default", marker=default_marker) as memory:
        memory.versions.add("Ana lived in Porto.")
    assert "under others" not in run("memory", "list", file)[2]
