"""What is asked of compressors, without asking: steps yield jobs and are sent their results, so that sync and async share all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from attngs.compressor import ContextCompressor
from attngs.result import CompressedContext
from attngs.types import Document

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of a compressor."""

    compressor: ContextCompressor
    documents: Sequence[Document]
    query: str
    target_tokens: int
    namespace: str

    def run(self) -> CompressedContext:
        return self.compressor.compress(self.documents, self.query, target_tokens=self.target_tokens, namespace=self.namespace)

    async def arun(self) -> CompressedContext:
        return await self.compressor.acompress(self.documents, self.query, target_tokens=self.target_tokens, namespace=self.namespace)


Steps = Generator[Sequence[Job], Sequence[CompressedContext], Value]


def run_steps(steps: Steps[Value]) -> Value:
    """Do the jobs one after another."""
    done, jobs = _advance(steps, None)
    while jobs is not None:
        done, jobs = _advance(steps, [job.run() for job in jobs])
    return _value(done)


async def arun_steps(steps: Steps[Value], *, workers: int) -> Value:
    """Do the jobs of a step together, `workers` at a time, and what lies between them off the event loop."""
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


def _advance(steps: Steps[Value], results: Sequence[CompressedContext] | None) -> tuple[tuple[Value] | None, Sequence[Job] | None]:
    """The steps' value or their next jobs; a `StopIteration` cannot leave a thread."""
    try:
        return None, next(steps) if results is None else steps.send(results)
    except StopIteration as stop:
        return (stop.value,), None


def _value(done: tuple[Value] | None) -> Value:
    assert done is not None
    return done[0]
