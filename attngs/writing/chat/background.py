"""One event loop in a daemon thread, shared by sync and async callers of any thread or loop."""

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
"""Seconds that `close` waits for coroutines that resist being cancelled; the thread is a daemon, so it never keeps the program alive."""


class BackgroundLoop(Generic[Resource]):
    """Runs coroutines in a background thread.

    The thread starts with the first coroutine. It ends with `close`, with the interpreter, or with the last reference to this object. A
    forked child gets a thread and a resource of its own, and never touches those of its parent.

    Args:
        open_resource: Makes what all coroutines share. It is entered before the first coroutine and left after the last.
    """

    def __init__(self, open_resource: Callable[[], AbstractAsyncContextManager[Resource]]) -> None:
        self._open_resource = open_resource
        self._threads: dict[int, _LoopThread[Resource]] = {}
        self._finalizer = weakref.finalize(self, _end, self._threads)

    def run(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Answer:
        """Wait for the answer in this thread. An interrupt, such as Ctrl-C, also cancels the coroutine."""
        future = self._submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def arun(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Answer:
        """Await the answer in the caller's event loop. Cancelling this also cancels the coroutine."""
        return await asyncio.wrap_future(self._submit(work))

    def close(self) -> None:
        """End the thread. Calls under way get a `ChatError`. Closing twice is no error."""
        self._finalizer()

    def _submit(self, work: Callable[[Resource], Coroutine[Any, Any, Answer]]) -> Future[Answer]:
        if not self._finalizer.alive:
            _refuse()
        # one entry for each process, made in one step: at a fork, another thread might hold a lock
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
            if self._ending:  # the caller was not cancelled, so a `CancelledError` would mislead it
                raise ChatError("the chat model was closed while it was being asked.") from None
            raise


def _end(threads: dict[int, _LoopThread[Any]]) -> None:
    if thread := threads.get(os.getpid()):
        thread.end()


def _refuse() -> NoReturn:
    raise ConfigError("this chat model is closed; make another one, or close it when nothing is asked any more.")
