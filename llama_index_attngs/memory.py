"""`AttnGSMemoryBlock`: what left the chat history, made short for the current turn."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.memory import BaseMemoryBlock

from attngs.compressor import ContextCompressor
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.reading.context_cache import digest
from attngs.selection import ExtractLayout
from attngs.types import Marking
from llama_index_attngs.messages import as_turns, defuse, question, transcript
from llama_index_attngs.settings import CompressionSettings
from llama_index_attngs.turns import Turn, Turns, TurnsInFile, TurnsInMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A compressed memory."""

    text: str
    marking: Marking
    """Scores of all sentences, from which a still shorter text can be cut."""
    layout: ExtractLayout
    """How it is shown."""


class Recall:
    """The last answers by key, safe from many threads. A copy starts empty: it can be computed again."""

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Recalled] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Recall], tuple[int]]:
        return Recall, (self._size,)

    def get(self, key: tuple[object, ...]) -> Recalled | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[object, ...], value: Recalled) -> None:
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def of_text(self, text: str) -> Recalled | None:
        """The answer that had this text."""
        with self._lock:
            return next((value for value in reversed(self._kept.values()) if value.text == text), None)

    def clear(self, session: str) -> None:
        """Forget all keys that begin with the session."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == session]:
                del self._kept[key]


LATEST = "What was said last?"
"""Stands for the question where the user has not said anything yet; newest sentences are kept."""


class AttnGSMemoryBlock(CompressionSettings, BaseMemoryBlock[str]):
    """Long-term memory for `Memory.from_defaults(memory_blocks=[...])`.

    Turns that leave the short-term history are kept by session; when the memory is read, all of a session's turns are compressed together
    for what the user said last. The same question about the same turns is answered once: an agent asks three times in a turn. When the
    memory as a whole is over its limit, the most valuable sentences stay.

    Raises:
        AssetError: While in use: the file cannot be opened, or is something else.
        ModelNotFoundError: While in use: there is no model of the marker's name.
        ChatError: While in use: the LLM failed.
    """

    name: str = Field(default="LongTermMemory", description="The tag that the memory is shown in.")
    priority: int = Field(default=1, description="0: never cut for the sake of the whole memory's limit.")
    path: Path | None = Field(default=None, description="A SQLite file that survives the process, readable by its owner only.")

    _turns: Turns = PrivateAttr()
    _recall: Recall = PrivateAttr(default_factory=Recall)

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._turns = TurnsInFile(self.path) if self.path else TurnsInMemory()

    def forget(self, session_id: str = "") -> None:
        """Delete all that is kept of a session: its turns, its answers and what the marker has read."""
        self._turns.clear(session_id)
        self._recall.clear(session_id)
        self.found_marker().forget(session_id)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        # LlamaIndex writes the session into the messages, which other blocks share: it is read before anything is awaited
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
        recalled = self._recall.get(key)
        if recalled is None:
            recalled = await self._compress(turns, query, session)
            self._recall.put(key, recalled)
        return recalled.text

    async def _compress(self, turns: Sequence[Turn], query: str, session: str) -> Recalled:
        document, layout = transcript(turns)
        counter, selector = self.found_counter(), self.selector(layout)
        if query:
            compressor = self.compressor(self.chat(), selector)
        else:
            compressor = ContextCompressor(Marker(RecencyScorer()), selector=selector, counter=counter)
        result = await compressor.acompress(document, query or LATEST, target_tokens=self.target_tokens, namespace=session)
        text = result.text
        if result.method == "rewrite":
            text = defuse(text)
            if counter.count([text])[0] > self.target_tokens:
                text = result.selection.text
        return Recalled(text=text, marking=result.marking, layout=layout)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """Cut a memory that was just read by this many tokens or more: the most valuable sentences stay; `None` when none can."""
        return await asyncio.to_thread(self._truncate, content, tokens_to_truncate)

    def _truncate(self, content: object, tokens_to_truncate: int) -> str | None:
        if not isinstance(content, str) or not content:  # an empty memory comes as an empty list
            return None
        counter = self.found_counter()
        left = counter.count([content])[0] - tokens_to_truncate
        if left < 1:
            return None
        recalled = self._recall.of_text(content)
        layout = recalled.layout if recalled else ExtractLayout(label="")
        marking = recalled.marking if recalled else Marker(RecencyScorer()).mark([content], LATEST)
        return self.selector(layout).select(marking, target_tokens=left, counter=counter).text or None
