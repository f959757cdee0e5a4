"""Messages in, messages out: with what matters of a memory, and short where they were long.

A provider bills less for the beginning of a request that it has seen before. So what was placed in a message stays there, in later turns
too, as the rules of `blocks` and `shortening` have it. What was shown is kept under a digest of what the user has said so far: a
conversation is known again by its own words, whoever keeps it, and an app passes the messages as it has them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol, TypedDict, TypeVar

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError, check_kind, check_whole
from attngs.hosts.blocks import Blocks, MemoryBlock, alone, asked_by, block_of, own_blocks, used_positions
from attngs.hosts.budget import ContextBudget, ContextPart, Rations
from attngs.hosts.conversation import Said, before_words, keyed, last_question, question_in
from attngs.hosts.frames import DATED, framed_memory
from attngs.hosts.jobs import Call, Job, arun_jobs, run_jobs
from attngs.hosts.openai_messages import OpenAIMessages
from attngs.hosts.recalling import Askable, Recall, Retriever, Texts, Waiting, not_contradicted, recall_of
from attngs.hosts.shortening import History, Shortening, ToolResults, View
from attngs.protocols import ResultCache
from attngs.reading.context_cache import digest
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector, memory_floor
from attngs.text.documents import check_namespace
from attngs.types import Document, Question
from attngs.writing.asking import atalk, talk
from attngs.writing.chat.replies import MemoryResults

WORKERS = 4
"""Texts that are shortened at the same time."""

MessageT = TypeVar("MessageT")


class MessageShape(Protocol[MessageT]):
    """How a framework's messages are read and shown."""

    def read(self, messages: Sequence[MessageT]) -> list[Said]: ...
    def show(self, messages: Sequence[MessageT], view: View) -> list[MessageT]: ...


class _Shown(TypedDict):
    """What a conversation has been shown so far."""

    blocks: Blocks
    texts: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortMessages(Generic[MessageT]):
    """A conversation as a model is to be shown it."""

    messages: list[MessageT]
    """The messages that nothing changes are the given objects; the others are copies."""
    memory: CompressedContext | None
    """What was made of the memory for this turn's question; `None` where nothing is remembered, and where it stands already."""
    shortened: tuple[CompressedContext, ...]
    """What was made of old turns and of results of tools now; earlier ones stay as they are."""
    original_tokens: int
    """Of the given messages, each counted by itself."""
    tokens: int
    """Of `messages`."""


