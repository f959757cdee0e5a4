"""The server under test: in this process, or behind a socket as clients of all languages meet it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from attngs import Marker, Splitter
from attngs.scale.serving.app import create_app
from attngs.scale.serving.settings import ServerSettings, Upstream
from attngs.scale.serving.tokens import Tokens, digest_of
from attngs.testing import FakeScorer, count_words

TOKENS = {"token-of-ana": "ana", "token-of-bob": "bob"}


class Counter:
    """Counts words, and has a name."""

    name = "words"

    def count(self, texts: Any) -> list[int]:
        return [count_words(text) for text in texts]


def marker_of(*important: str) -> Marker:
    return Marker(FakeScorer(*(important or ("cat", "nuts"))), splitter=Splitter(unit="sentence"), counter=Counter())


def settings_of(upstream: str | None = None, *, tokens: bool = False, **settings: Any) -> ServerSettings:
    known = Tokens({digest_of(token): namespace for token, namespace in TOKENS.items()}) if tokens else None
    return ServerSettings(tokens=known, upstream=Upstream(base_url=upstream) if upstream else None, **settings)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def client_of(settings: ServerSettings | None = None, *important: str) -> httpx.AsyncClient:
    """A client of an app in this process."""
    transport = httpx.ASGITransport(create_app(settings or ServerSettings(), marker_of(*important)))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


class Running:
    """A server that listens.

    Attributes:
        url: Where.
        server: Runs it; `should_exit` has it stop.
    """

    def __init__(self, settings: ServerSettings, *important: str) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        app = create_app(settings, marker_of(*important))
        config = uvicorn.Config(app, interface="asgi3", lifespan="on", ws="none", log_config=None, timeout_graceful_shutdown=20)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self._socket.close()


@contextmanager
def running(settings: ServerSettings, *important: str) -> Iterator[Running]:
    """A server that listens until the end of the block."""
    server = Running(settings, *important)
    server.thread.start()
    try:
        yield server
    finally:
        server.stop()
