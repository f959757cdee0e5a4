"""What tracing sees of a compression: a named run, the writer's calls below it, numbers in an event.

Events and logs go to everybody who traces, so they carry numbers alone. Texts and scores go to the host's own `RunWatch`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, TypeVar

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager, adispatch_custom_event, dispatch_custom_event
from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from attngs.hosts.budget import ContextPart
from attngs.hosts.jobs import Steps, Watch, arun_steps, run_steps
from attngs.result.result import CompressedContext
from attngs.types import Usage
from langchain_attngs.chat import NO_STREAM

EVENT = "attngs_compressed"
"""Name of the custom event that carries the ledger."""

logger = logging.getLogger(__name__)

Input = TypeVar("Input")
Output = TypeVar("Output")


def traced(name: str, steps: Callable[[Input, RunnableConfig], Steps[tuple[Output, Ledger]]], *, workers: int) -> Runnable[Input, Output]:
    """Make steps runnable, sync and async, as one run whose last event is the ledger.

    Args:
        name: The run's name.
        steps: Gets the input and the run's own config, whose callbacks put what it asks below the run.
        workers: How many jobs run at the same time.
    """

    def run(value: Input, config: RunnableConfig) -> Output:
        output, ledger = run_steps(steps(value, config), workers=workers, watch=_watch(name, config))
        dispatch_custom_event(EVENT, ledger.to_event(), config=config)
        return output

    async def arun(value: Input, config: RunnableConfig) -> Output:
        output, ledger = await arun_steps(steps(value, config), workers=workers, watch=_watch(name, config))
        await adispatch_custom_event(EVENT, ledger.to_event(), config=config)
        return output

    return RunnableLambda(run, afunc=arun, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a compression cost and saved: numbers, and why it is not as asked; never a document's text."""

    target_tokens: int
    documents: int = 0
    kept_documents: int = 0
    original_tokens: int = 0
    compressed_tokens: int = 0
    method: str = "passthrough"
    reason: str | None = None
    writer_usage: Usage | None = None
    """Tokens that the writer says it used, in all its calls."""
    parts: Mapping[str, Mapping[str, int]] | None = None
    """By part of a prompt, such as `memory`: `allowed` and `taken` tokens, without the lines round it; `None` outside a prompt."""

    @classmethod
    def of(cls, results: Sequence[CompressedContext], parts: Sequence[ContextPart] = ()) -> Ledger:
        """The ledger of compressions that ran together.

        Args:
            results: Of the compressions.
            parts: Which part of a prompt each is for, if any.
        """
        usages = [result.usage for result in results if result.usage]
        methods = {result.method for result in results}
        return cls(
            target_tokens=sum(result.target_tokens for result in results),
            documents=sum(len({s.position for s in result.marking.sentences}) for result in results),
            kept_documents=sum(len({source.position for source in result.sources}) for result in results),
            original_tokens=sum(result.original_tokens for result in results),
            compressed_tokens=sum(result.compressed_tokens for result in results),
            method=next((method for method in ("rewrite", "extract") if method in methods), "passthrough"),
            reason="; ".join(dict.fromkeys(result.reason for result in results if result.reason)) or None,
            writer_usage=Usage(*(sum(counts) for counts in zip(*usages, strict=True))) if usages else None,
            parts={part: _allowed_and_taken([r for r, own in zip(results, parts, strict=True) if own == part]) for part in parts} or None,
        )

    def to_event(self) -> dict[str, object]:
        """Plain values; logs what is not as asked."""
        if self.reason:
            logger.info("%d of %d tokens kept, and not as asked; DEBUG says why", self.compressed_tokens, self.original_tokens)
            logger.debug("%s", self.reason)  # may quote a client's error, which may quote what it was sent
        usage = self.writer_usage
        return {**asdict(self), "writer_usage": usage._asdict() if usage else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """One compression."""

    run: str
    """Name of the run that made it, such as `AttnGSMiddleware.memory` or `AttnGSCompressor`."""
    result: CompressedContext


class RunWatch(BaseCallbackHandler):
    """Collects what attngs did in one run, texts and scores included, and what the model was sent for it.

    ```python
    watch = RunWatch()
    agent.invoke(messages, {"callbacks": [watch]})
    watch.named("AttnGSMiddleware.memory")[0].to_html()
    ```

    Used as a context manager round the loop over a stream, it stops the model when the loop is left early.

    Attributes:
        compressions: In the order in which they were made.
        sent: What the answering model was sent last. The writer's requests are left out.
        seconds_to_first_token: Counted from when this object was made; `None` until then, and where the model does not stream.
    """

    raise_error = True  # LangChain would log what `cancel` raises, and go on

    def __init__(self) -> None:
        super().__init__()
        self.compressions: list[Compression] = []
        self.sent: list[BaseMessage] = []
        self.seconds_to_first_token: float | None = None
        self._start, self._cancelled = time.perf_counter(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def named(self, run: str) -> list[CompressedContext]:
        """The compressions that runs of this name made."""
        return [compression.result for compression in self.compressions if compression.run == run]

    def cancel(self) -> None:
        """Stop the run at the next token of a model, the writer's too, or before the next one is asked.

        Either raises `InterruptedError`. Closing LangGraph's stream would wait for the model's end instead.
        """
        self._cancelled = True

    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], *, tags: list[str] | None = None, **kwargs: Any
    ) -> None:
        self._check()
        if NO_STREAM not in (tags or ()):
            self.sent = list(messages[0])

    def on_llm_new_token(self, token: Any, *, tags: list[str] | None = None, **kwargs: Any) -> None:
        self._check()
        if self.seconds_to_first_token is None and NO_STREAM not in (tags or ()):
            self.seconds_to_first_token = time.perf_counter() - self._start

    def _check(self) -> None:
        if self._cancelled:
            raise InterruptedError("the run was cancelled.")


def _allowed_and_taken(results: Sequence[CompressedContext]) -> dict[str, int]:
    return {"allowed": sum(r.target_tokens for r in results), "taken": sum(r.compressed_tokens for r in results)}


def _watch(run: str, config: RunnableConfig) -> Watch:
    """Hands the results of a run to the watches among its callbacks."""
    callbacks = config.get("callbacks")
    handlers = callbacks.handlers if isinstance(callbacks, BaseCallbackManager) else callbacks or []
    watches = [handler for handler in handlers if isinstance(handler, RunWatch)]

    def watch(results: Sequence[CompressedContext]) -> None:
        for each in watches:
            each.compressions += [Compression(run=run, result=result) for result in results]

    return watch
