"""What was compressed in a run, whole, for a host that wants to show it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.runnables import RunnableConfig

from attngs.result import CompressedContext
from attngs.steps import Job, Steps

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """One of them."""

    run: str
    """Name of the run that it was made in, such as `AttnGSMiddleware.memory` or `AttnGSCompressor`."""
    result: CompressedContext


class Compressions(BaseCallbackHandler):
    """Keeps every compression of a run, with its texts, scores and sources.

    No event carries them, because events go to everybody who traces; these go to this handler alone.

    ```python
    compressions = Compressions()
    agent.invoke(messages, {"callbacks": [compressions]})
    [memory] = compressions.named("AttnGSMiddleware.memory")
    memory.to_html()
    ```

    Attributes:
        seen: In the order in which they were made.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Compression] = []

    def named(self, run: str) -> list[CompressedContext]:
        """Those of the runs of this name."""
        return [compression.result for compression in self.seen if compression.run == run]


def told(steps: Steps[Value], run: str, config: RunnableConfig) -> Steps[Value]:
    """The same steps, of whose results the run's handlers of this kind are told."""
    callbacks = config.get("callbacks")
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    listeners = [handler for handler in handlers if isinstance(handler, Compressions)]
    return _told(steps, run, listeners) if listeners else steps


def _told(steps: Steps[Value], run: str, listeners: Sequence[Compressions]) -> Generator[Sequence[Job], Sequence[CompressedContext], Value]:
    try:
        jobs = next(steps)
        while True:
            results = yield jobs
            for listener in listeners:
                listener.seen += [Compression(run=run, result=result) for result in results]
            jobs = steps.send(results)
    except StopIteration as stop:
        value: Value = stop.value
        return value
