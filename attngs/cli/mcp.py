"""`attngs mcp`: a user's memory for any agent that speaks MCP."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from attngs.cli import console
from attngs.cli.options import NAMESPACE, MarkerName
from attngs.errors import ConfigError, MissingDependencyError
from attngs.hosts.markers import find_marker
from attngs.memory.opened import OpenMemories

MemoryFile = Annotated[
    Path,
    typer.Option("--memory", metavar="FILE", help="The file that holds the memory. It is made if it is not there.", show_default=False),
]
NamespaceName = Annotated[str, typer.Option(help="Whose memory it is. With --tokens, each token says that.")]
Address = Annotated[
    str | None,
    typer.Option(
        "--http",
        metavar="HOST:PORT",
        help="Serve streamable HTTP at http://HOST:PORT/mcp instead of standard input and output. Without --tokens, HOST must be one of "
        "this machine's own addresses, such as 127.0.0.1.",
    ),
]
TokensFile = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        help='With --http: who may ask, and in which namespace: a TOML file with a table `tokens` of lines such as "SHA-256 of a token" = '
        '"ana". `printf %s TOKEN | sha256sum` prints the digest.',
    ),
]


def mcp(
    memory: MemoryFile,
    namespace: NamespaceName = NAMESPACE,
    http: Address = None,
    tokens: TokensFile = None,
    marker: MarkerName = "default",
) -> None:
    """Serve a memory to agents over MCP: recall, remember and forget.

    An agent starts it as its server and speaks to it over standard input and output. In the settings of most agents that is
    {"command": "attngs", "args": ["mcp", "--memory", "/home/ana/memory.db", "--namespace", "ana"]}

    Agents on other machines, or of several users, reach it over HTTP:
    attngs mcp --memory memory.db --http 0.0.0.0:8001 --tokens tokens.toml

    recall keeps to its budget in the marker's tokens, all that stands round the memories included. No tool can name another namespace.
    """
    memories = OpenMemories.of_file(memory, partial(find_marker, marker))
    with console.reported_errors():
        try:
            from attngs.scale.serving.mcp import MemoryServer, serve_stdio

            if http is None:
                if tokens is not None:
                    raise typer.BadParameter("--tokens needs --http: over standard input, --namespace says whose memory it is.")
                signal.signal(
                    signal.SIGINT, signal.SIG_DFL
                )  # a thread waits for input: Ctrl-C ends all at once, and what is kept is on disk
                asyncio.run(serve_stdio(MemoryServer(memories, namespace)))
                return
            from attngs.scale.serving.hosts import check_host
            from attngs.scale.serving.limits import Limits
            from attngs.scale.serving.mcp_http import http_app
            from attngs.scale.serving.running import run
            from attngs.scale.serving.tokens import Tokens
        except ModuleNotFoundError as error:
            raise MissingDependencyError(f"`attngs mcp` needs {error.name}; install it with `pip install 'attngs[mcp]'`.") from error
        host, port = _address(http)
        known, limits = Tokens.read(tokens) if tokens else None, Limits()
        check_host(host, known)
        with console.progress():
            find_marker(marker)
            if known is None:
                with memories.of(namespace):  # what is wrong with the file is said now
                    pass
        server = MemoryServer(memories, namespace)
        run(http_app(server, limits, known), host=host, port=port, seconds=limits.seconds, listening=_said)


def _address(given: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ConfigError: One of them is missing or none.
    """
    host, _, port = given.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ConfigError(f"`http` must be a host and a port, such as 127.0.0.1:8001, got {given!r}.")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _said(url: str) -> None:
    console.note(f"listening on {url}/mcp; Ctrl-C ends it")
