"""Every code block in README and docs runs, prints what it says it prints, and every command does its job."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples
from typer.main import get_group
from typer.testing import CliRunner

from attngs.cli.app import app
from attngs.testing import tiny_model, tiny_tokenizer
from benchmarks.preferences import generate, rows
from tests.loopback.server import LoopbackServer

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "attngs" / "__init__.py"]
BLOCKS = [
    block for page in PAGES if page.suffix == ".md" for block in re.findall(r"^```(\w*)[^\n]*\n(.*?)^```", page.read_text(), re.M | re.S)
]
COMMANDS = [line.partition("#")[0].strip() for language, body in BLOCKS if language == "console" for line in body.splitlines()]
SERVERS = {"chat", "serve", "mcp"}
"""Commands that run until somebody stops them."""


@pytest.fixture(scope="module")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "Qwen"
    tiny_model("qwen3").save_pretrained(folder / "Qwen3-0.6B")
    tiny_tokenizer().save_pretrained(folder / "Qwen3-0.6B")
    return folder


@pytest.fixture
def hub_at_home(tiny_qwen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the README names a model on the hub, a folder of that name holds a tiny one of the same architecture."""
    monkeypatch.chdir(tmp_path)
    Path("Qwen").symlink_to(tiny_qwen)


@pytest.mark.usefixtures("hub_at_home")
@pytest.mark.parametrize("example", list(find_examples(*PAGES[:-1])), ids=str)
def test_python_blocks(example: CodeExample, eval_example: EvalExample) -> None:
    eval_example.set_config(line_length=140)
    eval_example.run_print_check(example)


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.startswith("attngs ") and "my-marker" not in command and command.split()[1] not in SERVERS],
)
def test_commands(command: str, monkeypatch: pytest.MonkeyPatch, loopback: LoopbackServer) -> None:
    """Where a chat model is named, an endpoint on this machine answers in its place."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", loopback.url)
    result = CliRunner().invoke(app, shlex.split(command.replace("http://localhost:11434/v1", loopback.url))[1:])
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout) > 80


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("attngs ") and command.split()[1] in SERVERS])
def test_commands_that_serve(command: str) -> None:
    """Tests elsewhere start them; here, their options must be known and have values that are allowed."""
    _, name, *arguments = shlex.split(command)
    assert get_group(app).commands[name].make_context(name, arguments).params


@pytest.mark.usefixtures("hub_at_home")
def test_commands_that_train() -> None:
    Path("mine.jsonl").write_text(rows(list(generate(20, topics=2))))
    Path("notes.md").write_text("Her new pills are blue. It rained again.")
    for command in [command for command in COMMANDS if "my-marker" in command]:
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, result.stderr
        assert len(result.stdout) > 80


def test_make_targets_are_there_and_ci_runs_what_the_readme_begins_with() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    named = [command.split()[1] for command in COMMANDS if command.startswith("make ")]
    assert named[:2] == ["demo", "test"]
    assert set(named) <= set(targets)
    ci = (ROOT / ".ci" / "run").read_text()
    run = {word for line in re.findall(r"^make (.+)", ci, re.M) for word in line.partition("#")[0].split()}
    assert {"setup", "check", "demo", "test"} <= run


def test_nothing_is_left_out() -> None:
    assert {language for language, _ in BLOCKS} <= {"python", "console", ""}
    assert all(command.split()[0] in {"make", "attngs"} for command in COMMANDS)
    assert len((ROOT / "README.md").read_text().splitlines()) < 200
    assert len((ROOT / "CONTRIBUTING.md").read_text().splitlines()) < 100


PACKAGES = [
    path
    for name in ("attngs", "langchain_attngs", "llama_index_attngs", "pydantic_ai_attngs", "openai_agents_attngs")
    for path in (ROOT / name).rglob("*.py")
]


def test_files_keep_to_one_idea() -> None:
    """A file of the packages with more than 400 lines says why; data and tests may be long."""
    long = [path for path in PACKAGES if len(path.read_text("utf-8").splitlines()) > 400]
    assert not [path.name for path in long if "lines" not in (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")]


def test_docstrings_open_with_a_short_line() -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [(path, node) for path in PACKAGES for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds)]
    openings = [(path, (ast.get_docstring(node) or "").partition("\n")[0]) for path, node in nodes]
    assert not [f"{path.name}: {line}" for path, line in openings if len(line) >= 100]
