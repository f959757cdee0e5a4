"""Compression with the real `openai` client against a real endpoint that fails: nothing is lost, over budget, or somebody else's."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attngs import ContextCompressor, Document, Marker, OpenAIChat
from attngs.cli.app import app
from attngs.errors import ChatError
from attngs.result.result import CompressedContext
from attngs.testing import FakeScorer, count_words
from attngs.text.sentences import Splitter
from attngs.writing.chat.cached import CachedChat
from attngs.writing.chat.replies import MemoryResults
from attngs.writing.prompts import END, START
from tests.loopback import turns
from tests.loopback.server import LoopbackServer, last_message, refused_url
from tests.loopback.turns import Body, Turn

FAULTS = (
    *turns.PASSING,
    turns.BREAK_OFF,
    turns.MALFORMED,
    turns.HTML,
    turns.EMPTY,
    turns.REFUSAL,
    turns.TOOL_CALL,
    turns.NO_CHOICES,
    turns.NOT_UTF8,
    turns.LONE_SURROGATE,
    turns.CUT_OFF,
    turns.HANG,
)
TARGET = 16


def memory(user: int) -> list[Document]:
    return [
        Document(
            id=f"u{user}-{n}", text=f"User{user} likes thing{user}x{n} very much. It rained on day {n}. Nobody came by that day at all."
        )
        for n in range(6)
    ]


def writer(body: Body) -> str:
    """Says again what is marked first."""
    return last_message(body).split(START, 1)[-1].split(END)[0]


def faulty(seed: int) -> turns.Plan:
    """A third of the requests fail; the rest get a reply."""
    chance = random.Random(seed)

    def plan(body: Body) -> Turn:
        return chance.choice(FAULTS) if chance.random() < 1 / 3 else Turn(text=writer(body))

    return plan


def compressor(chat: object, **settings: object) -> ContextCompressor:
    marker = Marker(FakeScorer("likes"), splitter=Splitter(unit="sentence"))
    return ContextCompressor(marker, chat, counter=count_words, **settings)  # type: ignore[arg-type]


async def test_64_at_once_under_faults_none_is_lost_over_budget_or_crossed(loopback: LoopbackServer) -> None:
    loopback.plan = faulty(7)
    with OpenAIChat("writer", base_url=loopback.url, timeout=3, max_concurrency=16) as chat:
        subject = compressor(chat)
        results = await asyncio.gather(
            *(subject.acompress(memory(n), f"What does User{n} like?", target_tokens=TARGET, namespace=f"u{n}") for n in range(64))
        )
    methods = [result.method for result in results]
    for n, result in enumerate(results):
        check(n, result)
    assert loopback.most_at_once <= 16
    assert methods.count("rewrite") >= 32
    assert {result.fallback_reason for result in results if result.method == "extract"} >= {
        "the writer refused",
        "the writer's reply was empty",
    }


def check(user: int, result: CompressedContext) -> None:
    assert result.text
    assert result.compressed_tokens == count_words(result.text) <= TARGET
    assert all(source.document_id.startswith(f"u{user}-") for source in result.sources)
    assert f"thing{user}x" in result.text
    assert {word for word in result.text.split() if word.startswith("thing")} <= {f"thing{user}x{n}" for n in range(6)}
    assert (result.fallback_reason is None) == (result.method == "rewrite")


@pytest.mark.parametrize(
    "fault", [turns.RATE_LIMITED, turns.SERVER_ERROR, turns.HTML, turns.MALFORMED, turns.HANG, turns.TRICKLE, turns.BREAK_OFF]
)
def test_a_writer_that_stays_broken_costs_its_wording_only(loopback: LoopbackServer, fault: Turn) -> None:
    loopback.plan = turns.always(fault)
    with OpenAIChat("writer", base_url=loopback.url, timeout=1, max_retries=1) as chat:
        result = compressor(chat).compress(memory(1), "What does User1 like?", target_tokens=TARGET)
        check(1, result)
        assert result.method == "extract"
        assert "writer failed" in (result.fallback_reason or "")
        assert "User1 likes" not in (result.fallback_reason or "")
        with pytest.raises(ChatError):
            compressor(chat, on_chat_error="raise").compress(memory(1), "What does User1 like?", target_tokens=TARGET)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_nobody_listens() -> None:
    with refused_url() as url, OpenAIChat("writer", base_url=url, timeout=2, max_retries=0) as chat:
        result = compressor(chat).compress(memory(1), "What does User1 like?", target_tokens=TARGET)
    check(1, result)
    assert result.method == "extract"


async def test_cancelled_it_leaves_nothing_behind(loopback: LoopbackServer) -> None:
    loopback.plan = turns.script(turns.HANG)
    with OpenAIChat("writer", base_url=loopback.url, timeout=30) as chat:
        subject = compressor(chat)
        task = asyncio.create_task(subject.acompress(memory(1), "What does User1 like?", target_tokens=TARGET))
        while not loopback.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        loopback.plan = lambda body: Turn(text=writer(body))
        check(1, await subject.acompress(memory(1), "What does User1 like?", target_tokens=TARGET))


async def test_a_cached_writer_is_asked_once_a_user(loopback: LoopbackServer) -> None:
    loopback.plan = lambda body: Turn(text=writer(body))
    with OpenAIChat("writer", base_url=loopback.url) as chat:
        subject = compressor(CachedChat(chat, MemoryResults(), name="writer"))
        for user in ("ana", "ana", "ben", "ana"):
            result = await subject.acompress(memory(1), "What does User1 like?", target_tokens=TARGET, namespace=user)
            check(1, result)
            assert result.method == "rewrite"
    assert len(loopback.requests) == 2


def test_the_command_line_reads_the_key_from_the_environment_alone(
    loopback: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loopback.plan = lambda body: Turn(text="User1 likes thing1x0, thing1x1, thing1x2 and thing1x3 very much. User1 likes 9 things.")
    notes = tmp_path / "notes.md"
    notes.write_text(" ".join(document.text for document in memory(1)))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-test")
    command = ["compress", str(notes), "-q", "What does User1 like?", "-t", "60", "--chat", "writer"]
    result = CliRunner().invoke(app, [*command, "--base-url", loopback.url])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("User1 likes thing1x0, thing1x1, thing1x2 and thing1x3 very much.")
    assert "9" not in result.stdout
    assert "rewrite" in result.stderr
    assert "is not in the context" in result.stderr
    assert "sk-secret" not in result.stdout + result.stderr
    assert loopback.requests[0].headers["authorization"] == "Bearer sk-secret-of-the-test"
    loopback.plan = turns.always(turns.SERVER_ERROR)
    failed = CliRunner().invoke(app, [*command, "--base-url", loopback.url])
    assert failed.exit_code == 0
    assert "note: the writer failed" in failed.stderr
    loopback.plan = turns.always(Turn(status=400, text="no \x1b[2J thanks"))
    assert "no \ufffd[2J thanks" in CliRunner().invoke(app, [*command, "--base-url", loopback.url]).stderr
    unset = CliRunner().invoke(app, [*command, "--base-url", ""])  # "$URL" of a variable that is not set: not an order to ask OpenAI
    assert (unset.exit_code, unset.stdout) == (1, "")
    assert "must be a URL" in unset.stderr
    monkeypatch.delenv("OPENAI_API_KEY")
    nameless = CliRunner().invoke(app, command)
    assert nameless.exit_code == 1
    assert "OPENAI_API_KEY" in nameless.stderr
    assert CliRunner().invoke(app, [*command[:-2], "--base-url", loopback.url]).exit_code == 2


def test_a_plan_needs_neither_key_nor_endpoint(tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text(" ".join(document.text for document in memory(1)))
    command = ["plan", str(notes), "-q", "What does User1 like?", "-t", "24", "--reader-price", "2.5"]
    bare = CliRunner().invoke(app, command)
    assert bare.exit_code == 0, bare.stderr
    assert "each read saves" in bare.stdout
    assert "writer" not in bare.stdout
    priced = CliRunner().invoke(app, [*command, "--chat", "gpt-5-mini", "--writer-prices", "0.25", "2"])
    assert "writer costs" in priced.stdout
    assert "if the whole is cached" in CliRunner().invoke(app, [*command, "--cached-price", "0.25"]).stdout
    assert "if the whole is cached" not in priced.stdout
    for prices in (
        ["--reader-price", "inf"],
        ["--writer-prices", "inf", "2"],
        ["--writer-prices", "nan", "2"],
        ["--writer-prices", "-1", "2"],
    ):
        odd = CliRunner().invoke(app, [*command, *prices])
        assert (odd.exit_code, odd.stdout) == (1, "")
        assert "_price` must be a number of at least 0" in odd.stderr
