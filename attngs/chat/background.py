"""One event loop in one daemon thread, so that sync and async callers, of whatever thread or loop, run the same coroutine."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, NoReturn, TypeVar

from attngs.errors import ChatError, ConfigError

Resource = TypeVar("Resource")
Answer = TypeVar("Answer")

PATIENCE = 5.0
"""Seconds that `close` waits for coroutines which will not be cancelled; the thread is a daemon and keeps nobody from leaving."""


class BackgroundLoop(Generic[Resource]):
    """Runs coroutines. The thread starts with the first of them, and ends with `close`, the interpreter, or the last reference to this.

    A process that was forked off gets a thread and a resource of its own; those of the parent are neither used nor touched there.

    Args:
        open_resource: What all coroutines of the loop share, entered in the loop before the first and left after the last.
    """

    def __init__(self, open_resource: Callable[[], AbstractAsyncContextManager[Resource]]) -> None:
        self._open_resource = open_resource
        self._threads: dict[int, _LoopThread[Resource]] = {}
        self._finalizer = weakref.finalize(self, _end, self._threads)

    def run(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Answer:
        """Wait for the answer in this thread; whatever interrupts the wait, such as Ctrl-C, also cancels the coroutine."""
        future = self._submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def arun(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Answer:
        """Wait for the answer in the caller's event loop; who cancels the wait also cancels the coroutine."""
        return await asyncio.wrap_future(self._submit(work))

    def close(self) -> None:
        """Cancel what still runs, with a `ChatError` for those who wait for it, and end the thread. Closing twice is no error."""
        self._finalizer()

    def _submit(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Future[Answer]:
        if not self._finalizer.alive:
            _refuse()
        # one entry a process, made in one step: a lock of ours could have been held by another thread during the fork
        return self._threads.setdefault(os.getpid(), _LoopThread(self._open_resource)).submit(work)


class _LoopThread(Generic[Resource]):
    _loop: asyncio.AbstractEventLoop
    _resource: Resource
    _stop: asyncio.Event

    def __init__(self, open_resource: Callable[[], AbstractAsyncContextManager[Resource]]) -> None:
        self._open_resource = open_resource
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ending = False

    def submit(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Future[Answer]:
        with self._lock:
            if self._ending:
                _refuse()
            if self._thread is None:
                ready: Future[None] = Future()
                thread = threading.Thread(target=self._main, args=(ready,), name="attngs-chat", daemon=True)
                thread.start()
                ready.result()
                self._thread = thread
            return asyncio.run_coroutine_threadsafe(self._answer(work), self._loop)

    def end(self) -> None:
        with self._lock:
            self._ending = True
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            if self._thread is not threading.current_thread():  # the garbage collector may run anywhere, also in the loop
                self._thread.join(PATIENCE)

    def _main(self, ready: Future[None]) -> None:
        try:
            asyncio.run(self._serve(ready))
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def _serve(self, ready: Future[None]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._open_resource() as self._resource:
            ready.set_result(None)
            await self._stop.wait()
            running = asyncio.all_tasks() - {asyncio.current_task()}
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running, timeout=PATIENCE)

    async def _answer(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Answer:
        try:
            return await work(self._resource)
        except asyncio.CancelledError:
            if self._ending:  # the one who waits was not cancelled, and must not be told so
                raise ChatError("the chat model was closed while it was being asked.") from None
            raise


def _end(threads: dict[int, _LoopThread[Any]]) -> None:
    if thread := threads.get(os.getpid()):
        thread.end()


def _refuse() -> NoReturn:
    raise ConfigError("this chat model is closed; make another one, or close it when nothing is asked any more.")
