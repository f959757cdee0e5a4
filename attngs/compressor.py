"""The table of contents: check, does everything fit?, mark, select, write, result.

More than 400 lines: half of them say what the calls take, return and raise.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from attngs.errors import ConfigError, InputError, check_whole
from attngs.marking.algorithm import check_finite
from attngs.marking.marker import Marker
from attngs.protocols import (
    AsyncChatModel,
    ChatModel,
    FlooredSelector,
    Framing,
    Namespaced,
    PromptTemplate,
    Selector,
    TokenCounter,
    Windowed,
)
from attngs.reading.copies import Shared
from attngs.reading.telemetry import Operation, operation
from attngs.reading.tokens import CounterLike, as_counter
from attngs.result.result import CompressedContext, Draft, finish
from attngs.selection.selector import GreedySelector
from attngs.text.documents import DocumentLike, as_documents, check_namespace, check_question
from attngs.types import ChatReply, Document, Marking, Message, Question, Selection
from attngs.writing.asking import Writer, aask, ask, atalk, talk
from attngs.writing.chat.callable_chat import as_chat
from attngs.writing.dialogue import Dialogue, Rewrite, Writing
from attngs.writing.plan import Plan, Rates, standout
from attngs.writing.prompts import GUIDED
from attngs.writing.statements import FaithfulnessFloor

ChatFunction = Callable[[Sequence[Message]], str | ChatReply | Awaitable[str | ChatReply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """A request that can be worked on."""

    documents: tuple[Document, ...]
    question: Question
    target_tokens: int
    namespace: str
    text_tokens: int
    """Of the texts alone."""
    original_tokens: int
    """Of the texts with what stands round them, such as labels."""
    marking: Marking | None
    """Of these documents for this question, where the caller has one."""


class _Clock:
    """Milliseconds by stage."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """All time since the last lap was spent on this stage."""
        now = time.perf_counter()
        self.milliseconds[stage] = 1e3 * (now - self._last)
        self._last = now


class ContextCompressor(Shared):
    """Makes documents short for a question. A copy of a compressor is the compressor itself.

    Args:
        marker: Scores and marks the sentences.
        chat: The model that rewrites: one of `attngs.writing.chat`, anything with `complete(messages)` or
            `acomplete(messages)`, or a function from messages to text. `None` keeps sentences verbatim.
        selector: Chooses sentences under the budget.
        counter: Whose tokens count: the name of a tiktoken model, `marker`, or a function from text to a number. `None` means `marker`.
        template: What `chat` is sent; attngs' own template when not given.
        floor: What happens to rewritten sentences that the documents do not support.
        on_chat_error: When `chat` fails: return the verbatim `extract`, or `raise` the `ChatError`.

    Raises:
        ConfigError: An argument has the wrong type or value, or no counter is given and the marker has none.
    """

    def __init__(
        self,
        marker: Marker,
        chat: ChatModel | AsyncChatModel | ChatFunction | None = None,
        *,
        selector: Selector | None = None,
        counter: CounterLike | None = None,
        template: PromptTemplate | None = None,
        floor: FaithfulnessFloor | None = None,
        on_chat_error: Literal["extract", "raise"] = "extract",
    ) -> None:
        if not isinstance(marker, Marker):
            raise ConfigError(
                f"`marker` must be a `Marker`, got {marker!r}. Make one: `Marker.default()`, or `Marker.from_pretrained(name)`."
            )
        if template is not None and (isinstance(template, type) or not isinstance(template, PromptTemplate)):
            raise ConfigError(f"`template` must be a `GuidedPrompt`, or have all that `PromptTemplate` asks for, got {template!r}.")
        if on_chat_error not in ("extract", "raise"):
            raise ConfigError(f"`on_chat_error` must be 'extract' or 'raise', got {on_chat_error!r}.")
        self._marker = marker
        self._chat: Writer | None = None if chat is None else as_chat(chat)
        self._selector = selector or GreedySelector()
        self._counter = as_counter(counter, marker.counter)
        self._writing = Writing(
            template=template or GUIDED,
            counter=self._counter,
            floor=floor or FaithfulnessFloor(),
            window=self._chat.context_window if isinstance(self._chat, Windowed) else None,
            raises=on_chat_error == "raise",
        )

    @property
    def marker(self) -> Marker:
        """Scores and marks the sentences."""
        return self._marker

    @property
    def counter(self) -> TokenCounter:
        """Whose tokens count."""
        return self._counter

    @property
    def selector(self) -> Selector:
        """Chooses sentences under the budget."""
        return self._selector

    def with_selector(self, selector: Selector) -> ContextCompressor:
        """A compressor that differs in its selector alone."""
        return ContextCompressor(
            self._marker,
            self._chat,
            selector=selector,
            counter=self._counter,
            template=self._writing.template,
            floor=self._writing.floor,
            on_chat_error="raise" if self._writing.raises else "extract",
        )

    def compress(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str | Question,
        *,
        target_tokens: int,
        namespace: str = "",
        marking: Marking | None = None,
    ) -> CompressedContext:
        """Keep what matters to the question in at most `target_tokens` tokens.

        Args:
            documents: Texts or `Document`s, in reading order.
            query: The question that the context is for; of a chat, `as_question(messages)`.
            target_tokens: Hard limit on the result, in tokens of `counter`.
            namespace: Whose texts these are. What the marker caches of them is used only under the same namespace.
            marking: A marking of these documents for this question, from a `plan` or an earlier result; the marker does not run again.

        Raises:
            InputError: The documents or the question cannot be used, or the marking is not theirs.
            ConfigError: The budget is not a whole number of at least 1, or `chat` can only be awaited.
            ModelError: The marker's model failed.
            ChatError: `chat` failed, and `on_chat_error` is `raise`.
        """
        with operation("compress_context") as watched:
            clock = _Clock()
            request = self._check(documents, query, target_tokens, namespace, marking)
            draft = self._everything(request, clock)
            if draft is None:
                marked = request.marking or self._marker.mark(request.documents, request.question, namespace=namespace)
                draft = self._choose(request, marked, clock)
            rewrite = talk(dialogue, partial(ask, self._writer(namespace))) if (dialogue := self._dialogue(draft)) else None
            return _noted(watched, finish(draft, rewrite, counter=self._counter), namespace)

    async def acompress(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str | Question,
        *,
        target_tokens: int,
        namespace: str = "",
        marking: Marking | None = None,
    ) -> CompressedContext:
        """`compress`, awaited. Calls that come together are marked in one batch."""
        with operation("compress_context") as watched:
            clock = _Clock()
            request = await asyncio.to_thread(self._check, documents, query, target_tokens, namespace, marking)
            draft = await asyncio.to_thread(self._everything, request, clock)
            if draft is None:
                marked = request.marking or await self._marker.amark(request.documents, request.question, namespace=namespace)
                draft = await asyncio.to_thread(self._choose, request, marked, clock)
            rewrite = await atalk(dialogue, partial(aask, self._writer(namespace))) if (dialogue := self._dialogue(draft)) else None
            return _noted(watched, finish(draft, rewrite, counter=self._counter), namespace)

    def compress_marked(self, marking: Marking, *, target_tokens: int, original_tokens: int, namespace: str = "") -> CompressedContext:
        """`compress` what is marked already and is not all there is.

        An example is what a search found among many documents.

        Args:
            marking: Of units of any documents.
            target_tokens: As for `compress`.
            original_tokens: Of all that there is; more than `target_tokens`.
            namespace: As for `compress`.

        Raises:
            ConfigError: The budget is not a whole number of at least 1, or `chat` can only be awaited.
            ModelError: The marker's model failed.
            ChatError: `chat` failed, and `on_chat_error` is `raise`.
        """
        clock = _Clock()
        request = _Request(
            documents=(),
            question=Question(text=marking.query, background=marking.background),
            target_tokens=check_whole("target_tokens", target_tokens),
            namespace=check_namespace(namespace),
            text_tokens=original_tokens,
            original_tokens=original_tokens,
            marking=marking,
        )
        draft = self._choose(request, marking, clock)
        rewrite = talk(dialogue, partial(ask, self._writer(namespace))) if (dialogue := self._dialogue(draft)) else None
        return finish(draft, rewrite, counter=self._counter)

    def plan(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str | Question,
        *,
        target_tokens: int,
        rates: Rates | None = None,
        namespace: str = "",
    ) -> Plan:
        """A dry run: what would be kept, what `chat` would be sent, and whether it pays. Asks nobody.

        Args:
            documents: As for `compress`.
            query: As for `compress`.
            target_tokens: As for `compress`.
            rates: What your models cost.
            namespace: As for `compress`.

        Raises:
            InputError: The documents or the question cannot be used.
            ConfigError: The budget is not a whole number of at least 1.
            ModelError: The marker's model failed.
        """
        clock = _Clock()
        request = self._check(documents, query, target_tokens, namespace, None)
        draft = self._everything(request, clock)
        if draft is None:
            draft = self._choose(request, self._marker.mark(request.documents, request.question, namespace=namespace), clock)
        conversations = next(dialogue, ()) if (dialogue := self._dialogue(draft)) else ()
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

    def _check(
        self,
        documents: DocumentLike | Iterable[DocumentLike],
        query: str | Question,
        target_tokens: int,
        namespace: str,
        marking: Marking | None,
    ) -> _Request:
        """Refuse what cannot be worked on, and count what came."""
        check_namespace(namespace)
        question, target_tokens, given = check_question(query), check_whole("target_tokens", target_tokens), as_documents(documents)
        shown = self._selector.whole(given) if isinstance(self._selector, Framing) else [(document.text, "") for document in given]
        text_tokens = sum(self._counter.count([text for text, _ in shown]))
        return _Request(
            documents=given,
            question=question,
            target_tokens=target_tokens,
            namespace=namespace,
            text_tokens=text_tokens,
            original_tokens=text_tokens + sum(self._counter.count([frame for _, frame in shown])),
            marking=None if marking is None else _check_marking(marking, given, question),
        )

    def _everything(self, request: _Request, clock: _Clock) -> Draft | None:
        """All sentences, if they fit the budget as they will be laid out.

        Then no model has to run, unless there is a floor.
        """
        clock.lap("count")
        if self._floor or request.text_tokens > request.target_tokens:
            return None
        sentences = self._marker.split(request.documents, namespace=request.namespace)
        size = len(sentences)
        marking = Marking(
            query=request.question.text,
            sentences=sentences,
            scores=(1.0,) * size,
            marked=(True,) * size,
            background=request.question.background,
        )
        draft = self._select(request, marking, clock)
        complete = all(not sentences[i].text.strip() for i in draft.selection.dropped)
        # joined, the texts may take a few tokens more than one by one
        return replace(draft, passthrough=True, original_tokens=max(request.original_tokens, draft.selection.tokens)) if complete else None

    def _choose(self, request: _Request, marking: Marking, clock: _Clock) -> Draft:
        """Select. Units that are too long for the budget give way to their parts."""
        draft = self._select(request, marking, clock)
        while draft.selection.too_long:
            refined = self._marker.refine(
                draft.marking,
                draft.selection.too_long,
                target_tokens=request.target_tokens,
                counter=self._counter,
                namespace=request.namespace,
            )
            if refined is draft.marking:
                break
            draft = self._select(request, refined, clock)
        return draft

    def _select(self, request: _Request, marking: Marking, clock: _Clock) -> Draft:
        clock.lap("mark")
        selection = _selected(self._selector, marking, request.target_tokens, self._counter)
        clock.lap("select")
        # without a floor, ours keeps all that fits, so here the whole has more tokens than fit, also where its parts have fewer one by one
        least = request.target_tokens + 1 if isinstance(self._selector, Framing) and not self._floor else selection.tokens
        return Draft(
            marking=marking,
            selection=selection,
            original_tokens=max(request.original_tokens, least),
            target_tokens=request.target_tokens,
            milliseconds=clock.milliseconds,
            passthrough=False,
        )

    @property
    def _floor(self) -> float | None:
        """The least probability of a sentence that is kept."""
        return self._selector.min_score if isinstance(self._selector, FlooredSelector) else None

    def _dialogue(self, draft: Draft) -> Dialogue[Rewrite] | None:
        """What to ask the writer; `None` without a writer, and where there is nothing to shorten."""
        if self._chat is None or draft.passthrough or not draft.selection.kept:
            return None
        kept = frozenset(draft.selection.kept)
        return self._writing.rewrite(draft.marking, kept, draft.target_tokens, partial(self._extract, draft.marking))

    def _extract(self, marking: Marking, target_tokens: int) -> tuple[int, ...]:
        """The sentences of an extract."""
        return _selected(self._selector, marking, target_tokens, self._counter).kept

    def _writer(self, namespace: str) -> Writer:
        """The writer for one user's requests."""
        assert self._chat is not None
        return self._chat.for_namespace(namespace) if isinstance(self._chat, Namespaced) else self._chat


