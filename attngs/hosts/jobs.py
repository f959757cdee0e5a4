"""Compressions as jobs: a package yields jobs and gets results, in sync and async alike."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from attngs.compressor import ContextCompressor
from attngs.result.result import CompressedContext
from attngs.types import Document, Marking, Question
from attngs.writing.asking import atalk, talk

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of a compressor."""

    compressor: ContextCompressor
    documents: Sequence[Document]
    query: str | Question
    target_tokens: int
    namespace: str = ""
    marking: Marking | None = None
    original_tokens: int = 0
    """Of all that there is, where the documents are what a search found of it."""

    def run(self) -> CompressedContext:
        return self._counted(self.compressor.compress(self.documents, self.query, **self._settings()))

    async def arun(self) -> CompressedContext:
        return self._counted(await self.compressor.acompress(self.documents, self.query, **self._settings()))

    def _counted(self, result: CompressedContext) -> CompressedContext:
        return replace(result, original_tokens=max(result.original_tokens, self.original_tokens))

    def _settings(self) -> dict[str, Any]:
        return {"target_tokens": self.target_tokens, "namespace": self.namespace, "marking": self.marking}


Steps = Generator[Sequence[Job], Sequence[CompressedContext], Value]
Watch = Callable[[Sequence[CompressedContext]], None]
"""Sees the results of each step."""


class Call(NamedTuple):
    """What a dialogue waits for, as a sync caller calls it and as an async one awaits it."""

    run: Callable[[], Any]
    arun: Callable[[], Awaitable[Any]]


def run_steps(steps: Steps[Value], *, workers: int = 1, watch: Watch | None = None) -> Value:
    """Run the jobs of each step, `workers` at a time, in copies of the caller's context variables.

    Raises:
        Exception: That of the first job that failed, in their order, once all have ended.
    """
    return talk(steps, lambda jobs: _watched(run_jobs(jobs, workers), watch))


async def arun_steps(steps: Steps[Value], *, workers: int = 4, watch: Watch | None = None) -> Value:
    """`run_steps`, awaited."""

    async def answer(jobs: Sequence[Job]) -> Sequence[CompressedContext]:
        return _watched(await arun_jobs(jobs, workers), watch)

    return await atalk(steps, answer)


def run_jobs(jobs: Sequence[Job], workers: int) -> list[CompressedContext]:
    """Run jobs, so many at a time; raises the first error, in their order, once all have ended."""
    if workers == 1 or len(jobs) < 2:
        return [job.run() for job in jobs]
    with ThreadPoolExecutor(min(workers, len(jobs)), thread_name_prefix="attngs-job") as pool:
        return [future.result() for future in [pool.submit(contextvars.copy_context().run, job.run) for job in jobs]]


async def arun_jobs(jobs: Sequence[Job], workers: int) -> list[CompressedContext]:
    """`run_jobs`, awaited."""
    limit = asyncio.Semaphore(workers)

    async def one(job: Job) -> CompressedContext:
        async with limit:
            return await job.arun()

    outcomes = await asyncio.gather(*(one(job) for job in jobs), return_exceptions=True)
    results = list[CompressedContext]()
    for outcome in outcomes:
        if isinstance(outcome, BaseException):  # raised once all have ended, so that none goes on unwatched
            raise outcome
        results.append(outcome)
    return results


def _watched(results: Sequence[CompressedContext], watch: Watch | None) -> Sequence[CompressedContext]:
    if watch:
        watch(results)
    return results
