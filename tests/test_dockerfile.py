"""The image of the server: no Docker is needed to see that it would be built from files that are there, and run by nobody special."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"))).splitlines()
STEPS = [(words[0], words[2]) for line in LINES if (words := line.partition(" "))[0]]


def arguments_of(instruction: str) -> list[str]:
    return [arguments for name, arguments in STEPS if name == instruction]


def test_a_wheel_is_built_in_a_stage_of_its_own_and_only_the_wheel_goes_on() -> None:
    assert [arguments.partition(" ")[2] for arguments in arguments_of("FROM")] == ["AS build", ""]
    assert arguments_of("COPY") == [". .", "constraints.txt /tmp/constraints.txt", "--from=build /dist /dist"]


def test_what_is_sent_to_docker_is_there_and_holds_what_the_wheel_is_built_from() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")]
    assert all((ROOT / name).exists() for name in sent)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    built_from = [name.lstrip("/") for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]]
    assert all(any(fnmatch(name, pattern) for pattern in sent) for name in [*built_from, "pyproject.toml", "constraints.txt"])


def test_the_server_runs_as_nobody_special_and_can_be_asked_whether_it_is_well() -> None:
    assert arguments_of("USER") == ["10001"]
    assert STEPS.index(("USER", "10001")) > max(number for number, (name, _) in enumerate(STEPS) if name == "RUN")
    assert "http://127.0.0.1:8000/healthz" in arguments_of("HEALTHCHECK")[0]
    assert arguments_of("EXPOSE") == ["8000"]
    [entry] = arguments_of("ENTRYPOINT")
    assert entry.startswith('["attngs", "serve", ')
    assert '"--tokens"' in entry  # who listens on all addresses asks who is there
