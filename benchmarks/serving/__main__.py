"""What happens to many clients of one server while the endpoint behind it fails?

python -m benchmarks.serving [--minutes 10] [--clients 64] [--out DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
from rich.console import Console

from attngs.scale.serving.tokens import digest_of
from attngs.text.files import write_whole
from benchmarks.machine import RESULTS, describe_machine, flat_json
from benchmarks.serving.clients import Client, Tally
from benchmarks.serving.faults import SECONDS, plan
from benchmarks.serving.page import tables, write_page
from tests.loopback.server import LoopbackHost
from tests.loopback.turns import USUAL, always


@dataclass(frozen=True, slots=True)
class Server:
    """A running `attngs serve`."""

    url: str
    process: psutil.Process


def token_of(number: int) -> str:
    return f"token-{number}"


@contextmanager
def served(upstream: str, clients: int) -> Iterator[Server]:
    """A server in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens.toml"
        tokens.write_text("[tokens]\n" + "".join(f'"{digest_of(token_of(number))}" = "client-{number}"\n' for number in range(clients)))
        options = ["--port", "0", "--memory", f"{folder}/memory.db", "--tokens", str(tokens), "--upstream", upstream]
        limits = ["--per-minute", "100000", "--at-once", str(4 * clients), "--seconds", str(SECONDS)]
        command = [sys.executable, "-m", "attngs", "serve", *options, *limits]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stderr is not None
            url = next(line for line in process.stderr if "listening on" in line).partition("listening on ")[2].partition(";")[0]
            yield Server(url, psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def talked(clients: Sequence[Client], seconds: float) -> None:
    """Have all clients ask for so long."""
    end = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(client.run(end) for client in clients))


async def measured(server: Server, count: int, minutes: float) -> tuple[Tally, int, int]:
    """What became of the requests, and the server's memory after the first minute and at the end."""
    tally = Tally()
    clients = [Client(number, server.url, token_of(number), tally) for number in range(count)]
    for client in clients:
        await client.remember()
    first = min(1.0, minutes / 2)
    await talked(clients, 60 * first)
    begin = server.process.memory_info().rss
    await talked(clients, 60 * (minutes - first))
    for client in clients:
        await client.close()
    return tally, begin, server.process.memory_info().rss


async def straight(url: str, count: int) -> list[float]:
    """How long the same chats take without a server in between."""
    tally = Tally()
    clients = [Client(number, url.removesuffix("/v1"), "none", tally) for number in range(count)]
    await talked(clients, 60)
    for client in clients:
        await client.close()
    return tally.seconds.get("chat", []) + tally.seconds.get("stream", [])


def spread(times: Sequence[float]) -> dict[str, float]:
    p50, p95, p99 = (round(float(value), 4) for value in np.percentile(times, (50, 95, 99)))
    return {"number": len(times), "p50": p50, "p95": p95, "p99": p99}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="Many clients, and an endpoint that fails.")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (10)")
    parser.add_argument("--clients", type=int, default=64, help="at the same time (64)")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="of serving.json and .md (benchmarks/results)")
    options = parser.parse_args(arguments)
    console, machine = Console(width=160), describe_machine()
    with LoopbackHost() as host:
        host.server.plan = plan
        with served(host.server.url, options.clients) as server:
            tally, begin, end = asyncio.run(measured(server, options.clients, options.minutes))
        host.new_server().plan = always(USUAL)
        direct = asyncio.run(straight(host.server.url, options.clients))
    results: dict[str, Any] = {
        "clients": options.clients,
        "minutes": options.minutes,
        "requests": sum(tally.ended.values()) + sum(len(tally.seconds.get(kind, [])) for kind in ("ask", "add", "compress")),
        "asked": tally.asked,
        "without": tally.without,
        "wrong": tally.wrong,
        "crossed": tally.crossed,
        "ended": [[fault, seen, number] for (fault, seen), number in sorted(tally.ended.items())],
        "times": {**{kind: spread(times) for kind, times in sorted(tally.seconds.items())}, "straight": spread(direct)},
        "rss_begin": begin,
        "rss_end": end,
        "load": round(os.getloadavg()[2], 1),
        "machine": machine,
    }
    for table in tables(results):
        console.print(table.rich())
    for problem in [*tally.wrong[:20], *tally.crossed[:20]]:
        console.print(problem, markup=False)
    options.out.mkdir(parents=True, exist_ok=True)
    write_whole(options.out / "serving.json", flat_json(results))
    console.print(f"written: {write_page(results, options.out)}")


if __name__ == "__main__":
    main()
