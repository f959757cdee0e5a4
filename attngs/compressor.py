"""The pipeline: `prepare` (mark and select) -> one await (the writer) -> `finish`. Sync and async share all but that await."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from attngs.documents import DocumentLike, as_documents, check_query
from attngs.errors import ChatError, ConfigError
from attngs.marker import Marker
from attngs.prompts import GuidedPrompt
from attngs.protocols import AsyncChatModel, ChatModel, PromptTemplate, Selector, TokenCounter
from attngs.result import CompressedContext, Method
from attngs.selection import GreedySelector, check_target_tokens
from attngs.tokens import as_counter
from attngs.types import ChatReply, Document, Marking, Message, Selection, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that is known before the writer is asked: also a dry run."""

    marking: Marking
    selection: Selection
    messages: tuple[Message, ...]
    """What the writer will be sent; empty when there is none to ask."""
    original_tokens: int
    target_tokens: int
    milliseconds: dict[str, float]
    passthrough: bool


@dataclass(frozen=True, slots=True)
class _Request:
    """A checked request."""

    documents: tuple[Document, ...]
    query: str
    target_tokens: int
    original_tokens: int
    everything: Marking | None
    """The marking of a context that needs no compression."""
    milliseconds: float


class ContextCompressor:
    """Makes documents short for a question.

    Args:
        marker: Scores and marks the sentences.
        chat: The writer. `None`: the kept sentences are handed on verbatim.
        selector: Chooses under the budget.
        counter: The tokens of the model that will read the result; the marker's own tokenizer when not given.
        template: What the writer is sent.

    Raises:
        ConfigError: No counter is given and the marker has none, or `chat` is no writer.
    """

    def __init__(
        self,
        marker: Marker,
        chat: ChatModel | AsyncChatModel | None = None,
        *,
        selector: Selector | None = None,
        counter: TokenCounter | Callable[[str], int] | None = None,
        template: PromptTemplate | None = None,
    ) -> None:
        if chat is not None and not isinstance(chat, ChatModel | AsyncChatModel):
            raise ConfigError(f"`chat` must have `complete(messages)` or `acomplete(messages)`; {type(chat).__name__} has neither.")
        chosen = counter or marker.counter
        if chosen is None:
            raise ConfigError("`counter` is needed: this marker has no tokenizer. Pass `TiktokenCounter('gpt-4o')` or any `text -> int`.")
        self._marker = marker
        self._chat = chat
        self._selector = selector or GreedySelector()
        self._counter = as_counter(chosen)
        self._template = template or GuidedPrompt()

    def compress(
        self, documents: DocumentLike | Iterable[DocumentLike], query: str, *, target_tokens: int, namespace: str = ""
    ) -> CompressedContext:
        """Keep what matters to the question in at most `target_tokens` tokens.

        Args:
            documents: Texts or `Document`s, in reading order.
            query: The question that the context is for.
            target_tokens: Hard bound for the result, in the counter's tokens.
            namespace: Whose documents these are: what is kept of them is found again under the same namespace only.

        Raises:
            InputError: The documents or the question cannot be used.
            ConfigError: The budget is not a whole number of at least 1, or the writer can only be awaited.
            ModelError: The marker's model failed.
            ChatError: The writer returned something that is not text. What the writer itself raises comes through as it is.
        """
        plan = self.prepare(documents, query, target_tokens=target_tokens, namespace=namespace)
        started = time.perf_counter()
        reply = self._ask(plan.messages) if plan.messages else None
        return self.finish(plan, reply, write_ms=_milliseconds(started))

    async def acompress(
        self, documents: DocumentLike | Iterable[DocumentLike], query: str, *, target_tokens: int, namespace: str = ""
    ) -> CompressedContext:
        """`compress` without blocking the event loop: concurrent calls are marked in one batch, and the writer is awaited."""
        request = await asyncio.to_thread(self._count, documents, query, target_tokens, namespace)
        started = time.perf_counter()
        marking = request.everything or await self._marker.amark(request.documents, request.query, namespace=namespace)
        plan = await asyncio.to_thread(self._plan, request, marking, _milliseconds(started))
        started = time.perf_counter()
        reply = await self._aask(plan.messages) if plan.messages else None
        return self.finish(plan, reply, write_ms=_milliseconds(started))

    def prepare(self, documents: DocumentLike | Iterable[DocumentLike], query: str, *, target_tokens: int, namespace: str = "") -> Plan:
        """Mark and select. When the whole context fits the budget no model runs and everything is kept."""
        request = self._count(documents, query, target_tokens, namespace)
        started = time.perf_counter()
        marking = request.everything or self._marker.mark(request.documents, request.query, namespace=namespace)
        return self._plan(request, marking, _milliseconds(started))

    def _count(self, documents: DocumentLike | Iterable[DocumentLike], query: str, target_tokens: int, namespace: str) -> _Request:
        """Check the request, and see whether there is anything to compress."""
        started = time.perf_counter()
        query, target_tokens = check_query(query), check_target_tokens(target_tokens)
        request = as_documents(documents)
        original_tokens = sum(self._counter.count([document.text for document in request]))
        fits = original_tokens <= target_tokens
        everything = self._everything_fits(request, query, target_tokens, namespace) if fits else None
        return _Request(request, query, target_tokens, original_tokens, everything, _milliseconds(started))

    def _plan(self, request: _Request, marking: Marking, mark_ms: float) -> Plan:
        started = time.perf_counter()
        selection = self._selector.select(marking, target_tokens=request.target_tokens, counter=self._counter)
        asks = self._chat is not None and not request.everything and bool(selection.kept)
        messages = tuple(self._template(marking, target_tokens=request.target_tokens)) if asks else ()
        return Plan(
            marking=marking,
            selection=selection,
            messages=messages,
            original_tokens=request.original_tokens,
            target_tokens=request.target_tokens,
            milliseconds={"count": request.milliseconds, "mark": mark_ms, "select": _milliseconds(started)},
            passthrough=request.everything is not None,
        )

    def finish(self, plan: Plan, reply: ChatReply | None = None, *, write_ms: float = 0.0) -> CompressedContext:
        """Turn a plan and the writer's reply into the result. A reply that is empty or over the budget gives way to the extract."""
        text, tokens, reasons = plan.selection.text, plan.selection.tokens, [plan.selection.reason]
        method: Method = "passthrough" if plan.passthrough else "extract"
        milliseconds = plan.milliseconds if reply is None else {**plan.milliseconds, "write": write_ms}
        if reply is not None:
            written = reply.text.strip()
            reply_tokens = self._counter.count([written])[0]
            if not written:
                reasons.append("the writer's reply was empty")
            elif reply_tokens > plan.target_tokens:
                reasons.append(f"the writer's reply had {reply_tokens} tokens, the budget is {plan.target_tokens}")
            else:
                text, tokens, method = written, reply_tokens, "rewrite"
        sources = _sources(plan.marking)
        kept = tuple(sources[i] for i in plan.selection.kept)
        return CompressedContext(
            query=plan.marking.query,
            text=text,
            method=method,
            sources=kept,
            kept=kept,
            dropped=tuple(sources[i] for i in plan.selection.dropped),
            target_tokens=plan.target_tokens,
            original_tokens=plan.original_tokens,
            compressed_tokens=tokens,
            counter=self._counter.name,
            reason="; ".join(filter(None, reasons)) or None,
            milliseconds=milliseconds,
            marking=plan.marking,
            selection=plan.selection,
        )

    def _everything_fits(self, documents: Sequence[Document], query: str, target_tokens: int, namespace: str) -> Marking | None:
        """Every sentence marked, when they fit as they will be laid out."""
        sentences = self._marker.split(documents, namespace=namespace)
        size = len(sentences)
        marking = Marking(query=query, sentences=sentences, scores=(1.0,) * size, marked=(True,) * size)
        selection = self._selector.select(marking, target_tokens=target_tokens, counter=self._counter)
        complete = all(not sentences[i].text.strip() for i in selection.dropped)
        return marking if complete else None

    def _ask(self, messages: Sequence[Message]) -> ChatReply:
        if not isinstance(self._chat, ChatModel):
            raise ConfigError("`chat` can only be awaited; call `acompress`, or pass a writer with `complete`.")
        return _checked(self._chat.complete(messages))

    async def _aask(self, messages: Sequence[Message]) -> ChatReply:
        if isinstance(self._chat, AsyncChatModel):
            return _checked(await self._chat.acomplete(messages))
        return await asyncio.to_thread(self._ask, messages)


def _milliseconds(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)


def _checked(reply: object) -> ChatReply:
    if not isinstance(reply, ChatReply) or not isinstance(reply.text, str):
        raise ChatError(f"the writer returned {type(reply).__name__}; it must return a `ChatReply` with text, and raise when it has none.")
    return reply


def _sources(marking: Marking) -> list[Source]:
    return [
        Source(
            document_id=sentence.document.id,
            position=sentence.position,
            start=sentence.start,
            end=sentence.end,
            text=sentence.text,
            score=score,
            marked=marked,
            metadata=sentence.document.metadata,
        )
        for sentence, score, marked in zip(marking.sentences, marking.scores, marking.marked, strict=True)
    ]
