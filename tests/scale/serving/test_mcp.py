"""The MCP server, as the SDK's own client and LangChain's meet it: in this process, as a program, and over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.memory import create_connected_server_and_client_session
from mcp.types import TextContent
from pydantic import AnyUrl

from attngs import Marker
from attngs.hosts.remembering import NOTHING
from attngs.memory.opened import OpenMemories
from attngs.scale.serving.limits import Limits
from attngs.scale.serving.mcp import ITEM, SENT, TOOL_LIST, MemoryServer
from attngs.scale.serving.mcp_http import http_app
from attngs.scale.serving.tokens import Tokens, digest_of

QUESTION = "What may she not eat?"
FACT = "Ana is allergic to nuts."
ANA, BEN = "token-of-ana", "token-of-ben"


@pytest.fixture
def server(tmp_path: Path, default_marker: Marker) -> MemoryServer:
    return MemoryServer(OpenMemories.of_file(tmp_path / "memory.db", default_marker), "ana")


async def called(session: ClientSession, name: str, **arguments: Any) -> tuple[str, bool]:
    """A tool's answer, and whether it is marked as a failure."""
    result = await session.call_tool(name, arguments)
    [content] = result.content
    assert isinstance(content, TextContent)
    assert result.structuredContent is None  # clients would pay for it on top
    return content.text, result.isError


def test_what_agents_are_told_in_every_turn_is_short(default_marker: Marker) -> None:
    listed = json.dumps([tool.model_dump(exclude_none=True) for tool in TOOL_LIST])
    assert default_marker.counter is not None
    assert default_marker.counter.count([listed])[0] < 600
    assert [tool.name for tool in TOOL_LIST] == ["recall", "remember", "forget"]
    assert "namespace" not in listed


async def test_an_agent_remembers_recalls_and_forgets(server: MemoryServer) -> None:
    async with create_connected_server_and_client_session(server.server) as session:
        assert (await called(session, "recall", query=QUESTION)) == (NOTHING, False)
        assert not (await called(session, "remember", text=FACT))[1]
        text, failed = await called(session, "recall", query=QUESTION, budget_tokens=64)
        assert (FACT in text, failed) == (True, False)
        assert (await called(session, "forget", memory=FACT)) == (f"Forgotten for good: {FACT}", False)
        assert (await called(session, "recall", query=QUESTION)) == (NOTHING, False)


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("recall", {"query": " "}, "`query` is empty"),
        ("recall", {"query": QUESTION, "budget_tokens": 3}, "less than the minimum of 64"),
        ("recall", {}, "'query' is a required property"),
        ("recall", {"query": QUESTION, "namespace": "ben"}, "'namespace' was unexpected"),
        ("remember", {"text": ""}, "`text` is empty"),
        ("forget", {"memory": "what nobody said"}, "no item has these words"),
        ("undo", {}, "there are recall, remember and forget"),
    ],
)
async def test_failures_are_marked_and_say_what_to_do(server: MemoryServer, name: str, arguments: dict[str, Any], why: str) -> None:
    async with create_connected_server_and_client_session(server.server) as session:
        text, failed = await called(session, name, **arguments)
    assert failed
    assert why in text


async def test_an_error_of_our_own_says_nothing_of_the_texts(caplog: pytest.LogCaptureFixture) -> None:
    def broken(namespace: str) -> Any:
        raise RuntimeError(f"while reading {FACT}")

    async with create_connected_server_and_client_session(MemoryServer(OpenMemories(broken), "ana").server) as session:
        text, failed = await called(session, "recall", query=QUESTION)
    assert (failed, FACT in text, "whoever runs it" in text) == (True, False, True)
    assert not [record for record in caplog.records if FACT in record.getMessage()]


