"""The server for apps in any language: `create_app` makes what `attngs serve` runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import Response

from attngs import __version__
from attngs.compressor import ContextCompressor
from attngs.hosts.message_shortener import MessageShortener
from attngs.marking.marker import Marker
from attngs.memory.opened import OpenMemories
from attngs.scale.serving import chatting, remembering, texts
from attngs.scale.serving.failures import install
from attngs.scale.serving.limits import Doorkeeper
from attngs.scale.serving.metrics import AsgiApp, ServerMetrics
from attngs.scale.serving.models import ErrorReply, Health
from attngs.scale.serving.proxy import Proxy
from attngs.scale.serving.services import Services, Shared, check_parameters
from attngs.scale.serving.settings import ServerSettings

DESCRIPTION = """\
Makes long personal context short: a local model marks the sentences that matter to a question, under a hard token budget. Nothing leaves
the machine, but for chats that go on to the upstream endpoint.

Each bearer token belongs to one namespace, and reaches nothing else. A server without tokens listens to its own machine alone; `user` then
says whose a request is. Errors have the shape of OpenAI's API, and a status of 400 or more.
"""
_ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorReply}, "5XX": {"model": ErrorReply}}

health = APIRouter(tags=["health"])


@health.get("/healthz")
async def alive() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@health.get("/readyz")
async def ready(services: Shared) -> Health:
    """Whether requests can be answered: the marker is loaded, and the memory can be read."""
    if services.memories is not None:
        await services.memories.use(services.settings.namespace, len)
    return Health(status="ready")


@health.get("/metrics", response_class=Response)
async def metrics(services: Shared) -> Response:
    """Numbers for Prometheus. None of them says anything of a user."""
    page, content_type = services.metrics.page()
    return Response(page, media_type=content_type)


def create_app(settings: ServerSettings, marker: Marker | None = None) -> AsgiApp:
    """The server as an ASGI app.

    Args:
        settings: What is served, to whom, and how much of it.
        marker: Scores the sentences; the embedded one when not given.

    Raises:
        MissingDependencyError: The extra `serve` or `mini` is not installed.
        AssetError: The memory's file is damaged, another program's, or of another version.
        UnavailableError: It is locked or cannot be written to.
    """
    compressor, metrics = ContextCompressor(marker or Marker.default()), ServerMetrics()
    memories = OpenMemories.of_file(settings.memory, compressor.marker) if settings.memory else None
    if memories is not None:
        with memories.of(settings.namespace):  # a file that is no memory is an error now, not at each request
            pass
    proxy = Proxy(settings.upstream, seconds=settings.limits.seconds, at_once=settings.limits.at_once) if settings.upstream else None
    services = Services(
        settings=settings,
        compressor=compressor,
        metrics=metrics,
        memories=memories,
        shortener=MessageShortener(
            compressor, target_tokens=settings.target_tokens, tool_results=settings.tool_results, history=settings.history
        ),
        proxy=proxy,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await services.close()

    app = FastAPI(
        title="attngs", version=__version__, description=DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None, responses=_ERRORS
    )
    app.state.services = services
    app.include_router(chatting.router)  # its query parameters are the upstream's
    for router in (texts.router, remembering.router, health):
        app.include_router(router, dependencies=[Depends(check_parameters)])
    install(app)
    return metrics.watching(Doorkeeper(app, settings.limits, settings.tokens, settings.token_header))