def _noted(watched: Operation, result: CompressedContext, namespace: str) -> CompressedContext:
    """The result, of which operators see numbers."""
    watched.context_tokens(original=result.original_tokens, sent=result.compressed_tokens)
    watched.note({"attngs.method": result.method, "attngs.target_tokens": result.target_tokens, "attngs.silent": result.selection.silent})
    watched.note({"attngs.sentences.kept": len(result.kept), "attngs.sentences.dropped": len(result.dropped)})
    watched.content("attngs.namespace", lambda: namespace)
    watched.content("attngs.query.text", lambda: result.query)
    watched.content("attngs.context.text", lambda: result.text)
    return result


def _selected(selector: Selector, marking: Marking, target_tokens: int, counter: TokenCounter) -> Selection:
    """What the selector chooses.

    Raises:
        ConfigError: It is no choice among these sentences, or over the budget.
    """
    try:
        selection: object = selector.select(marking, target_tokens=target_tokens, counter=counter)
    except StopIteration as error:  # it would end a generator of the caller's, and no event loop can raise it
        raise ConfigError(f"`selector` ({type(selector).__name__}) raised StopIteration; it must return a `Selection`.") from error
    if not isinstance(selection, Selection) or not isinstance(selection.text, str):
        raise ConfigError(
            f"`selector` ({type(selector).__name__}) returned {type(selection).__name__}; it must return a `Selection` with text."
        )
    numbers = [*selection.kept, *selection.dropped]
    if len(numbers) != len(marking.sentences) or set(numbers) != set(range(len(numbers))):
        raise ConfigError(
            f"`selector` ({type(selector).__name__}) must put each of {len(marking.sentences)} sentences into `kept` or `dropped`."
        )
    if selection.tokens > target_tokens:
        raise ConfigError(f"`selector` ({type(selector).__name__}) chose {selection.tokens} tokens where {target_tokens} fit.")
    return selection


def _check_marking(marking: Marking, documents: Sequence[Document], question: Question) -> Marking:
    """The marking, if it is of these documents and for this question.

    Raises:
        InputError: It is not.
    """
    if not isinstance(marking, Marking) or not len(marking.sentences) == len(marking.scores) == len(marking.marked):
        raise InputError("`marking` must be a `Marking` with a score and a mark for each sentence; leave it out to have one made.")
    check_finite(marking.scores, len(marking.sentences))
    theirs = all(
        0 <= s.position < len(documents) and s.document == documents[s.position] and 0 <= s.start <= s.end <= len(s.document.text)
        for s in marking.sentences
    )
    asked = Question(text=marking.query, background=marking.background)
    if asked != question or not theirs or len({s.position for s in marking.sentences}) < sum(bool(d.text) for d in documents):
        raise InputError("`marking` belongs to other documents or another question; leave it out to have these marked.")
    return marking
