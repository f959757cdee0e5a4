"""What Prometheus reads of a server: requests, seconds, and the tokens that were saved.

Routes stand there as templates, such as `/v1/memory/{id}`: neither a path nor a namespace becomes a label, so nothing of a user is shown
and the number of series stays small.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from attngs.errors import MissingDependencyError

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper ends of the buckets of a request's time."""
METHODS = frozenset("DELETE GET HEAD OPTIONS PATCH POST PUT".split())
"""All others count as `other`: a client may make up names without end."""
NO_ROUTE = "none"
"""The route of requests for which there is none: their paths are whatever somebody tried."""
NO_STATUS = "none"
"""The status of requests that ended before they had one, such as those of clients that left."""

TOKENS = (
    "Tokens of contexts: original and sent, and by how much each context was shorter (saved) or longer (added: labels can take more than a "
    "short context). A counter cannot fall, so original - sent = saved - added."
)


class ServerMetrics:
    """The metrics of one server, kept apart from those of others in the process (extra `serve`).

    Raises:
        MissingDependencyError: The package `prometheus-client` is not installed.
    """

    def __init__(self) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition
        except ImportError as error:
            raise MissingDependencyError("a server's metrics need the extra `serve`: pip install 'attngs[serve]'.") from error
        self._registry, self._exposition = CollectorRegistry(), exposition
        given: dict[str, Any] = {"namespace": "attngs", "registry": self._registry}
        self._requests = Counter("http_requests", "Requests, by route and status.", ["method", "route", "status"], **given)
        self._seconds = Histogram("http_request_seconds", "From the request to the end of its reply.", ["route"], buckets=SECONDS, **given)
        self._running = Gauge("http_requests_running", "Requests that are being answered.", **given)
        self._tokens = Counter("tokens", TOKENS, ["kind"], **given)
        for kind in ("original", "sent", "saved", "added"):
            self._tokens.labels(kind)  # shown from the beginning, as 0

    def count_tokens(self, *, original: int, sent: int) -> None:
        """A context had `original` tokens, and `sent` of them went to the model."""
        saved, added = max(0, original - sent), max(0, sent - original)
        for kind, tokens in {"original": original, "sent": sent, "saved": saved, "added": added}.items():
            self._tokens.labels(kind).inc(tokens)

    def watching(self, app: AsgiApp) -> AsgiApp:
        """The app, whose HTTP requests are counted and timed to the last byte of the reply."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return await app(scope, receive, send)
            status = NO_STATUS

            async def noting(message: MutableMapping[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = str(message["status"])
                await send(message)

            self._running.inc()
            began = time.perf_counter()
            try:
                await app(scope, receive, noting)
            except Exception:
                status = "500" if status == NO_STATUS else status  # what the server answers now
                raise
            finally:
                route = getattr(scope.get("route"), "path", NO_ROUTE)  # the router notes it while it runs
                self._seconds.labels(route).observe(time.perf_counter() - began)
                self._requests.labels(scope["method"] if scope["method"] in METHODS else "other", route, status).inc()
                self._running.dec()

        return watched

    def page(self) -> tuple[bytes, str]:
        """What Prometheus reads, and its content type."""
        return self._exposition.generate_latest(self._registry), self._exposition.CONTENT_TYPE_LATEST
