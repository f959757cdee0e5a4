"""The MCP server over streamable HTTP, behind the doorkeeper of all our servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Route

from attngs.scale.serving.limits import Doorkeeper, Limits
from attngs.scale.serving.mcp import MemoryServer
from attngs.scale.serving.metrics import AsgiApp, Receive, Scope, Send
from attngs.scale.serving.tokens import Tokens


def http_app(server: MemoryServer, limits: Limits, tokens: Tokens | None) -> AsgiApp:
    """The server over streamable HTTP, at `/mcp`.

    Each request stands alone, and its reply is one piece of JSON: there are no sessions that somebody could take over.

    Args:
        server: Answers.
        limits: What is taken.
        tokens: Who may ask, and in which namespace; `None`: everybody on this machine, in the server's namespace.
    """
    manager = StreamableHTTPSessionManager(server.server, json_response=True, stateless=True)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    app = Starlette(routes=[Route("/mcp", _Posted(manager), methods=["POST"])], lifespan=lifespan)
    return Doorkeeper(app, limits, tokens, "Authorization")


class _Posted:
    """The manager as a route's endpoint; an object is called as an ASGI app, a function is not."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)
