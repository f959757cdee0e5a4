"""`AttnGSMemoryBlock`: what left the chat history, made short for the current turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.memory import BaseMemoryBlock

from attngs.compressor import ContextCompressor
from attngs.hosts.settings import memory_floor
from attngs.hosts.shortened import beginning, best_dropped, room_beside_note, with_note
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.reading.forks import ForkSafeLock
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector
from attngs.types import Marking, Question
from llama_index_attngs.messages import PlainLayout, TurnLayout, as_documents, as_turns, defuse, question
from llama_index_attngs.settings import CompressionSettings
from llama_index_attngs.turns import Turn, Turns, TurnsInFile, TurnsInMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a memory gave for one question."""

    text: str
    marking: Marking
    """The scores of all sentences: a still shorter text can be cut by them."""
    selector: GreedySelector
    """What chose among them, and how they are shown."""
    original_tokens: int
    """Of all turns."""


class AnswerCache:
    """The last answers by key, safe from many threads. A copy starts empty: they can be computed again."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Answer] = OrderedDict()
        self._lock = ForkSafeLock()

    def __reduce__(self) -> tuple[type[AnswerCache], tuple[int]]:
        return AnswerCache, (self._size,)

    def get(self, key: tuple[object, ...]) -> Answer | None:
        with self._lock.held():
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[object, ...], value: Answer) -> None:
        with self._lock.held():
            self._kept[key] = value
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def with_text(self, text: str) -> Answer | None:
        """The latest answer with this text."""
        with self._lock.held():
            return next((value for value in reversed(self._kept.values()) if value.text == text), None)

    def clear(self, session: str) -> None:
        """Forget the answers of a session; it is the first part of a key."""
        with self._lock.held():
            for key in [key for key in self._kept if key[0] == session]:
                del self._kept[key]


LATEST = "What was said last?"
"""The question where the user has not asked anything yet; the newest sentences are kept then."""


class AttnGSMemoryBlock(CompressionSettings, BaseMemoryBlock[str]):
    """Long-term memory for `Memory.from_defaults(memory_blocks=[...])`.

    It keeps the turns that leave the short-term history, by session. When the memory is read, all turns of a session are compressed
    together for what the user said last; a follow-up such as "and his sister?" is read with what was said before it. The same question
    about the same turns is answered once, since an agent asks three times in a turn. When the memory as a whole is over its limit, the most
    valuable sentences stay.

    Tokens are LlamaIndex's own unless `counter` says otherwise. In mode `rewrite`, `chat` is an LLM of LlamaIndex's, `Settings.llm` if none
    is given; `llm` is taken for `chat`. Each turn is a document. Unless everything is shown, the first line says how much of it is.

    Raises:
        AssetError: While in use: the file cannot be opened, or is something else.
        ModelNotFoundError: While in use: there is no model of the marker's name.
        ChatError: While in use: the LLM failed, and `on_chat_error` is `raise`.
    """

    name: str = Field(default="LongTermMemory", description="The tag that the memory is shown in.")
    priority: int = Field(default=1, description="With 0, the block is never cut when the whole memory is over its limit.")
    path: Path | None = Field(default=None, description="A SQLite file for the turns; only its owner can read it. In memory if none.")

    _turns: Turns = PrivateAttr()
    _answers: AnswerCache = PrivateAttr(default_factory=AnswerCache)

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._turns = TurnsInFile(self.path) if self.path else TurnsInMemory()

    def forget(self, session_id: str = "") -> None:
        """Delete everything of a session: its turns, its answers, and what the marker has cached of them."""
        self._turns.clear(session_id)
        self._answers.clear(session_id)
        self.found_marker().forget(session_id)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        # LlamaIndex writes the session into messages that other blocks share, so it is read before anything is awaited
        by_session: dict[str, list[Turn]] = {}
        for message in messages:
            by_session.setdefault(str(message.additional_kwargs.get("session_id", "")), []).extend(as_turns([message]))
        for session, turns in by_session.items():
            await asyncio.to_thread(self._turns.append, session, turns)

    async def _aget(self, messages: list[ChatMessage] | None = None, session_id: str | None = None, **block_kwargs: Any) -> str:
        session, query = session_id or "", question(messages)
        turns = await asyncio.to_thread(self._turns.read, session)
        if not turns:
            return ""
        key = (session, digest(*(part for turn in turns for part in turn)), query, self.target_tokens, self.mode)
        answer = self._answers.get(key)
        if answer is None:
            answer = await self._answer(turns, query, session)
            self._answers.put(key, answer)
        return answer.text

    async def _answer(self, turns: Sequence[Turn], query: Question, session: str) -> Answer:
        documents, counter = as_documents(turns), self.found_counter()
        if query.text:
            selector = self.selector(TurnLayout(), memory_floor(self.min_score, self.found_marker()))
            compressor = self.compressor(self.writer(), selector)
        else:
            selector = self.selector(TurnLayout(), None)
            compressor = ContextCompressor(Marker(RecencyScorer()), selector=selector, counter=counter)
        room = room_beside_note(self.target_tokens, counter)
        result = await compressor.acompress(documents, query if query.text else LATEST, target_tokens=room, namespace=session)
        text = _shown(result, counter)
        if any(source.text.strip() for source in result.dropped):
            text = with_note(text, original_tokens=result.original_tokens, target_tokens=self.target_tokens, counter=counter)
        return Answer(text=text, marking=result.marking, selector=selector, original_tokens=result.original_tokens)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Cut a memory that was just read by this many tokens or more.

        The most valuable sentences stay; `None` when none fits.
        """
        return await asyncio.to_thread(self._truncate, content, tokens_to_truncate)

    def _truncate(self, content: object, tokens_to_truncate: int) -> str | None:
        if not isinstance(content, str) or not content:  # an empty memory comes as an empty list
            return None
        counter = self.found_counter()
        [tokens] = counter.count([content])
        left = tokens - tokens_to_truncate
        if left < 1:
            return None
        answer = self._answers.with_text(content)
        selector = answer.selector if answer else self.selector(PlainLayout(), None)
        marking = answer.marking if answer else Marker(RecencyScorer()).mark([content], LATEST)
        text = selector.select(marking, target_tokens=room_beside_note(left, counter), counter=counter).text
        original_tokens = answer.original_tokens if answer else tokens
        return with_note(text, original_tokens=original_tokens, target_tokens=left, counter=counter) or None


def _shown(result: CompressedContext, counter: TokenCounter) -> str:
    """The text of a result, a writer's words defused.

    Where no sentence fits, it is the beginning of the best one.
    """
    if result.method == "rewrite":
        text = defuse(result.text)
        return text if counter.count([text])[0] <= result.target_tokens else result.selection.text
    best = best_dropped(result)
    if result.text or result.selection.silent or best is None:
        return result.text
    label = TurnLayout().label.format(id=best.document_id)
    said = beginning(defuse(best.text).lstrip(), result.target_tokens, counter, before=label)
    return label + said if said else ""
