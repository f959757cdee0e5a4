"""An endpoint on 127.0.0.1 that speaks OpenAI's chat completions, streaming included, and misbehaves on demand.

```python
def test_my_client(loopback: LoopbackServer) -> None:
    loopback.plan = script(RATE_LIMITED, Turn(text="At last."))
    ...  # a client with base_url=loopback.url
    assert len(loopback.requests) == 2
```

The usual answer repeats the last message, so that a test sees whether everybody got their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import uvicorn

from tests.loopback.turns import USUAL, Plan, Turn, always

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

TICK = 0.02
"""Seconds between two bytes of a trickle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What arrived."""

    path: str
    headers: Mapping[str, str]
    raw: bytes
    body: Mapping[str, Any]


class LoopbackServer:
    """The endpoint as one test knows it.

    Attributes:
        url: For `base_url`.
        plan: What each request gets; may be replaced at any time.
        requests: All that arrived, in order.
        most_at_once: The largest number of requests under way together.
        gone: Requests whose client left before the answer was complete.
    """

    def __init__(self, url: str, ending: threading.Event) -> None:
        self.url = url
        self.plan: Plan = always(USUAL)
        self.requests: list[Request] = []
        self.most_at_once = 0
        self.gone = 0
        self._under_way = 0
        self._end = ending

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = b""
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return  # before the request was complete
            raw += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = json.loads(raw) if raw else {}
        self.requests.append(Request(path=scope["path"], headers=headers, raw=raw, body=body))
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        left = asyncio.create_task(_left(receive))
        answer = asyncio.create_task(self._answer(scope["path"], body, send))
        try:
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                answer.result()
            else:
                self.gone += 1
        finally:
            self._under_way -= 1
            for task in (answer, left):
                task.cancel()
            await asyncio.wait({answer, left})

    async def _answer(self, path: str, body: Mapping[str, Any], send: Send) -> None:
        if path.endswith("/models"):
            await _send(send, 200, _json({"object": "list", "data": [{"id": "tiny", "object": "model"}]}))
            return
        if not path.endswith("/chat/completions"):
            await _send(send, 404, _json({"error": {"message": f"there is nothing at {path}"}}))
            return
        turn = self.plan(body)
        await self._sleep(turn.delay)
        if turn.kind == "hang":
            await self._sleep(float("inf"))
        elif turn.kind == "trickle":
            await _begin(send, 200, turn.content_type, turn.headers)
            while not self._end.is_set():
                await send({"type": "http.response.body", "body": b" ", "more_body": True})
                await asyncio.sleep(TICK)
        elif body.get("stream") and turn.raw is None and turn.status == 200:
            await _stream(send, body, turn)
        elif turn.kind == "break_off":
            data = _json(_completion(body, turn))
            await _begin(send, 200, turn.content_type, {**turn.headers, "content-length": str(len(data))})
            await send(
                {"type": "http.response.body", "body": data[: len(data) // 2], "more_body": True}
            )  # uvicorn hangs up: the rest is missing
        else:
            error = {"error": {"message": turn.text or "no", "type": "test", "code": turn.code, "param": None}}
            data = turn.raw if turn.raw is not None else _json(_completion(body, turn) if turn.status == 200 else error)
            await _send(send, turn.status, data, turn.content_type, turn.headers)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than the server runs."""
        clock = asyncio.get_running_loop()
        end = clock.time() + seconds
        while not self._end.is_set() and (rest := end - clock.time()) > 0:
            await asyncio.sleep(min(rest, 0.05))


class LoopbackHost:
    """The thread that serves, between `with` and the end of the block: one for all tests, because it takes its time to stop.

    Attributes:
        server: Whom new requests belong to; the next test puts its own here, and never sees what is left of the last one's.
    """

    def __init__(self) -> None:
        self._ending = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(128)  # from here on a connection waits until the thread takes it
        config = uvicorn.Config(self._app, interface="asgi3", log_config=None, lifespan="off", timeout_graceful_shutdown=1, ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, name="loopback", daemon=True)
        self.server = self.new_server()

    def new_server(self) -> LoopbackServer:
        self.server = LoopbackServer(f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1", self._ending)
        return self.server

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.server.serve(scope, receive, send)


@contextlib.contextmanager
def refused_url() -> Iterator[str]:
    """The URL of a port that is taken, and where nobody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


def last_message(body: Mapping[str, Any]) -> str:
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _completion(body: Mapping[str, Any], turn: Turn) -> dict[str, object]:
    message = turn.message or {"role": "assistant", "content": _text(body, turn)}
    choice = {"index": 0, "message": message, "finish_reason": turn.finish_reason, "logprobs": None}
    return {**_head(body, "chat.completion"), "choices": [choice], "usage": _usage(body, turn)}


def _text(body: Mapping[str, Any], turn: Turn) -> str:
    return last_message(body) if turn.text is None else turn.text


def _head(body: Mapping[str, Any], kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body.get("model", "")}


def _usage(body: Mapping[str, Any], turn: Turn) -> dict[str, int]:
    """In words."""
    asked = sum(len(str(message["content"]).split()) for message in body["messages"])
    written = len(_text(body, turn).split())
    return {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}


async def _stream(send: Send, body: Mapping[str, Any], turn: Turn) -> None:
    """Server-sent events: the role, the text word by word, why it ends, the usage if it was asked for."""
    message = dict(turn.message or {"role": "assistant", "content": _text(body, turn)})
    words = str(message.pop("content", None) or "").split(" ")
    if calls := message.get("tool_calls"):
        assert isinstance(calls, list)
        message["tool_calls"] = [{"index": number, **call} for number, call in enumerate(calls)]
    deltas: list[dict[str, object]] = [{**message, "content": ""}]
    deltas += [{"content": word if number == 0 else f" {word}"} for number, word in enumerate(words)]
    head = _head(body, "chat.completion.chunk")
    await _begin(send, 200, "text/event-stream", turn.headers)
    for number, delta in enumerate(deltas):
        if turn.kind == "break_off" and number > len(deltas) // 2:
            return  # uvicorn hangs up: the last chunk is missing
        await asyncio.sleep(turn.pause)
        await _event(send, {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    await _event(send, {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": turn.finish_reason}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        await _event(send, {**head, "choices": [], "usage": _usage(body, turn)})
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def _event(send: Send, data: dict[str, object]) -> None:
    await send({"type": "http.response.body", "body": b"data: " + _json(data) + b"\n\n", "more_body": True})


async def _send(
    send: Send, status: int, data: bytes, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> None:
    await _begin(send, status, content_type, {**(headers or {}), "content-length": str(len(data))})
    await send({"type": "http.response.body", "body": data})


async def _begin(send: Send, status: int, content_type: str, headers: Mapping[str, str]) -> None:
    pairs = [(b"content-type", content_type.encode()), *((name.encode(), value.encode()) for name, value in headers.items())]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


def _json(data: object) -> bytes:
    return json.dumps(data).encode()
