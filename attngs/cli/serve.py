"""`attngs serve`: the HTTP server and proxy for apps in any language."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attngs.cli import console
from attngs.cli.options import NAMESPACE, MarkerName, marker_of
from attngs.errors import ConfigError, MissingDependencyError

if TYPE_CHECKING:
    from attngs.scale.serving.settings import Upstream

_KEY = "OPENAI_API_KEY"

Host = Annotated[str, typer.Option(help="The address to listen on. Without --tokens, it must be one of this machine's own.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes any that is free.")]
MemoryFile = Annotated[
    Path | None,
    typer.Option("--memory", metavar="FILE", help="The file that holds everybody's memory. It is made if it is not there."),
]
NamespaceName = Annotated[str, typer.Option(help="Whose a request is that names no user, without --tokens.")]
TokensFile = Annotated[
    Path | None,
    typer.Option(
        "--tokens",
        metavar="FILE",
        help='Who may ask, and in which namespace: a TOML file with a table `tokens` of lines such as "SHA-256 of a token" = "ana". '
        "`printf %s TOKEN | sha256sum` prints the digest.",
    ),
]
UpstreamUrl = Annotated[
    str | None,
    typer.Option(
        "--upstream",
        metavar="URL",
        help="Where /v1/chat/completions sends chats: the URL of any OpenAI-compatible API, such as https://api.openai.com/v1 or "
        "http://localhost:11434/v1.",
    ),
]
KeyVariable = Annotated[
    str | None,
    typer.Option(
        "--upstream-key",
        metavar="VARIABLE",
        help=f"The environment variable that holds the key for --upstream. Default: {_KEY}, if it is set.",
    ),
]
PassKey = Annotated[
    bool,
    typer.Option(
        "--pass-key", help="Send callers' own Authorization header to --upstream. Their token for this server then comes in X-Attngs-Token."
    ),
]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    memory: MemoryFile = None,
    namespace: NamespaceName = NAMESPACE,
    tokens: TokensFile = None,
    upstream: UpstreamUrl = None,
    upstream_key: KeyVariable = None,
    pass_key: PassKey = False,
    target_tokens: Annotated[
        int, typer.Option(min=1, help="Tokens of memory that a chat's turn is shown at most, and of each text that is shortened.")
    ] = 512,
    marker: MarkerName = "default",
    body_bytes: Annotated[int, typer.Option(min=1, help="Bytes of a request at most; more is a 413.")] = 5_000_000,
    per_minute: Annotated[int, typer.Option(min=1, help="Requests a minute of each namespace at most; more are a 429.")] = 600,
    at_once: Annotated[int, typer.Option(min=1, help="Requests that are answered at the same time at most; more are a 503.")] = 128,
    seconds: Annotated[float, typer.Option(min=0.1, help="Seconds until a reply begins, and between its pieces; more are a 504.")] = 120.0,
) -> None:
    """Serve /v1/compress, /v1/mark, /v1/memory and a proxy for chats over HTTP.

    A chat app in any language uses it as its OpenAI base URL. The proxy adds what the memory holds about the question to the last message,
    shortens long tool results and old turns, and sends the chat on; the reply streams back as it comes:
    attngs serve --memory memory.db --upstream https://api.openai.com/v1

    Without --tokens, only this machine can ask, and the request's `user` says whose memory it is. With tokens, each token has a namespace,
    and reaches nothing else. /openapi.json describes all requests; /healthz, /readyz and /metrics are for operators.

    Ctrl-C or SIGTERM ends it: requests that run are answered, and new ones are refused.
    """
    with console.reported_errors():
        try:
            from attngs.scale.serving import running
            from attngs.scale.serving.hosts import check_host
            from attngs.scale.serving.limits import Limits
            from attngs.scale.serving.settings import ServerSettings
            from attngs.scale.serving.tokens import Tokens
        except ModuleNotFoundError as error:
            raise MissingDependencyError(f"`attngs serve` needs {error.name}; install it with `pip install 'attngs[serve]'`.") from error
        known = Tokens.read(tokens) if tokens else None
        check_host(host, known)
        settings = ServerSettings(
            memory=memory,
            namespace=namespace,
            tokens=known,
            upstream=_upstream(upstream, upstream_key, pass_key),
            target_tokens=target_tokens,
            limits=Limits(body_bytes=body_bytes, per_minute=per_minute, at_once=at_once, seconds=seconds),
        )
        with console.progress():
            loaded = marker_of(marker, None, None, None)
        running.serve(
            settings, host=host, port=port, marker=loaded, listening=lambda url: console.note(f"listening on {url}; Ctrl-C ends it")
        )


def _upstream(url: str | None, variable: str | None, pass_key: bool) -> Upstream | None:
    from attngs.scale.serving.settings import Upstream

    if url is None:
        if variable is not None or pass_key:
            raise typer.BadParameter("--upstream-key and --pass-key need --upstream, which says where chats go.")
        return None
    if variable is not None and not os.environ.get(variable):
        raise ConfigError(f"the environment variable {variable}, which --upstream-key names, is not set.")
    key = None if pass_key and variable is None else os.environ.get(variable or _KEY) or None
    return Upstream(base_url=url, key=key, pass_key=pass_key)
