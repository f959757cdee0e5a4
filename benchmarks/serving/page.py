"""Results -> tables and `serving.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages import Page, Section, TextTable, measured_at, seconds
from benchmarks.serving.clients import PAUSE
from benchmarks.serving.faults import FAULTS, SECONDS

PAGE = Page(
    name="serving",
    source="serving.json",
    title="Many clients, and an endpoint that fails",
    preface=(
        "Clients of one `attngs serve`, each with a token and a memory of its own, chat through the proxy, ask, add and compress; "
        f"a pause of {PAUSE:g} s on average lies between two requests of a client. The endpoint behind it repeats the last message, so "
        "that a reply has what the proxy showed, and fails on purpose: both it and the client know how, by the request's name. Each "
        f"memory holds six codes that nobody else has. The server waits {SECONDS:g} s for the endpoint. All runs on one machine, over "
        "loopback, with the embedded marker and one thread for each of its calls."
    ),
)


def tables(results: Mapping[str, Any]) -> Iterator[TextTable]:
    """What became of the requests, and how long they took."""
    yield TextTable(
        title=f"{results['clients']} clients, {results['minutes']:g} minutes, {results['requests']:,} requests",
        columns=("what", "requests"),
        rows=(
            ("ended as they should not have", f"{len(results['wrong']):,}"),
            ("replies with somebody else's code", f"{len(results['crossed']):,}"),
            ("whole replies to a question about a code", f"{results['asked']:,}"),
            ("of these, in a chat that was never shown the code", f"{results['without']:,}"),
        ),
        notes=(
            f"The server's memory was {results['rss_begin'] / 2**20:,.0f} MiB after the first minute and {results['rss_end'] / 2**20:,.0f} "
            "MiB at the end.",
        ),
    )
    yield TextTable(
        title="What the endpoint did with chats, and what clients saw",
        columns=("endpoint", "clients must see", *(seen := sorted({seen for _, seen, _ in results["ended"]}))),
        rows=tuple(
            (
                fault.name,
                fault.ends_as,
                *(f"{next((n for did, saw, n in results['ended'] if (did, saw) == (fault.name, column)), 0):,}" for column in seen),
            )
            for fault in FAULTS
        ),
    )
    yield TextTable(
        title="Time of a request",
        columns=("request", "number", "p50", "p95", "p99"),
        rows=tuple(
            (kind, f"{row['number']:,}", seconds(row["p50"]), seconds(row["p95"]), seconds(row["p99"]))
            for kind, row in results["times"].items()
        ),
        notes=(
            "*chat* and *stream*: those that the endpoint did not delay; a stream is whole at its end.",
            "*straight*: the same chats without a server in between, for a minute, with as many clients.",
            f"Load of the machine's {results['machine']['cores']} cores, averaged over 15 minutes at the end: {results['load']:.1f}.",
        ),
    )


def write_page(results: Mapping[str, Any], folder: Path) -> Path:
    """All tables."""
    section = Section(title="Nothing lost, nothing crossed?", where=measured_at(results["machine"]), tables=tables(results))
    return PAGE.write([section], folder)
