"""What the server refuses, and with what words: size, rate, concurrency, time, and clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers import bearer, client_of, settings_of

from attngs.errors import InputError, RefusedError
from attngs.scale.serving.limits import Doorkeeper, Limits, Rates
from attngs.scale.serving.settings import ServerSettings

TEXTS = {"documents": ["The cat is Milo. It rained all day."], "query": "The cat?"}


def limited(**limits: Any) -> ServerSettings:
    return settings_of(limits=Limits(**limits), tokens=True)


class App:
    """An ASGI app that does what its path says, and remembers what became of it."""

    def __init__(self) -> None:
        self.started, self.cancelled = asyncio.Event(), 0
        self.bodies = list[bytes]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        self.started.set()
        try:
            await getattr(self, scope["path"].strip("/"))(send)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def quick(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    async def slow(self, send: Any) -> None:
        await asyncio.sleep(30)

    async def long(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(4):
            await asyncio.sleep(0.05)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await send({"type": "http.response.body", "body": b"."})

    async def wrong(self, send: Any) -> None:
        raise InputError("`query` is empty.")

    async def broken(self, send: Any) -> None:
        raise RuntimeError("The cat is Milo.")

    async def half(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise RefusedError("it broke off.", status=502, code="broke_off")


def door(app: App, **limits: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Doorkeeper(app, Limits(**limits), None, "Authorization"))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_documents_that_cannot_be_read_in_time_are_a_413_before_they_are_read(tmp_path: Path) -> None:
    settings = settings_of(limits=Limits(seconds=2.0), memory=tmp_path / "memory.db")
    most, asked = 20_000, {"query": "The cat?"}
    async with client_of(settings) as client:
        for text, status in (("cat " * (most // 4), 200), ("cat " * (most // 4) + ".", 413)):
            for path in ("/v1/compress", "/v1/mark"):
                reply = await client.post(path, json={"documents": [text[:8_000], {"text": text[8_000:]}], **asked})
                assert reply.status_code == status, reply.text
        assert "20,001 characters, and at most 20,000 can be read within 2 s" in reply.json()["error"]["message"]
        assert (await client.post("/v1/memory", json={"documents": [text]})).status_code == 413
        [name] = (await client.post("/v1/memory", json={"documents": ["The cat."]})).json()["ids"]
        assert (await client.put(f"/v1/memory/{name}", json={"text": text})).status_code == 413
        assert (await client.get("/v1/memory")).json()["total"] == 1


async def test_a_body_that_is_too_large_is_a_413_however_it_comes() -> None:
    app = App()

    async def pieces() -> Any:
        for _ in range(4):
            yield b"x" * 30

    async with door(app, body_bytes=100) as client:
        assert (await client.post("/quick", content=b"x" * 100)).text == "done"
        for content in (b"x" * 101, pieces()):
            reply = await client.post("/quick", content=content)
            assert (reply.status_code, reply.json()["error"]["code"]) == (413, "too_large")
            assert "more than 100 bytes" in reply.json()["error"]["message"]
    assert [len(body) for body in app.bodies] == [100]


async def test_each_namespace_has_a_rate_of_its_own() -> None:
    async with client_of(limited(per_minute=2)) as client:
        codes = [(await client.post("/v1/mark", json=TEXTS, headers=bearer("token-of-ana"))).status_code for _ in range(3)]
        refused = await client.post("/v1/mark", json=TEXTS, headers=bearer("token-of-ana"))
        other = await client.post("/v1/mark", json=TEXTS, headers=bearer("token-of-bob"))
    assert codes == [200, 200, 429]
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert other.status_code == 200


def test_what_was_taken_comes_back() -> None:
    now = [0.0]
    rates = Rates(60, lambda: now[0])
    for _ in range(60):
        rates.take("ana")
    with pytest.raises(RefusedError, match="more than 60 requests in a minute; ask again in 1 s") as refused:
        rates.take("ana")
    assert refused.value.retry_after == pytest.approx(1.0)
    rates.take("bob")
    now[0] = 2.0
    rates.take("ana")
    rates.take("ana")
    with pytest.raises(RefusedError):
        rates.take("ana")


async def test_more_at_once_are_a_503_and_room_is_made_again() -> None:
    app = App()
    async with door(app, at_once=1) as client:
        first = asyncio.create_task(client.post("/long"))
        await app.started.wait()
        refused = await client.post("/quick")
        assert (refused.status_code, refused.json()["error"]["code"], refused.headers["retry-after"]) == (503, "busy", "1")
        assert (await first).text == "xxxx."
        assert (await client.post("/quick")).text == "done"


async def test_a_reply_that_does_not_begin_in_time_is_a_504_and_its_work_ends() -> None:
    app = App()
    async with door(app, seconds=0.1) as client:
        late = await client.post("/slow")
        assert (late.status_code, late.json()["error"]["type"]) == (504, "timeout_error")
        assert app.cancelled == 1
        assert (await client.post("/long")).text == "xxxx.", "a reply that has begun may take longer"


async def test_a_request_that_does_not_arrive_in_time_is_a_408() -> None:
    async def slow() -> Any:
        yield b"x"
        await asyncio.sleep(30)

    async with door(App(), seconds=0.1) as client:
        assert (await client.post("/quick", content=slow())).json()["error"]["code"] == "slow_request"


async def test_when_the_client_leaves_the_work_ends() -> None:
    app, events = App(), asyncio.Queue[Mapping[str, Any]]()
    keeper = Doorkeeper(app, Limits(), None, "Authorization")
    scope = {"type": "http", "path": "/slow", "method": "POST", "headers": [(b"host", b"localhost")]}
    sent = list[Any]()

    async def send(message: Any) -> None:
        sent.append(message)

    visit = asyncio.create_task(keeper(scope, events.get, send))  # type: ignore[arg-type]
    events.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    await app.started.wait()
    events.put_nowait({"type": "http.disconnect"})
    await visit
    assert (app.cancelled, sent) == (1, [])


async def test_a_client_that_takes_nothing_is_hung_up_on() -> None:
    events, sent = asyncio.Queue[Mapping[str, Any]](), list[Any]()
    events.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    scope = {"type": "http", "path": "/long", "method": "POST", "headers": [(b"host", b"localhost")]}

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.sleep(30)

    await Doorkeeper(App(), Limits(seconds=0.2), None, "Authorization")(scope, events.get, send)  # type: ignore[arg-type]
    assert sent == ["http.response.start", "http.response.body"], "nothing comes after the piece that was not taken"


async def test_errors_are_answers_and_an_unexpected_one_says_nothing_of_what_was_sent() -> None:
    async with door(App()) as client:
        wrong, broken = await client.post("/wrong"), await client.post("/broken")
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (400, "`query` is empty.")
    assert (broken.status_code, broken.json()["error"]["type"]) == (500, "server_error")
    assert "Milo" not in broken.text


async def test_a_reply_that_fails_half_way_stays_unfinished() -> None:
    sent = list[Any]()
    events = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(events, None) or await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/half", "method": "POST", "headers": [(b"host", b"localhost")]}
    await Doorkeeper(App(), Limits(), None, "Authorization")(scope, receive, send)
    assert [message.get("more_body") for message in sent] == [None, True]
