"""A summarizer of old messages for LangChain's own middleware."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig

from attngs.compressor import ContextCompressor
from attngs.errors import check_kind
from attngs.hosts.conversation import as_turns, has_question, question_in
from attngs.hosts.frames import TURNS, text_in_place
from attngs.hosts.jobs import Job, Steps
from attngs.hosts.shortened import room_beside_note
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.selection.selector import GreedySelector
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.messages import said
from langchain_attngs.tracing import Ledger, traced

LATEST = "What was said last?"
"""Stands for the question where the user has said nothing; the newest sentences are then kept."""


def attngs_summarizer(compressor: AttnGSCompressor) -> Runnable[Sequence[BaseMessage], str]:
    """A summarizer for LangChain's `SummarizationMiddleware`.

    ```python
    middleware = SummarizationMiddleware(model, summarizer=attngs_summarizer(compressor), trim_tokens_to_summarize=None)
    ```

    Without `trim_tokens_to_summarize=None` that middleware cuts the old messages to their last 4,000 tokens before they get here. It
    passes the old messages without the current question, so the user's last message among them is the question. It also replaces the
    messages in the state, so what is not kept is gone for good. `AttnGSMiddleware(history=...)` has neither limit.

    Args:
        compressor: How messages are shortened; its `target_tokens` is the budget of the summary.

    Raises:
        ConfigError: It is no `AttnGSCompressor`.
    """
    check_kind(compressor, "compressor", AttnGSCompressor)

    def steps(messages: Sequence[BaseMessage], config: RunnableConfig) -> Steps[tuple[str, Ledger]]:
        conversation = said(messages)
        documents, asks = as_turns(conversation), has_question(conversation)
        if not documents:
            return "", Ledger(target_tokens=compressor.target_tokens)
        counter = compressor.found_counter()
        by_question = compressor.writer(config, TURNS) or compressor.extractor(TURNS)
        newest = ContextCompressor(Marker(RecencyScorer()), selector=GreedySelector(layout=TURNS), counter=counter)
        [result] = yield [
            Job(
                compressor=by_question if asks else newest,
                documents=documents,
                query=question_in(conversation) if asks else LATEST,
                target_tokens=room_beside_note(compressor.target_tokens, counter),
                namespace=compressor.namespace,
            )
        ]
        return text_in_place(result, TURNS, counter, compressor.target_tokens), Ledger.of([result])

    return traced("attngs_summarizer", steps, workers=1)
