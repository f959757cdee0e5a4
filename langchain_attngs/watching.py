"""What a run compressed and what its model was sent, whole, for a host that shows it; and how such a run is stopped."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from attngs.result import CompressedContext
from attngs.steps import Job, Steps
from langchain_attngs.chat import NO_STREAM

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """One compression."""

    run: str
    """Name of the run that made it, such as `AttnGSMiddleware.memory` or `AttnGSCompressor`."""
    result: CompressedContext


class RunWatch(BaseCallbackHandler):
    """Keeps what attngs did in one run, texts and scores included, and what the model was sent for it.

    No event carries this, because events go to everybody who traces; it goes to this handler alone.

    ```python
    watch = RunWatch()
    agent.invoke(messages, {"callbacks": [watch]})
    watch.named("AttnGSMiddleware.memory")[0].to_html()
    ```

    As a context manager round the loop over a stream, it stops the model of a loop that is left early.

    Attributes:
        compressions: In the order in which they were made.
        sent: What the answering model was sent last, as it got it; the writer's requests are left out.
        seconds_to_first_token: From the making of this object; `None` before, and where the model does not stream.
    """

    raise_error = True  # LangChain would log what `cancel` raises, and go on

    def __init__(self) -> None:
        super().__init__()
        self.compressions: list[Compression] = []
        self.sent: list[BaseMessage] = []
        self.seconds_to_first_token: float | None = None
        self._started, self._cancelled = time.perf_counter(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def named(self, run: str) -> list[CompressedContext]:
        """The compressions of the runs of this name."""
        return [compression.result for compression in self.compressions if compression.run == run]

    def cancel(self) -> None:
        """Stop the run at its model's next token: it raises `InterruptedError`. Closing a stream of LangGraph's would wait for its end."""
        self._cancelled = True

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, tags: list[str] | None = None, **kwargs: Any
    ) -> None:
        if NO_STREAM not in (tags or ()):
            self.sent = list(messages[0])

    def on_llm_new_token(self, token: Any, *, tags: list[str] | None = None, **kwargs: Any) -> None:
        if self._cancelled:
            raise InterruptedError("the run was cancelled.")
        if self.seconds_to_first_token is None and NO_STREAM not in (tags or ()):
            self.seconds_to_first_token = time.perf_counter() - self._started


def told(steps: Steps[Value], run: str, config: RunnableConfig) -> Steps[Value]:
    """The same steps, of whose results the run's watches are told."""
    callbacks = config.get("callbacks")
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    watches = [handler for handler in handlers if isinstance(handler, RunWatch)]
    return _told(steps, run, watches) if watches else steps


def _told(steps: Steps[Value], run: str, watches: Sequence[RunWatch]) -> Generator[Sequence[Job], Sequence[CompressedContext], Value]:
    try:
        jobs = next(steps)
        while True:
            results = yield jobs
            for watch in watches:
                watch.compressions += [Compression(run=run, result=result) for result in results]
            jobs = steps.send(results)
    except StopIteration as stop:
        value: Value = stop.value
        return value
