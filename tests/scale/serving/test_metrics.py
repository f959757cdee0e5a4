"""What Prometheus is told of a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from prometheus_client.parser import text_string_to_metric_families

from attngs.scale.serving.metrics import ServerMetrics


def read(metrics: ServerMetrics) -> dict[str, dict[str, float]]:
    """Samples by name and labels, without buckets and times of creation."""
    text, _ = metrics.page()
    samples = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    found: dict[str, dict[str, float]] = {}
    for sample in samples:
        if not re.search("_(bucket|created|sum)$", sample.name):
            found.setdefault(sample.name, {})[" ".join(sample.labels.values())] = sample.value
    return found


@pytest.fixture
def metrics() -> ServerMetrics:
    return ServerMetrics()


@pytest.fixture
async def client(metrics: ServerMetrics) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()

    @app.get("/v1/memory/{key}")
    async def item(key: str) -> dict[str, float]:
        return read(metrics)["attngs_http_requests_running"]

    @app.post("/v1/fail")
    async def fail() -> None:
        raise RuntimeError

    @app.get("/v1/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                await asyncio.sleep(0)
                yield b"x"

        return StreamingResponse(chunks())

    transport = httpx.ASGITransport(metrics.watching(app), raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        yield client


async def test_requests_are_counted_by_route_and_never_by_path(client: httpx.AsyncClient, metrics: ServerMetrics) -> None:
    for path in ("/v1/memory/ana", "/v1/memory/ben", "/v1/stream", "/wp-admin"):
        await client.get(path)
    await client.post("/v1/fail")
    await client.request("MADE-UP", "/v1/stream")
    found = read(metrics)
    assert found["attngs_http_requests_total"] == {
        "GET /v1/memory/{key} 200": 2,
        "GET /v1/stream 200": 1,
        "GET none 404": 1,
        "other /v1/stream 405": 1,
        "POST /v1/fail 500": 1,
    }
    assert found["attngs_http_request_seconds_count"] == {"/v1/memory/{key}": 2, "/v1/stream": 2, "none": 1, "/v1/fail": 1}
    assert b"ana" not in metrics.page()[0]


async def test_running_requests_are_counted_while_they_run(client: httpx.AsyncClient, metrics: ServerMetrics) -> None:
    assert (await client.get("/v1/memory/ana")).json() == {"": 1}
    assert read(metrics)["attngs_http_requests_running"] == {"": 0}


def test_tokens_are_a_ledger(metrics: ServerMetrics) -> None:
    assert read(metrics)["attngs_tokens_total"] == {"original": 0, "sent": 0, "saved": 0, "added": 0}
    metrics.count_tokens(original=1_000, sent=120)
    metrics.count_tokens(original=10, sent=12)
    assert read(metrics)["attngs_tokens_total"] == {"original": 1_010, "sent": 132, "saved": 880, "added": 2}


def test_servers_in_one_process_are_apart(metrics: ServerMetrics) -> None:
    metrics.count_tokens(original=5, sent=1)
    assert read(ServerMetrics())["attngs_tokens_total"]["original"] == 0
