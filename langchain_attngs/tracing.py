"""What LangChain's tracing sees of a compression: one named run with the writer's calls below it, and a ledger of numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from attngs.result import CompressedContext
from attngs.steps import Steps, arun_steps, run_steps
from attngs.types import Usage
from langchain_attngs.watching import told

EVENT = "attngs_compressed"
"""Name of the custom event that carries the ledger."""

logger = logging.getLogger(__name__)

Input = TypeVar("Input")
Output = TypeVar("Output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a compression took and brought. Numbers, and why something is not as asked; never a document's text."""

    target_tokens: int
    documents: int = 0
    kept_documents: int = 0
    original_tokens: int = 0
    compressed_tokens: int = 0
    method: str = "passthrough"
    reason: str | None = None
    writer_usage: Usage | None = None
    """Tokens that the writer says it used, all calls together."""

    @classmethod
    def of(cls, results: Sequence[CompressedContext]) -> Ledger:
        """Of compressions that were run together."""
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
        )


def traced(name: str, steps: Callable[[Input, RunnableConfig], Steps[tuple[Output, Ledger]]], *, workers: int) -> Runnable[Input, Output]:
    """Make steps runnable, sync and async, as one run whose last event is the ledger.

    Args:
        name: Of the run.
        steps: Gets the input and the run's own config, whose callbacks put what it asks below the run.
        workers: Jobs at a time.
    """

    def run(value: Input, config: RunnableConfig) -> Output:
        output, ledger = run_steps(told(steps(value, config), name, config), workers=workers)
        dispatch_custom_event(EVENT, _plain(ledger), config=config)
        return output

    async def arun(value: Input, config: RunnableConfig) -> Output:
        output, ledger = await arun_steps(told(steps(value, config), name, config), workers=workers)
        await adispatch_custom_event(EVENT, _plain(ledger), config=config)
        return output

    return RunnableLambda(run, afunc=arun, name=name)


def _plain(ledger: Ledger) -> dict[str, object]:
    if ledger.reason:
        logger.info("%d of %d tokens kept: %s", ledger.compressed_tokens, ledger.original_tokens, ledger.reason)
    usage = ledger.writer_usage
    return {**asdict(ledger), "writer_usage": usage._asdict() if usage else None}
