"""`attngs_summarizer`: what LangChain's own `SummarizationMiddleware` may use in place of a model."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from attngs.compressor import ContextCompressor
from attngs.marker import Marker
from attngs.scorers.recency import RecencyScorer
from attngs.selection import GreedySelector
from attngs.steps import Job, Steps
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.messages import TURNS, as_turns, question_of
from langchain_attngs.settings import check_kind
from langchain_attngs.tracing import Ledger, traced

LATEST = "What was said last?"
"""Stands for the question where the user has said nothing; the newest sentences are then kept."""


def attngs_summarizer(compressor: AttnGSCompressor) -> Runnable[Sequence[BaseMessage], str]:
    """For `SummarizationMiddleware(model, summarizer=attngs_summarizer(compressor), trim_tokens_to_summarize=None)`.

    Without `trim_tokens_to_summarize=None` the middleware cuts the old messages to their last 4,000 tokens before they get here.
    It passes the old messages alone and not the current question, so what the user asked last among them stands for it; and what
    is not kept is gone for good, because the middleware replaces the messages in the state. `AttnGSMiddleware(history=...)` has neither
    limit.

    Args:
        compressor: How; its `target_tokens` is the budget of the summary.

    Raises:
        ConfigError: It is no `AttnGSCompressor`.
    """
    check_kind(compressor, "compressor", AttnGSCompressor)

    def steps(messages: Sequence[BaseMessage], config: RunnableConfig) -> Steps[tuple[str, Ledger]]:
        documents, query = as_turns(messages), question_of(messages)
        if not documents:
            return "", Ledger(target_tokens=compressor.target_tokens)
        by_question = compressor.writer(config, TURNS) or compressor.extractor(TURNS)
        newest = ContextCompressor(Marker(RecencyScorer()), selector=GreedySelector(layout=TURNS), counter=compressor.found_counter())
        [result] = yield [
            Job(
                compressor=by_question if query else newest,
                documents=documents,
                query=query or LATEST,
                target_tokens=compressor.target_tokens,
                namespace=compressor.namespace,
            )
        ]
        return result.text, Ledger.of([result])

    return traced("attngs_summarizer", steps, workers=1)
