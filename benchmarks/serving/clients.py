"""Clients with a secret each: they chat, remember and ask, and look for the secrets of all others in what they get."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.serving.faults import SECONDS, fault_of

PAUSE = 12.0
"""Seconds between two requests of a client, on average."""
TURNS = 6
"""Of a chat; then a new one begins."""
THINGS = ("bicycle", "garden gate", "old suitcase", "library card", "boat", "piano")
_SECRET = re.compile(r"zq\d{4}x\d{2}")


@dataclass(slots=True)
class Tally:
    """What became of the requests."""

    seconds: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """By kind, of those that were answered as they should be and that nothing delayed."""
    ended: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """By what the endpoint did, and what the client saw."""
    wrong: list[str] = field(default_factory=list[str])
    """Requests that ended as they should not have."""
    crossed: list[str] = field(default_factory=list[str])
    """Replies with somebody else's secret."""
    without: int = 0
    """Of these, those before which the chat was never shown the secret."""
    asked: int = 0
    """Whole replies to a question about the secret."""


def secret(number: int, thing: int) -> str:
    """What client and thing make: no other pair has it, and no text that anybody wrote."""
    return f"zq{number:04d}x{thing:02d}"


def facts(number: int) -> list[str]:
    """What is remembered of a client: each thing's code among other things."""
    codes = [f"The code of the {thing} is {secret(number, place)}." for place, thing in enumerate(THINGS)]
    others = [f"On day {day}, it rained until {day % 12 + 1} o'clock and the bus was late." for day in range(20)]
    return [*codes, *others]


class Client:
    """One client with a token of its own.

    Args:
        number: Which one.
        url: Of the server.
        token: Its namespace's.
        tally: Of all clients.
    """

    def __init__(self, number: int, url: str, token: str, tally: Tally) -> None:
        self.number, self._tally = number, tally
        limits, headers = httpx.Limits(max_connections=1), {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=60.0, limits=limits, trust_env=False)
        self._random = random.Random(number)
        self._requests = 0
        self._chat = list[dict[str, str]]()
        self._seen = set[str]()  # what replies of this chat had; what the model was shown, it is not shown again

    async def remember(self) -> None:
        """Put the facts into the memory."""
        reply = await self._http.post("/v1/memory", json={"documents": facts(self.number)})
        reply.raise_for_status()

    async def run(self, end: float) -> None:
        """Ask until this time of the loop's clock."""
        clock = asyncio.get_running_loop()
        await asyncio.sleep(self._random.uniform(0, PAUSE))
        while clock.time() < end:
            kind = self._random.choices(("chat", "stream", "ask", "add", "compress"), (4, 4, 1, 0.5, 0.5))[0]
            self._requests += 1
            try:
                await (self._chats(kind) if kind in ("chat", "stream") else self._posts(kind))
            except Exception as error:  # whatever it is: it is told on the page
                self._tally.wrong.append(f"{kind} of client {self.number}: {type(error).__name__}: {error}")
            await asyncio.sleep(self._random.expovariate(1 / PAUSE))

    async def close(self) -> None:
        await self._http.aclose()

    async def _chats(self, kind: str) -> None:
        if len(self._chat) >= 2 * TURNS:
            self._chat, self._seen = [], set()
        name, thing = f"{self.number}-{self._requests}", self._random.randrange(len(THINGS))
        question = {"role": "user", "content": f"Request {name}: what is the code of the {THINGS[thing]}?"}
        body: dict[str, Any] = {"model": "m", "messages": [*self._chat, question], "metadata": {"name": name}, "stream": kind == "stream"}
        began, fault = time.perf_counter(), fault_of(name)
        try:
            reply = await self._http.post("/v1/chat/completions", json=body)
            seen = "reply" if reply.status_code == 200 else str(reply.status_code)
            text = _streamed(reply.text) if kind == "stream" and seen == "reply" else reply.text
        except httpx.RemoteProtocolError:
            seen, text = "cut off", ""
        took = time.perf_counter() - began
        self._tally.ended[fault.name, seen] += 1
        if seen != fault.ends_as or took > SECONDS + 30:
            self._tally.wrong.append(f"{kind} {name}: {fault.name} became {seen} after {took:.1f} s: {text[:300]}")
        self._check(text, kind)
        if seen != "reply":
            return
        if fault.name == "none":
            self._tally.seconds.setdefault(kind, []).append(took)
        if name not in text:
            self._tally.wrong.append(f"{kind} {name}: the reply is to another request: {text[:300]}")
        self._seen.update(_SECRET.findall(text))
        self._tally.asked += 1
        self._tally.without += secret(self.number, thing) not in self._seen
        self._chat += [question, {"role": "assistant", "content": f"I see, that was request {name}."}]

    async def _posts(self, kind: str) -> None:
        thing = self._random.randrange(len(THINGS))
        path, body = {
            "ask": ("/v1/memory/ask", {"query": f"What is the code of the {THINGS[thing]}?", "target_tokens": 64}),
            "add": ("/v1/memory", {"documents": [f"Note {self._requests}: the shop was closed."]}),
            "compress": (
                "/v1/compress",
                {"documents": facts(self.number), "query": f"What is the code of the {THINGS[thing]}?", "target_tokens": 64},
            ),
        }[kind]
        began = time.perf_counter()
        reply = await self._http.post(path, json=body)
        self._check(reply.text, kind)
        if reply.status_code not in (200, 201):
            self._tally.wrong.append(f"{kind} of client {self.number}: {reply.status_code}: {reply.text[:300]}")
            return
        self._tally.seconds.setdefault(kind, []).append(time.perf_counter() - began)
        if kind != "add":
            self._tally.asked += 1
            self._tally.without += secret(self.number, thing) not in reply.text

    def _check(self, text: str, kind: str) -> None:
        others = {word for word in _SECRET.findall(text) if not word.startswith(f"zq{self.number:04d}")}
        if others:
            self._tally.crossed.append(f"{kind} of client {self.number} has {sorted(others)}")


def _streamed(text: str) -> str:
    """The text of server-sent events that came whole."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    if not lines or lines[-1] != "[DONE]":
        raise ValueError("the stream ended without [DONE]")
    return "".join(choice["delta"].get("content") or "" for line in lines[:-1] for choice in json.loads(line)["choices"])
