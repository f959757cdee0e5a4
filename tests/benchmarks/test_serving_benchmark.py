"""The benchmark of the server finds what it looks for: lost and crossed replies."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from benchmarks.serving.clients import Client, Tally, facts, secret
from benchmarks.serving.faults import FAULTS, fault_of, plan
from benchmarks.serving.page import tables
from tests.loopback.server import LoopbackServer


def test_faults_depend_on_the_name_alone_and_come_as_often_as_they_should() -> None:
    names = Counter(fault_of(f"{number}").name for number in range(3_000))
    for fault in FAULTS:
        assert names[fault.name] == pytest.approx(3_000 * fault.share, abs=60)
    assert plan({"metadata": {"name": "7"}}) == fault_of("7").turn


def test_no_two_clients_have_a_secret_in_common() -> None:
    assert len({secret(number, thing) for number in range(64) for thing in range(6)}) == 384
    assert all(secret(3, thing) in " ".join(facts(3)) for thing in range(6))


async def test_a_crossed_and_a_lost_reply_are_noticed(loopback: LoopbackServer) -> None:
    loopback.plan = plan
    tally = Tally()
    client = Client(1, loopback.url.removesuffix("/v1"), "none", tally)
    for _ in range(12):
        client._requests += 1
        try:
            await client._chats("chat")
        except httpx.HTTPError as error:
            tally.wrong.append(str(error))
    assert tally.crossed == []
    assert tally.without == tally.asked > 0, "no memory stands behind this endpoint"
    client._check(f"The code is {secret(1, 2)}.", "chat")
    assert tally.crossed == []
    client._check(f"The code is {secret(2, 2)}.", "chat")
    assert len(tally.crossed) == 1
    await client.close()


def test_the_page_shows_every_number() -> None:
    time = {"number": 3, "p50": 0.1, "p95": 0.2, "p99": 0.3}
    results = {
        "clients": 2,
        "minutes": 1.0,
        "requests": 9,
        "asked": 4,
        "without": 1,
        "wrong": ["chat 1: lost"],
        "crossed": [],
        "ended": [["none", "reply", 7], ["500", "500", 2]],
        "times": {"chat": time, "straight": time},
        "rss_begin": 2**29,
        "rss_end": 2**29,
        "load": 1.0,
        "machine": {"cores": 2},
    }
    text = "".join(table.markdown() for table in tables(results))
    assert "| ended as they should not have | 1 |" in text
    assert "| 500 | 500 | 2 | 0 |" in text
    assert "| chat | 3 | 100 ms | 200 ms | 300 ms |" in text
