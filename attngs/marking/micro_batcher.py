"""Requests of the same few milliseconds -> one batch on one worker thread; an event loop only awaits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from attngs.errors import ModelError
from attngs.reading.forks import renewed_in_children

Request = TypeVar("Request")
Answer = TypeVar("Answer")

WAIT_SECONDS = 0.004
"""How long the first request of an idle worker waits for others. While the worker is busy, the next batch gathers by itself."""

MOST = 64
"""Most requests of one batch: nobody waits for more than this many others in the batch."""


class MicroBatcher(Generic[Request, Answer]):
    """Gathers single requests for work that is cheaper in batches.

    Args:
        work: From requests to an answer or an error for each, in order. It runs in one thread, never twice at the same time.
    """

    _waiting: list[tuple[Request, Future[Answer]]]
    _at_work: bool
    _worker: ThreadPoolExecutor

    def __init__(self, work: Callable[[list[Request]], Sequence[Answer | Exception]]) -> None:
        self._work = work
        self.after_fork()
        renewed_in_children(self)

    def submit(self, request: Request) -> Future[Answer]:
        """The future answer. A request that is cancelled before its batch begins is never worked on.

        Raises:
            RuntimeError: The system cannot start another thread.
        """
        future: Future[Answer] = Future()
        with self._lock:
            if not self._at_work:
                self._worker.submit(self._drain)
                self._at_work = True
            self._waiting.append((request, future))
        return future

    def after_fork(self) -> None:
        """Start afresh: a child has a copy of the queue and the lock, but not the thread."""
        self._lock = threading.Lock()
        self._waiting = []
        self._at_work = False
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="attngs")

    def _drain(self) -> None:
        time.sleep(WAIT_SECONDS)
        while batch := self._next():
            wanted = [(request, future) for request, future in batch if future.set_running_or_notify_cancel()]
            answers = self._answers([request for request, _ in wanted])
            for (_, future), answer in zip(wanted, answers, strict=True):
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    def _next(self) -> list[tuple[Request, Future[Answer]]]:
        with self._lock:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            self._at_work = bool(batch)
            return batch

    def _answers(self, requests: list[Request]) -> Sequence[Answer | Exception]:
        """One answer a request, whatever the work does: nobody may wait forever."""
        if not requests:
            return []
        try:
            answers = self._work(requests)
            if len(answers) == len(requests):
                return [bearable(answer) for answer in answers]
            failure: Exception = ModelError(f"{len(requests)} requests got {len(answers)} answers.")
        except BaseException as error:
            failure = bearable(error)
        return [failure for _ in requests]


def bearable(answer: Answer | BaseException) -> Answer | Exception:
    """An answer that may be raised anywhere.

    An error that a generator or an event loop would misread is wrapped in ours.
    """
    if isinstance(answer, StopIteration) or (isinstance(answer, BaseException) and not isinstance(answer, Exception)):
        wrapped = ModelError(f"the marker stopped with {type(answer).__name__}: {answer}")
        wrapped.__cause__ = answer
        return wrapped
    return answer
