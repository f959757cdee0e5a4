"""What is asked of compressors, without asking: steps yield jobs and are sent their results, so that sync and async share all of it."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from attngs.compressor import ContextCompressor
from attngs.result.result import CompressedContext
from attngs.types import Document, Marking

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of a compressor."""

    compressor: ContextCompressor
    documents: Sequence[Document]
    query: str
    target_tokens: int
    namespace: str = ""
    marking: Marking | None = None

    def run(self) -> CompressedContext:
        return self.compressor.compress(self.documents, self.query, **self._settings())

    async def arun(self) -> CompressedContext:
        return await self.compressor.acompress(self.documents, self.query, **self._settings())

    def _settings(self) -> dict[str, Any]:
        return {"target_tokens": self.target_tokens, "namespace": self.namespace, "marking": self.marking}


Steps = Generator[Sequence[Job], Sequence[CompressedContext], Value]


def run_steps(steps: Steps[Value], *, workers: int = 1) -> Value:
    """Do the jobs of a step, `workers` at a time; each sees the caller's context variables.

    Raises:
        Exception: The first job's that failed, in their order, once all have ended.
    """
    done, jobs = _advance(steps, None)
    while jobs is not None:
        done, jobs = _advance(steps, _run(jobs, workers))
    return _value(done)


async def arun_steps(steps: Steps[Value], *, workers: int = 4) -> Value:
    """`run_steps` without blocking the event loop, neither by the jobs nor by what lies between them."""
    limit = asyncio.Semaphore(workers)

    async def one(job: Job) -> CompressedContext:
        async with limit:
            return await job.arun()

    done, jobs = await asyncio.to_thread(_advance, steps, None)
    while jobs is not None:
        outcomes = await asyncio.gather(*(one(job) for job in jobs), return_exceptions=True)
        results = list[CompressedContext]()
        for outcome in outcomes:
            if isinstance(outcome, BaseException):  # raised once all have ended, so that none goes on unwatched
                raise outcome
            results.append(outcome)
        done, jobs = await asyncio.to_thread(_advance, steps, results)
    return _value(done)


def _run(jobs: Sequence[Job], workers: int) -> list[CompressedContext]:
    if workers == 1 or len(jobs) < 2:
        return [job.run() for job in jobs]
    with ThreadPoolExecutor(min(workers, len(jobs)), thread_name_prefix="attngs-job") as pool:
        return [future.result() for future in [pool.submit(contextvars.copy_context().run, job.run) for job in jobs]]


def _advance(steps: Steps[Value], results: Sequence[CompressedContext] | None) -> tuple[tuple[Value] | None, Sequence[Job] | None]:
    """The steps' value or their next jobs; a `StopIteration` cannot leave a thread."""
    try:
        return None, next(steps) if results is None else steps.send(results)
    except StopIteration as stop:
        return (stop.value,), None


def _value(done: tuple[Value] | None) -> Value:
    assert done is not None
    return done[0]
