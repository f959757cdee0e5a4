"""`attngs eval --rubric` as a shell user meets it, with an endpoint on this machine as both models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from attngs.cli.app import app
from tests.loopback.server import LoopbackServer
from tests.loopback.turns import Turn

SCORES = '{"clarity": [5, 3], "alignment": [4, 4], "learning value": [2, 3]}'


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    chatter = "We had tea and talked about the weather. " * 8
    rows = [
        {
            "query": f"What does {name} advise?",
            "documents": [{"id": "talk", "text": f"{chatter}{name} advises: read the small book. {chatter}"}],
        }
        for name in ("Ana", "Ben", "José")
    ]
    path = tmp_path / "talks.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def models(body: Any) -> Turn:
    if body["model"] == "answerer":
        return Turn(text="Read the small book.")
    return Turn(text="Both are good." if "José" in body["messages"][-1]["content"] else SCORES)


def test_two_models_by_name_and_url(talks: Path, tmp_path: Path, loopback: LoopbackServer) -> None:
    loopback.plan = models
    asked = ["--chat", "answerer", "--base-url", loopback.url, "--judge", "judge", "--judge-url", loopback.url, "-t", 20, "--repeats", 2]
    code, table, err = run("eval", talks, "--rubric", *asked)
    assert (code, err) == (0, "")
    for words in ("2 questions, each judged 2 times", "learning value", "which count neither way: 4", "opinion, not the truth"):
        assert words in table
    assert "Questions left out, not judged in both orders: 1" in table
    assert len(loopback.requests) == 3 * (2 + 2 * 2)
    out = tmp_path / "judged.json"
    assert run("eval", talks, "--rubric", *asked, "--format", "json", "--out", out)[0] == 0
    plain = json.loads(out.read_text())
    assert plain["qualities"]["clarity"]["preferences"] == {"full": 0.5, "equal": 0, "short": 0.5}
    assert plain["questions"][0]["answers"] == {"full": "Read the small book.", "short": "Read the small book."}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rubric"], "--rubric needs --chat"),
        (["--rubric", "--chat", "a"], "--rubric needs --chat"),
        (["--judge", "b"], "need --rubric"),
        (["--base-url", "http://localhost/v1"], "need --rubric"),
        (["--rubric", "--chat", "a", "--judge", "b", "--repeats", "0"], "--repeats"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_missing(talks: Path, arguments: list[str], message: str) -> None:
    code, out, err = run("eval", talks, *arguments)
    assert (code, out) == (2, "")
    assert message in " ".join(err.replace("│", " ").split())


def test_a_judge_that_is_not_there_is_one_line(talks: Path, loopback: LoopbackServer) -> None:
    loopback.plan = lambda body: Turn(text="An answer.") if body["model"] == "answerer" else Turn(status=401, text="no such key")
    named = ["--chat", "answerer", "--base-url", loopback.url, "--judge", "judge", "--judge-url", loopback.url]
    code, out, err = run("eval", talks, "--rubric", *named, "-t", 20, "--repeats", 1)
    assert (code, out) == (1, "")
    assert "none of the 3 questions was judged. The first failure: the judge failed" in err
    assert len(err.strip().splitlines()) == 1
