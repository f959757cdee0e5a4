"""How much one server takes: of a request, of one client, of all at once, and for how long.

`Doorkeeper` stands before the app. It knows who asks, reads the whole request, and ends what takes too long or whose client has left, so
nothing behind it has to. What it refuses has cost next to nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from attngs.errors import AttngsError, ConfigError, RefusedError, check_whole
from attngs.scale.serving.failures import as_response
from attngs.scale.serving.hosts import is_local, name_of
from attngs.scale.serving.metrics import AsgiApp, Receive, Scope, Send
from attngs.scale.serving.tokens import Tokens

logger = logging.getLogger(__name__)

OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
"""Paths that anybody may ask at any time: they say nothing of anybody."""
BUSY = 1.0
"""Seconds after which a client may find room again."""

CHARACTERS_A_SECOND = 10_000
"""That can be counted on: the embedded marker read 20,000 on two cores, and half of that where other work shared them.

Reading that has begun is not stopped, and other requests wait for it, so what would end as a 504 is not begun. `body_bytes` is what 120 s
of this have as UTF-8, at four bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server takes.

    Args:
        body_bytes: Of one request. More is refused with 413.
        per_minute: Requests of one namespace. More are refused with 429, and the time to wait.
        at_once: Requests that are answered at the same time. More are refused with 503.
        seconds: Until a reply begins, and between two pieces of one. A reply that does not begin in time is a 504; documents that cannot be
            read in this time are refused with 413 before they are.

    Raises:
        ConfigError: A limit is no number above 0.
    """

    body_bytes: int = 5_000_000
    per_minute: int = 600
    at_once: int = 128
    seconds: float = 120.0

    def __post_init__(self) -> None:
        for name in ("body_bytes", "per_minute", "at_once"):
            check_whole(name, getattr(self, name))
        seconds: object = self.seconds
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
            raise ConfigError(f"`seconds` must be a number above 0, and finite, got {seconds!r}.")

    def check_characters(self, characters: int) -> None:
        """Raise where documents have more characters than can be read within `seconds`.

        Raises:
            RefusedError: They have.
        """
        most = int(self.seconds * CHARACTERS_A_SECOND)
        if characters > most:
            raise RefusedError(
                f"the documents have {characters:,} characters, and at most {most:,} can be read within {self.seconds:g} s; send fewer at "
                "once, or have the server started with more `--seconds`.",
                status=413,
                code="too_large",
            )


class Rates:
    """How many requests each namespace may still make.

    A minute's may come at once; then they come back one by one.

    Args:
        per_minute: Requests.
        clock: Seconds that only grow.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = float(per_minute), clock
        self._left: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (self._most, clock()))

    def take(self, namespace: str) -> None:
        """Count a request.

        Raises:
            RefusedError: There were too many.
        """
        left, then = self._left[namespace]
        now = self._clock()
        left = min(self._most, left + (now - then) * self._most / 60)
        if left < 1:
            wait = (1 - left) * 60 / self._most
            raise RefusedError(
                f"more than {self._most:,.0f} requests in a minute; ask again in {math.ceil(wait)} s.",
                status=429,
                code="rate_limit_exceeded",
                retry_after=wait,
            )
        self._left[namespace] = (left - 1, now)


