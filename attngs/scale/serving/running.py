"""The server as a process: it listens, and when it is told to stop, it ends what it has begun."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn

from attngs.errors import ConfigError
from attngs.marking.marker import Marker
from attngs.scale.serving.app import create_app
from attngs.scale.serving.hosts import check_host
from attngs.scale.serving.metrics import AsgiApp
from attngs.scale.serving.settings import ServerSettings


def serve(
    settings: ServerSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    marker: Marker | None = None,
    listening: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Requests that run then are answered; new ones are refused.

    Args:
        settings: What is served, to whom, and how much of it.
        host: The address to listen on; without tokens, one of this machine's own.
        port: The port; 0 for any that is free.
        marker: Scores the sentences; the embedded one when not given.
        listening: Is told the URL once the port is taken.

    Raises:
        ConfigError: The server may not, or cannot, listen there.
        AssetError: The memory's file is damaged, another program's, or of another version.
        UnavailableError: It is locked or cannot be written to.
        MissingDependencyError: The extra `serve` or `mini` is not installed.
    """
    check_host(host, settings.tokens)
    run(create_app(settings, marker or Marker.default()), host=host, port=port, seconds=settings.limits.seconds, listening=listening)


def run(app: AsgiApp, *, host: str, port: int, seconds: float, listening: Callable[[str], None]) -> None:
    """Serve an app until SIGTERM or Ctrl-C.

    Args:
        app: Answers.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        seconds: How long running requests may go on at the end.
        listening: Is told the URL once the port is taken.

    Raises:
        ConfigError: The server cannot listen there.
    """
    with _listener(host, port) as taken:
        name = f"[{host}]" if ":" in host else host
        listening(f"http://{name}:{taken.getsockname()[1]}")
        config = uvicorn.Config(
            app,
            interface="asgi3",
            lifespan="on",
            ws="none",
            log_level="warning",
            access_log=False,  # paths hold ids
            server_header=False,
            timeout_graceful_shutdown=math.ceil(seconds),
        )
        with suppress(KeyboardInterrupt):  # Ctrl-C is how a person ends a server: it has ended by now
            uvicorn.Server(config).run(sockets=[taken])


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(f"nothing can listen on {host!r} at port {port}: {error.strerror}; choose another `--port`.") from error