async def test_a_file_that_is_none_fails_each_call_and_is_logged_at_the_start(
    tmp_path: Path, default_marker: Marker, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(f"{FACT}\n" * 100)
    server = MemoryServer(OpenMemories.of_file(path, default_marker), "ana")
    await server.warm()
    async with create_connected_server_and_client_session(server.server) as session:
        text, failed = await called(session, "remember", text=FACT)
    assert failed
    assert "notes.txt" in text
    assert "the memory cannot be opened" in caplog.text
    assert path.read_text() == f"{FACT}\n" * 100


async def test_resources_say_what_was_handed_out(server: MemoryServer) -> None:
    async with create_connected_server_and_client_session(server.server) as session:
        await called(session, "remember", text=FACT)
        await called(session, "recall", query=QUESTION)
        assert [str(resource.uri) for resource in (await session.list_resources()).resources] == [SENT]
        [content] = (await session.read_resource(AnyUrl(SENT))).contents
        sent = json.loads(content.text)  # type: ignore[union-attr]
        [handed] = sent["last"][0]["texts"]
        assert (sent["recalls"], handed["start"], handed["end"]) == (1, 0, len(FACT))
        assert FACT not in str(sent)
        [item] = (await session.read_resource(AnyUrl(ITEM + handed["id"]))).contents
        assert item.text == FACT  # type: ignore[union-attr]
        for uri in (ITEM + "nobody", "attngs://other"):
            with pytest.raises(McpError, match="there is no"):
                await session.read_resource(AnyUrl(uri))


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The app behind a socket of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = uvicorn.Server(uvicorn.Config(app, interface="asgi3", lifespan="on", ws="none", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/mcp"
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def session_at(url: str, token: str = "") -> AsyncIterator[ClientSession]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx.AsyncClient(headers=headers) as client,
        streamable_http_client(url, http_client=client) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


@pytest.fixture
def of_two(server: MemoryServer) -> Iterator[str]:
    """A server of two users, behind a socket."""
    with listening(http_app(server, Limits(), Tokens({digest_of(ANA): "ana", digest_of(BEN): "ben"}))) as url:
        yield url


@pytest.mark.allow_hosts(["127.0.0.1"])
async def test_over_http_a_token_reaches_its_namespace_alone(of_two: str) -> None:
    async with session_at(of_two, ANA) as ana, session_at(of_two, BEN) as ben:
        await called(ana, "remember", text=FACT)
        assert (await called(ben, "recall", query=QUESTION)) == (NOTHING, False)
        assert FACT in (await called(ana, "recall", query=QUESTION))[0]
        assert (await called(ben, "forget", memory=FACT))[1]
        [of_ana], [of_ben] = [(await each.read_resource(AnyUrl(SENT))).contents for each in (ana, ben)]
        key = json.loads(of_ana.text)["last"][0]["texts"][0]["id"]  # type: ignore[union-attr]
        assert json.loads(of_ben.text)["last"][0]["texts"] == []  # type: ignore[union-attr]
        with pytest.raises(McpError):
            await ben.read_resource(AnyUrl(ITEM + key))


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("token", ["", "wrong", digest_of(ANA)])
async def test_over_http_nobody_gets_in_without_a_token(of_two: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(headers=headers) as client:
        reply = await client.post(of_two, json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.allow_hosts(["127.0.0.1"])
async def test_without_tokens_only_requests_for_this_machine_are_answered(server: MemoryServer) -> None:
    """A page in a browser that gave this machine another name reads nothing."""
    with listening(http_app(server, Limits(), None)) as url:
        async with session_at(url) as session:
            assert (await called(session, "recall", query=QUESTION)) == (NOTHING, False)
        async with httpx.AsyncClient() as client:
            reply = await client.post(url, json={}, headers={"Host": "rebound.example"})
    assert reply.status_code == 403


@pytest.mark.allow_hosts(["127.0.0.1"])
async def test_langchains_client_uses_it(of_two: str) -> None:
    clients = pytest.importorskip("langchain_mcp_adapters.client")
    connection = {"transport": "streamable_http", "url": of_two, "headers": {"Authorization": f"Bearer {ANA}"}}
    tools = {tool.name: tool for tool in await clients.MultiServerMCPClient({"memory": connection}).get_tools()}
    assert set(tools) == {"recall", "remember", "forget"}
    await tools["remember"].ainvoke({"text": FACT})
    recalled = await tools["recall"].ainvoke({"query": QUESTION, "budget_tokens": 64})
    assert FACT in str(recalled)
    assert "no item has these words" in str(await tools["forget"].ainvoke({"memory": "what nobody said"}))


PROGRAM = [sys.executable, "-m", "attngs", "mcp"]


async def test_as_a_program_it_is_asked_over_standard_input(tmp_path: Path) -> None:
    arguments = [*PROGRAM[1:], "--memory", str(tmp_path / "memory.db"), "--namespace", "ana"]
    program = StdioServerParameters(command=PROGRAM[0], args=arguments, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    async with stdio_client(program) as (read, write), ClientSession(read, write) as session:
        assert (await session.initialize()).serverInfo.name == "attngs"
        await called(session, "remember", text=FACT)
        assert FACT in (await called(session, "recall", query=QUESTION))[0]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--http", "8001"], "must be a host and a port"),
        (["--http", "127.0.0.1:99999"], "must be a host and a port"),
        (["--http", "0.0.0.0:8001"], "where other machines reach the server"),
        (["--tokens", "tokens.toml"], "--tokens needs --http"),
        (["--http", "127.0.0.1:8001", "--tokens", "none.toml"], "none.toml"),
    ],
)
def test_a_wrong_setting_is_said_in_a_line(tmp_path: Path, arguments: list[str], why: str) -> None:
    from typer.testing import CliRunner

    from attngs.cli.app import app

    done = CliRunner().invoke(app, ["mcp", "--memory", str(tmp_path / "memory.db"), *arguments])
    assert done.exit_code != 0
    assert why in " ".join(done.stderr.replace("│", " ").split())


def test_it_answers_before_models_are_loaded() -> None:
    code = "import sys, attngs.scale.serving.mcp; print(sorted({'torch', 'transformers', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