class MessageShortener(Generic[MessageT]):
    """Adds the memory that matters to a conversation, and shortens long results of tools and old turns.

    ```python
    shortener = MessageShortener(ContextCompressor(Marker.default()), target_tokens=512)
    short = shortener.shorten(messages, memory=facts, namespace="ana")
    reply = client.chat.completions.create(model="gpt-5-mini", messages=short.messages)
    ```

    Pass the whole conversation each time, without what is in `short.messages`. One object serves all conversations of all users. Memory
    stands before the user's words, in the message of the turn that it was made for. Roles keep alternating, and calls of tools stay with
    their results.

    Args:
        compressor: How texts are shortened; with a `chat`, they are rewritten. Its selector must be a `GreedySelector`, whose layout is not
            used. Without a `min_score` of its own, the memory still has a floor: what has nothing to do with the question is not shown.
        target_tokens: Budget of a turn's memory, of old turns, and of each result that has none of its own.
        tool_results: Which results of tools are shortened; `None` leaves them alone.
        history: When a conversation is shortened, and to how much; `None` leaves it alone.
        budget: How many tokens memory, old turns and results of tools have together, and how they share them.
        shown: Keeps what conversations were shown: `SqliteResults` for several processes, and for longer than one lives.
        messages: The shape of the messages: OpenAI's, unless a package for another framework says otherwise.

    Raises:
        ConfigError: An argument is of another kind.
    """

    def __init__(
        self,
        compressor: ContextCompressor,
        *,
        target_tokens: int,
        tool_results: ToolResults | None = ToolResults(),
        history: History | None = History(),
        budget: ContextBudget | None = None,
        shown: ResultCache | None = None,
        messages: MessageShape[MessageT] | None = None,
    ) -> None:
        check_kind(compressor, "compressor", ContextCompressor)
        for value, name, kind in (
            (tool_results, "tool_results", ToolResults),
            (history, "history", History),
            (budget, "budget", ContextBudget),
        ):
            if value is not None:
                check_kind(value, name, kind)
        if not isinstance(compressor.selector, GreedySelector):
            raise ConfigError(f"`compressor` has the selector {type(compressor.selector).__name__}; messages need a `GreedySelector`.")
        self._compressor, self._selector, self._counter = compressor, compressor.selector, compressor.counter
        self._target_tokens = check_whole("target_tokens", target_tokens)
        self._tool_results, self._history, self._budget = tool_results, history, budget
        self._shown: ResultCache = MemoryResults() if shown is None else shown
        self._shape: MessageShape[Any] = OpenAIMessages() if messages is None else messages

    def shorten(
        self, messages: Sequence[MessageT], *, memory: Texts | Retriever | Askable = (), namespace: str = ""
    ) -> ShortMessages[MessageT]:
        """The conversation as a model is to be shown it.

        Args:
            messages: The whole conversation; it is not changed.
            memory: All that is remembered of the user; or a `Memory`, or a function, that is asked with each question. Of a text that is
                there no more, or is changed, nothing is shown any more; a function is taken to have just not found it.
            namespace: Whose conversation it is. Nothing of it is used under another namespace.

        Raises:
            InputError: A message, a text or the namespace cannot be used.
            ConfigError: The function can only be awaited, or the budget leaves nothing for a part.
            ModelError: The marker's model failed.
            ChatError: The compressor's `chat` failed, and its `on_chat_error` is `raise`.
        """
        return talk(self._steps(messages, memory, check_namespace(namespace)), lambda call: call.run())

    async def ashorten(
        self, messages: Sequence[MessageT], *, memory: Texts | Retriever | Askable = (), namespace: str = ""
    ) -> ShortMessages[MessageT]:
        """`shorten`, awaited; `memory` may be a function that is."""
        return await atalk(self._steps(messages, memory, check_namespace(namespace)), lambda call: call.arun())

    def forget(self, namespace: str) -> None:
        """Forget what this user's conversations were shown, and what the marker has cached of them."""
        self._shown.clear(check_namespace(namespace))
        self._compressor.marker.forget(namespace)

    def _steps(self, messages: Sequence[MessageT], memory: Texts | Retriever | Askable, namespace: str) -> Waiting[ShortMessages[MessageT]]:
        conversation = keyed(self._shape.read(messages))
        keys, last = [message.key for message in conversation if message.role == "user"], last_question(conversation)
        shown = self._load(namespace, keys)
        recall = recall_of(memory, namespace)
        rations = self._rations(has_memory=recall is not None)
        blocks, recalled = yield from self._recalled(conversation, shown["blocks"], recall, namespace, rations)
        shortening = self._shortening(conversation, blocks, rations)
        groups = shortening.groups(shown["texts"])
        jobs = [
            self._job(group.documents, group.query, group.budget(self._counter), namespace, replace(self._selector, layout=group.layout))
            for group in groups
        ]
        results = (yield Call(partial(run_jobs, jobs, WORKERS), partial(arun_jobs, jobs, WORKERS))) if jobs else []
        new = {group.key: group.shown(result, self._counter) for group, result in zip(groups, results, strict=True)}
        texts = shortening.used({**shown["texts"], **new})
        if last and shortening.begin(texts) > shortening.begin(shown["texts"]):
            blocks = alone(blocks, last.key)
        if (now := _Shown(blocks=blocks, texts=texts)) != shown:
            self._save(namespace, keys, now)
        shortening = self._shortening(conversation, blocks, rations)
        return ShortMessages(
            messages=self._shape.show(messages, shortening.view(texts)),
            memory=recalled,
            shortened=tuple(results),
            original_tokens=self._shortening(conversation, {}, rations).weight({}),
            tokens=shortening.weight(texts),
        )

    def _recalled(
        self, conversation: Sequence[Said], known: Blocks, recall: Recall | None, namespace: str, rations: Rations
    ) -> Waiting[tuple[Blocks, CompressedContext | None]]:
        """The blocks of memory that are shown, and the compression that made the newest, if it is new."""
        asked = {message.key: message.text for message in conversation if message.role == "user"}
        blocks, last = own_blocks(known, asked, namespace), last_question(conversation)
        if recall is None:
            return {}, None
        blocks = yield from recall.current(blocks)
        if last is None or not last.text.strip():
            return blocks, None
        if conversation[-1] is last:  # its block may be of another chat with the same words, and more may be remembered by now
            blocks = {key: block for key, block in blocks.items() if key != last.key}
        if last.key in blocks:
            return blocks, None
        question, tokens = question_in(conversation), self._memory_tokens(rations)
        found = yield from recall.find(question, tokens)
        blocks = not_contradicted(blocks, found.items)
        if not any(document.text.strip() for document in found.documents):
            return {**blocks, last.key: _nothing(namespace, last.text)}, None
        floor = memory_floor(self._selector.min_score, self._compressor.marker)
        periods = self._budget.periods if self._budget else None
        selector = replace(self._selector, layout=DATED, min_score=floor, periods=periods)
        job = self._job(found.documents, question, tokens, namespace, selector)
        job = replace(job, marking=found.marking, original_tokens=found.tokens)
        result = yield Call(job.run, job.arun)
        blocks[last.key] = block_of(
            result,
            self._counter,
            asked=asked_by(namespace, last.text),
            earlier=[*blocks.values()],
            items=[found.items[position] for position in used_positions(result)],
            layout=DATED,
        )
        texts = [before_words(framed_memory(block["text"])) for block in blocks.values() if block["text"]]
        return blocks if rations.hold("memory", texts, self._counter) else alone(blocks, last.key), result

    def _job(
        self, documents: Sequence[Document], query: str | Question, target_tokens: int, namespace: str, selector: GreedySelector
    ) -> Job:
        return Job(
            compressor=self._compressor.with_selector(selector),
            documents=documents,
            query=query,
            target_tokens=target_tokens,
            namespace=namespace,
        )

    def _rations(self, *, has_memory: bool) -> Rations:
        parts: dict[ContextPart, object] = {"memory": has_memory or None, "history": self._history, "tool_results": self._tool_results}
        return Rations.of(self._budget, *(part for part, rule in parts.items() if rule is not None))

    def _memory_tokens(self, rations: Rations) -> int:
        """Half of what the memory has, because other turns are shown some too."""
        return rations.room("memory", None, self._target_tokens, before_words(framed_memory("x")), self._counter, texts=2)

    def _shortening(self, conversation: Sequence[Said], blocks: Blocks, rations: Rations) -> Shortening:
        return Shortening(
            messages=conversation,
            tool_results=self._tool_results,
            history=self._history,
            counter=self._counter,
            target_tokens=self._target_tokens,
            ask=lambda count: question_in(conversation[:count]),
            memories={key: framed_memory(block["text"]) for key, block in blocks.items() if block["text"]},
            rations=rations,
        )

    def _load(self, namespace: str, keys: Sequence[str]) -> _Shown:
        """What the conversation was shown up to the newest turn that is known."""
        found = next(filter(None, (self._shown.get(namespace, _name(key)) for key in reversed(keys))), None)
        shown: _Shown = json.loads(found) if found else {"blocks": {}, "texts": {}}
        return shown

    def _save(self, namespace: str, keys: Sequence[str], now: _Shown) -> None:
        """Keep it under the newest turn.

        The turn before stays known, so that the newest can be edited or asked again; older ones are not needed.
        """
        if keys:
            self._shown.put(namespace, _name(keys[-1]), json.dumps(now).encode())
        for key in keys[-3:-2]:
            self._shown.put(namespace, _name(key), b"")


def _name(key: str) -> bytes:
    return digest("conversation", key)


def _nothing(namespace: str, text: str) -> MemoryBlock:
    """The block of a turn of which nothing is remembered."""
    return {"asked": asked_by(namespace, text), "text": "", "whole": "", "sentences": [], "kept": [], "items": []}