class Doorkeeper:
    """Lets requests in one by one, each with the namespace of its token.

    Args:
        app: Answers. Finds the namespace as `namespace` in the request's state; without tokens it is `None`.
        limits: What is taken.
        tokens: Who may ask; `None` for everybody who reaches the server.
        token_header: Which header has the token.
    """

    def __init__(self, app: AsgiApp, limits: Limits, tokens: Tokens | None, token_header: str) -> None:
        self._app, self._limits, self._tokens = app, limits, tokens
        self._header = token_header
        self._rates = Rates(limits.per_minute)
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            return await self._app(scope, receive, send)
        try:
            namespace = self._namespace(scope)
            self._rates.take(namespace or "")
            if self._inside >= self._limits.at_once:
                raise RefusedError(
                    f"{self._inside} requests are being answered, and no more are taken; ask again in a moment.",
                    status=503,
                    code="busy",
                    retry_after=BUSY,
                )
        except AttngsError as error:
            return await _answer(error, scope, receive, send)
        scope.setdefault("state", {})["namespace"] = namespace
        self._inside += 1
        try:
            await self._let_in(scope, receive, send)
        finally:
            self._inside -= 1

    def _namespace(self, scope: Scope) -> str | None:
        """The namespace of the request's token.

        Without tokens, the request must name this machine: a page in a browser may have given it another name, to read what is here.
        """
        headers = dict(scope["headers"])
        if self._tokens is not None:
            found = headers.get(self._header.lower().encode())
            return self._tokens.namespace_of(None if found is None else found.decode("latin-1"), self._header)
        host = headers.get(b"host", b"").decode("latin-1")
        if not is_local(name_of(host)):
            raise RefusedError(
                f"the request is for the host {host!r}, and a server without tokens answers for this machine alone; ask 127.0.0.1.",
                status=403,
                code="other_host",
            )
        return None

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have the app answer, until it has answered, the client has left, or it took too long."""
        deadline = asyncio.timeout(self._limits.seconds)
        visit = _Visit(send, deadline, self._limits.seconds)
        try:
            async with deadline:
                body = await self._body(scope, receive)
                if body is not None:
                    await visit.answered_by(self._app, scope, body, receive)
        except TimeoutError:
            await visit.refuse(scope, receive, _late(self._limits.seconds, read=visit.begun))
        except Exception as error:  # whatever it is: the client gets an error, or sees that the rest of the reply is missing
            await visit.refuse(scope, receive, error)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole request; `None` if its client has left.

        Raises:
            RefusedError: It is too large.
        """
        declared = dict(scope["headers"]).get(b"content-length", b"")
        self._check_size(int(declared) if declared.isdigit() else 0)
        body, more = bytearray(), True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                return None
            body += event.get("body", b"")
            self._check_size(len(body))
            more = event.get("more_body", False)
        return bytes(body)

    def _check_size(self, size: int) -> None:
        if size > self._limits.body_bytes:
            raise RefusedError(
                f"the request has more than {self._limits.body_bytes:,} bytes; send less, or have the server started with a larger "
                "`--body-bytes`.",
                status=413,
                code="too_large",
            )


class _Visit:
    """One request that was let in.

    Args:
        send: To its client.
        deadline: When the reply must have begun.
        seconds: That the client may take for each piece of it.

    Attributes:
        begun: Whether the app has the request.
    """

    def __init__(self, send: Send, deadline: asyncio.Timeout, seconds: float) -> None:
        self._send, self._deadline, self._seconds, self._answering = send, deadline, seconds, False
        self.begun = False

    async def answered_by(self, app: AsgiApp, scope: Scope, body: bytes, receive: Receive) -> None:
        """Run the app until it ends or the client leaves."""
        self.begun, given = True, iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replayed() -> Any:
            if (event := next(given, None)) is not None:
                return event
            return await asyncio.Event().wait()  # whether the client has left is watched here

        answer = asyncio.create_task(_called(app, scope, replayed, self._noted))
        left = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (answer, left):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await answer

    async def refuse(self, scope: Scope, receive: Receive, error: Exception) -> None:
        """Answer with an error, if no reply has begun.

        A reply that has begun is left unfinished, and the server hangs up.
        """
        if self._answering:
            logger.warning("a reply could not be completed: %s", getattr(error, "code", type(error).__name__))
        else:
            await _answer(error, scope, receive, self._send)

    async def _noted(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            if self._deadline.expired():
                raise TimeoutError
            self._deadline.reschedule(None)
            self._answering = True
        async with asyncio.timeout(self._seconds):
            await self._send(message)


async def _called(app: AsgiApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    await as_response(error)(scope, receive, send)


def _late(seconds: float, *, read: bool) -> RefusedError:
    if read:
        return RefusedError(f"no reply began within {seconds:g} s; ask again, or ask for less.", status=504, code="timeout")
    return RefusedError(f"the request did not arrive within {seconds:g} s; send it faster.", status=408, code="slow_request")
