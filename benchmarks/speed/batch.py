"""Part `batch`: many short contexts in one call against one by one, and many callers at once against one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from attngs.marking.marker import Marker, MarkRequest
from attngs.types import Document, Marking
from benchmarks.speed.settings import Found, Settings
from benchmarks.speed.timing import Contender, summarise, take_turns
from benchmarks.speed.workbench import Workbench

BATCH, BATCH_TOKENS = 16, (64, 128)
CALLERS, OWN_TOKENS = 32, 128
ONE_BY_ONE = "one by one"
TOGETHER = "together"

Work = Callable[[Marker, Sequence[MarkRequest]], list[Marking]]


def measure(bench: Workbench, settings: Settings) -> Iterator[Found]:
    """Each case from an empty cache; answers together must be those given one by one."""
    size, callers = (4, 8) if settings.quick else (BATCH, CALLERS)
    for tokens in BATCH_TOKENS:
        requests = _requests(bench, bench.corpus.contexts(size, tokens))
        yield f"{size} contexts of {tokens} tokens, mark_batch", _compare(bench, settings, requests, _in_a_batch)
    requests = _requests(bench, bench.corpus.contexts(callers, OWN_TOKENS))
    yield f"{callers} callers of amark, {OWN_TOKENS} tokens each", _compare(bench, settings, requests, _concurrently)
    requests = _requests(bench, [bench.corpus.context(settings.middle)] * callers)
    yield f"{callers} callers of amark, one context of {settings.middle:,} tokens", _compare(bench, settings, requests, _concurrently)


def _requests(bench: Workbench, contexts: Sequence[Sequence[Document]]) -> list[MarkRequest]:
    return [MarkRequest(documents=context, query=bench.corpus.question(number)) for number, context in enumerate(contexts)]


def _one_by_one(marker: Marker, requests: Sequence[MarkRequest]) -> list[Marking]:
    return [marker.mark(request.documents, request.query) for request in requests]


def _in_a_batch(marker: Marker, requests: Sequence[MarkRequest]) -> list[Marking]:
    markings = [outcome for outcome in marker.mark_batch(requests) if isinstance(outcome, Marking)]
    assert len(markings) == len(requests), "a request failed"
    return markings


def _concurrently(marker: Marker, requests: Sequence[MarkRequest]) -> list[Marking]:
    async def everyone() -> list[Marking]:
        return list(await asyncio.gather(*(marker.amark(request.documents, request.query) for request in requests)))

    return asyncio.run(everyone())


def _compare(bench: Workbench, settings: Settings, requests: Sequence[MarkRequest], together: Work) -> dict[str, object]:
    marker = bench.marker()

    def contender(name: str, work: Work) -> Contender:
        return Contender(name=name, prepare=lambda number: marker.forget(), run=lambda number: work(marker, requests))

    marker.forget()
    alone = _one_by_one(marker, requests)
    marker.forget()
    pairs = zip(alone, together(marker, requests), strict=True)  # also warms up
    apart = max(abs(a - b) for one, other in pairs for a, b in zip(one.scores, other.scores, strict=True))
    contenders = [contender(ONE_BY_ONE, _one_by_one), contender(TOGETHER, together)]
    with settings.progress("batch", settings.rounds * len(contenders)) as advance:
        measured = take_turns(contenders, settings.rounds, base=ONE_BY_ONE, synchronize=bench.synchronize, advance=advance)
    return {"requests": len(requests), "greatest_difference": float(f"{apart:.3g}"), "methods": summarise(measured, ONE_BY_ONE)}
