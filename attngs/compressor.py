"""The pipeline: mark and select -> one talk with the writer -> the result. Sync and async share all but the waiting."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from attngs.chat.callable_chat import as_chat
from attngs.errors import ConfigError, InputError
from attngs.marking.marker import Marker
from attngs.protocols import AsyncChatModel, ChatModel, Namespaced, PromptTemplate, Selector, TokenCounter, Windowed
from attngs.reading.tokens import as_counter
from attngs.result.result import CompressedContext, Draft, finish
from attngs.selection import GreedySelector, check_target_tokens
from attngs.text.documents import DocumentLike, as_documents, check_query
from attngs.types import ChatReply, Document, Marking, Message
from attngs.writing.asking import Writer, atalk, talk
from attngs.writing.dialogue import Dialogue, Rewrite, Writing
from attngs.writing.plan import Plan, Rates, standout
from attngs.writing.prompts import GUIDED
from attngs.writing.statements import FaithfulnessFloor

ChatFunction = Callable[[Sequence[Message]], str | ChatReply | Awaitable[str | ChatReply]]


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

    def known(self, marking: Marking | None) -> Marking | None:
        """A marking that was brought along.

        Raises:
            InputError: It is not of these documents, or not for this question.
        """
        if marking is None:
            return None
        given = self.documents
        theirs = all(s.position < len(given) and s.document == given[s.position] for s in marking.sentences)
        if marking.query != self.query or not theirs or len({s.position for s in marking.sentences}) < sum(bool(d.text) for d in given):
            raise InputError("`marking` belongs to other documents or another question; leave it out to have these marked.")
        return marking


class ContextCompressor:
    """Makes documents short for a question.

    Args:
        marker: Scores and marks the sentences.
        chat: The writer: a chat model of `attngs.chat`, anything with `complete(messages)` or `acomplete(messages)`, or a function from
            messages to text. `None`: the kept sentences are handed on verbatim.
        selector: Chooses under the budget.
        counter: The tokens of the model that will read the result; the marker's own tokenizer when not given.
        template: What the writer is sent.
        floor: What happens to sentences of the writer that the context does not support.
        on_chat_error: When the writer fails, hand on the verbatim `extract` and say why, or `raise` the `ChatError`.

    Raises:
        ConfigError: No counter is given and the marker has none, `chat` is no writer, `template` no template, or `on_chat_error` is
            neither of the two.
    """

    def __init__(
        self,
        marker: Marker,
        chat: ChatModel | AsyncChatModel | ChatFunction | None = None,
        *,
        selector: Selector | None = None,
        counter: TokenCounter | Callable[[str], int] | None = None,
        template: PromptTemplate | None = None,
        floor: FaithfulnessFloor | None = None,
        on_chat_error: Literal["extract", "raise"] = "extract",
    ) -> None:
        chosen = counter or marker.counter
        if chosen is None:
            raise ConfigError("`counter` is needed: this marker has no tokenizer. Pass `TiktokenCounter('gpt-4o')` or any `text -> int`.")
        if template is not None and (isinstance(template, type) or not isinstance(template, PromptTemplate)):
            raise ConfigError(f"`template` must be a `GuidedPrompt`, or have all that `PromptTemplate` asks for, got {template!r}.")
        if on_chat_error not in ("extract", "raise"):
            raise ConfigError(f"`on_chat_error` must be 'extract' or 'raise', got {on_chat_error!r}.")
        self._marker = marker
        self._chat: Writer | None = None if chat is None else as_chat(chat)
        self._selector = selector or GreedySelector()
        self._counter = as_counter(chosen)
        self._writing = Writing(
            template=template or GUIDED,
            counter=self._counter,
            floor=floor or FaithfulnessFloor(),
            window=self._chat.context_window if isinstance(self._chat, Windowed) else None,
            raises=on_chat_error == "raise",
        )

    def compress(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str,
        *,
        target_tokens: int,
        namespace: str = "",
        marking: Marking | None = None,
    ) -> CompressedContext:
        """Keep what matters to the question in at most `target_tokens` tokens.

        Args:
            documents: Texts or `Document`s, in reading order.
            query: The question that the context is for.
            target_tokens: Hard bound for the result, in the counter's tokens.
            namespace: Whose documents these are: what is kept of them is found again under the same namespace only.
            marking: Of these documents for this question, from a `plan` or an earlier result; the marker is then not asked again.

        Raises:
            InputError: The documents or the question cannot be used, or the marking is not theirs.
            ConfigError: The budget is not a whole number of at least 1, or the writer can only be awaited.
            ModelError: The marker's model failed.
            ChatError: The writer failed, and `on_chat_error` is `raise`.
        """
        draft = self._draft(documents, query, target_tokens, namespace, marking)
        writer = self._writer(draft, namespace)
        rewrite = talk(self._dialogue(draft), writer) if writer else None
        return finish(draft, rewrite, counter=self._counter)

    async def acompress(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str,
        *,
        target_tokens: int,
        namespace: str = "",
        marking: Marking | None = None,
    ) -> CompressedContext:
        """`compress` without blocking the event loop: concurrent calls are marked in one batch, and the writer is awaited."""
        request = await asyncio.to_thread(self._count, documents, query, target_tokens, namespace)
        started = time.perf_counter()
        known = request.everything or request.known(marking)
        marked = known or await self._marker.amark(request.documents, request.query, namespace=namespace)
        draft = await asyncio.to_thread(self._select, request, marked, _milliseconds(started))
        writer = self._writer(draft, namespace)
        rewrite = await atalk(self._dialogue(draft), writer) if writer else None
        return finish(draft, rewrite, counter=self._counter)

    def plan(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str,
        *,
        target_tokens: int,
        rates: Rates | None = None,
        namespace: str = "",
    ) -> Plan:
        """A dry run: what would be kept, what the writer would be sent, and whether it pays. Marks, but asks nobody.

        Args:
            documents: As for `compress`.
            query: As for `compress`.
            target_tokens: As for `compress`.
            rates: What your models cost and how fast they are.
            namespace: As for `compress`.

        Raises:
            InputError: The documents or the question cannot be used.
            ConfigError: The budget is not a whole number of at least 1.
            ModelError: The marker's model failed.
        """
        draft = self._draft(documents, query, target_tokens, namespace)
        conversations = next(self._dialogue(draft), ()) if self._writer(draft, namespace) else ()
        return Plan(
            marking=draft.marking,
            selection=draft.selection,
            conversations=tuple(tuple(messages) for messages in conversations),
            original_tokens=draft.original_tokens,
            target_tokens=draft.target_tokens,
            passthrough=draft.passthrough,
            standout=math.inf if draft.passthrough else standout(draft.marking.scores),
            writer_input_tokens=sum(self._counter.count([message.content for messages in conversations for message in messages])),
            writer_output_tokens=draft.target_tokens * len(conversations),
            rates=rates or Rates(),
            milliseconds=draft.milliseconds,
        )

    def _draft(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str,
        target_tokens: int,
        namespace: str,
        marking: Marking | None = None,
    ) -> Draft:
        """Mark and select. When the whole context fits the budget no model runs and everything is kept."""
        request = self._count(documents, query, target_tokens, namespace)
        started = time.perf_counter()
        known = request.everything or request.known(marking)
        marked = known or self._marker.mark(request.documents, request.query, namespace=namespace)
        return self._select(request, marked, _milliseconds(started))

    def _count(self, documents: DocumentLike | Iterable[DocumentLike], query: str, target_tokens: int, namespace: str) -> _Request:
        """Check the request, and see whether there is anything to compress."""
        started = time.perf_counter()
        query, target_tokens = check_query(query), check_target_tokens(target_tokens)
        request = as_documents(documents)
        original_tokens = sum(self._counter.count([document.text for document in request]))
        fits = original_tokens <= target_tokens
        everything = self._everything_fits(request, query, target_tokens, namespace) if fits else None
        return _Request(request, query, target_tokens, original_tokens, everything, _milliseconds(started))

    def _select(self, request: _Request, marking: Marking, mark_ms: float) -> Draft:
        started = time.perf_counter()
        selection = self._selector.select(marking, target_tokens=request.target_tokens, counter=self._counter)
        return Draft(
            marking=marking,
            selection=selection,
            original_tokens=request.original_tokens,
            target_tokens=request.target_tokens,
            milliseconds={"count": request.milliseconds, "mark": mark_ms, "select": _milliseconds(started)},
            passthrough=request.everything is not None,
        )

    def _writer(self, draft: Draft, namespace: str) -> Writer | None:
        """Whom to ask; nobody when there is nothing to shorten."""
        if draft.passthrough or not draft.selection.kept:
            return None
        return self._chat.for_namespace(namespace) if isinstance(self._chat, Namespaced) else self._chat

    def _dialogue(self, draft: Draft) -> Dialogue[Rewrite]:
        return self._writing.rewrite(draft.marking, frozenset(draft.selection.kept), draft.target_tokens)

    def _everything_fits(self, documents: Sequence[Document], query: str, target_tokens: int, namespace: str) -> Marking | None:
        """Every sentence marked, when they fit as they will be laid out."""
        sentences = self._marker.split(documents, namespace=namespace)
        size = len(sentences)
        marking = Marking(query=query, sentences=sentences, scores=(1.0,) * size, marked=(True,) * size)
        selection = self._selector.select(marking, target_tokens=target_tokens, counter=self._counter)
        complete = all(not sentences[i].text.strip() for i in selection.dropped)
        return marking if complete else None


def _milliseconds(started: float) -> float:
    return 1e3 * (time.perf_counter() - started)
