"""Requests on their way upstream, chats with other messages; the reply as it comes.

What the upstream says, its errors too, goes back byte by byte with its status. A reply that breaks off is left unfinished, so that the
client sees that the rest is missing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
from fastapi import Request
from fastapi.responses import StreamingResponse

from attngs.errors import InputError, RefusedError
from attngs.scale.serving.settings import TOKEN_HEADER, Upstream
from attngs.writing.chat.credentials import shown_url

_OF_ONE_CONNECTION = frozenset(
    "connection expect keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
_NOT_SENT = _OF_ONE_CONNECTION | {"host", "content-length", "authorization", "cookie", TOKEN_HEADER.lower()}
"""Headers of a request that are for this server alone, or are made anew."""
_NOT_RETURNED = _OF_ONE_CONNECTION | {"date", "server", "set-cookie"}

UNREACHABLE = 1.0
"""Seconds after which an endpoint that could not be reached may be asked again."""


class Proxy:
    """Sends requests to an upstream endpoint.

    Args:
        upstream: Which one.
        seconds: That it may take until a reply begins, and between two pieces of one.
        at_once: Requests to it at the same time.
    """

    def __init__(self, upstream: Upstream, *, seconds: float, at_once: int) -> None:
        self._upstream = upstream
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(seconds, pool=None), limits=limits, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def send(self, request: Request, path: str, body: bytes) -> StreamingResponse:
        """Send a request on, and return the reply as soon as it begins.

        Args:
            request: As it came; its headers go on, but for those that are for this server.
            path: Where to, below the upstream's URL.
            body: What is sent.

        Raises:
            RefusedError: The upstream cannot be reached, or took too long.
        """
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _NOT_SENT]
        if authorization := self._upstream.authorization(request.headers.get("authorization")):
            headers.append(("authorization", authorization))
        url, params = self._upstream.url(path), request.query_params or None
        sent = self._client.build_request(request.method, url, headers=headers, content=body or None, params=params)
        try:
            reply = await self._client.send(sent, stream=True)
        except httpx.TimeoutException as error:
            raise RefusedError(f"{self._where} did not begin to reply in time; ask again.", status=504, code="upstream_timeout") from error
        except httpx.HTTPError as error:
            raise RefusedError(
                f"{self._where} could not be asked ({type(error).__name__}); is it running?",
                status=502,
                code="upstream_unreachable",
                retry_after=UNREACHABLE,
            ) from error
        kept = {name: value for name, value in reply.headers.items() if name.lower() not in _NOT_RETURNED}
        return StreamingResponse(_pieces(reply), reply.status_code, kept)

    @property
    def _where(self) -> str:
        return f"the upstream {shown_url(self._upstream.base_url)}"


async def _pieces(reply: httpx.Response) -> AsyncIterator[bytes]:
    """The bytes of a reply as they come, compressed or not.

    Raises:
        RefusedError: It broke off; the client's connection is then closed before the reply is complete.
    """
    try:
        async for piece in reply.aiter_raw():
            yield piece
    except httpx.HTTPError as error:
        raise RefusedError(f"the upstream's reply broke off ({type(error).__name__}).", status=502, code="upstream_broke_off") from error
    finally:
        await reply.aclose()


def read_chat(raw: bytes) -> dict[str, Any]:
    """The request of a chat: an object with a list of messages, each an object with a role.

    Raises:
        InputError: It is something else.
    """
    try:
        body: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise InputError("the request is no JSON; send an OpenAI chat completion request.") from None
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(messages, list) or not messages:
        raise InputError("`messages` must be a list with a message at least, as in OpenAI's chat completions.")
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise InputError(f"`messages[{number}]` must be an object with a `role`.")
    return body


def written(body: Mapping[str, Any]) -> bytes:
    """The request as it is sent: ASCII, which can hold lone surrogates too.

    Raises:
        InputError: It has a number that JSON cannot hold.
    """
    try:
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError:
        raise InputError("the request has a number that is too large, or none; send numbers that a float can hold.") from None
