"""`AttnGSMemoryBlock`: old turns and noted facts, made short for the current turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, ClassVar, Generic, TypeVar

from llama_index.core.base.llms.base import BaseLLM
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.bridge.pydantic import Field, PrivateAttr
from llama_index.core.memory import BaseMemoryBlock, InsertMethod, Memory

from attngs.compressor import ContextCompressor
from attngs.errors import ConfigError
from attngs.hosts.budget import ContextPart
from attngs.hosts.gate import TIMEOUT, GateDecision, OnGateError, SafetyGate
from attngs.hosts.items import text_of
from attngs.hosts.remembering import VERSIONS, Edit, MemoryEditor, Origin, Path, Value
from attngs.hosts.shortened import best_beginning, defused_text, room_beside_note, with_note
from attngs.marking.marker import Marker
from attngs.marking.scorers.simple import RecencyScorer
from attngs.memory.opened import open_memories
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.reading.forks import ForkSafeLock
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector, memory_floor
from attngs.text.documents import check_namespace
from attngs.types import Document, Marking, Question
from llama_index_attngs.chat import LlamaIndexChat
from llama_index_attngs.items import FoundItems, Items, ItemsInFile, ItemsInMemory, new_items
from llama_index_attngs.messages import PlainLayout, TurnLayout, as_documents, as_text, as_turns, asked_last, defuse, question, request
from llama_index_attngs.settings import CompressionSettings, HostCounter, budget_ceilings


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a memory gave for one question."""

    text: str
    marking: Marking
    """The scores of all sentences: a still shorter text can be cut by them."""
    selector: GreedySelector
    """What chose among them, and how they are shown."""
    original_tokens: int
    """Of all items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What stands in the message of a turn.

    It stays as it is while the agent only adds facts, so that a provider's cache keeps working.
    """

    turn: bytes
    """A digest of all that was said up to the user's message."""
    items: bytes
    """A digest of the items that it is from, and of those that the agent has added since."""
    text: str


Held = TypeVar("Held")


class RecentValues(Generic[Held]):
    """The last values by key, safe from many threads. A key begins with its session.

    A copy starts empty: the values can be computed again.
    """

    def __init__(self, size: int = 64) -> None:
        self._size = size
        self._kept: OrderedDict[tuple[object, ...], Held] = OrderedDict()
        self._lock = ForkSafeLock()

    def __reduce__(self) -> tuple[type[RecentValues[Held]], tuple[int]]:
        return RecentValues, (self._size,)

    def get(self, key: tuple[object, ...]) -> Held | None:
        with self._lock.held():
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: tuple[object, ...], value: Held) -> None:
        with self._lock.held():
            self._kept[key] = value
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def latest(self, wanted: Callable[[object, Held], bool]) -> Held | None:
        """The latest value that is wanted, by its session and itself."""
        with self._lock.held():
            return next((value for key, value in reversed(self._kept.items()) if wanted(key[0], value)), None)

    def clear(self, session: str) -> None:
        """Forget the values of a session."""
        with self._lock.held():
            for key in [key for key in self._kept if key[0] == session]:
                del self._kept[key]


LATEST = "What was said last?"
"""The question where the user has not asked anything yet; the newest sentences are kept then."""


class AttnGSMemoryBlock(CompressionSettings, BaseMemoryBlock[str]):
    """Long-term memory: `block.as_memory(session_id=...)`, or a block of your own `Memory`.

    It keeps the turns that leave the short-term history, by session, and the facts that an agent stores with `memory_tools`. When the
    memory is read, all of a session is compressed together for what the user said last; a follow-up such as "and his sister?" is read with
    what was said before it. The same question about the same items is answered once, since an agent asks three times in a turn. When the
    memory as a whole is over its limit, the most valuable sentences stay.

    Under a `budget` the block has its share, with its tags, and what the history leaves of its own. With a `gate`, the user's message is
    judged before anything is shown, by the user's words alone; `gate_decision` says what came of it.

    Tokens are LlamaIndex's own unless `counter` says otherwise. In mode `rewrite`, `chat` is an LLM of LlamaIndex's, `Settings.llm` if none
    is given; `llm` is taken for `chat`. Each item is a document. Unless everything is shown, the first line says how much of it is.

    Raises:
        ConfigError: While in use: the budget leaves the block no tokens.
        AssetError: While in use: the file cannot be opened, or is something else.
        ModelNotFoundError: While in use: there is no model of the marker's name.
        ChatError: While in use: the LLM failed, and `on_chat_error` is `raise`.
    """

    part: ClassVar[ContextPart] = "memory"

    name: str = Field(default="LongTermMemory", description="The tag that the memory is shown in.")
    priority: int = Field(default=1, description="With 0, the block is never cut when the whole memory is over its limit.")
    path: FilePath | None = Field(
        default=None, description="A file of `attngs.Memory`, which only its owner can read. Forgotten with the process if none."
    )
    namespace: str | None = Field(
        default=None,
        description="Whose memory in the file it is, in all sessions; each session has its own, named after it, if none.",
    )
    gate: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Judges the user's message before the memory is read: an LLM, or anything that `SafetyGate` takes.",
    )
    on_gate_error: OnGateError = Field(
        default="withhold", description="`withhold` or `allow` the memory if the judge fails, is too slow, or says neither."
    )
    gate_timeout: float = Field(default=TIMEOUT, description="Seconds that the judge has.")

    _items: ItemsInMemory = PrivateAttr(default_factory=ItemsInMemory)
    _answers: RecentValues[Answer] = PrivateAttr(default_factory=RecentValues)
    _placed: RecentValues[Placed] = PrivateAttr(default_factory=RecentValues)
    _decisions: RecentValues[GateDecision] = PrivateAttr(default_factory=RecentValues)

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        self._safety_gate()  # raises
        if self.namespace is not None and (self.path is None or not check_namespace(self.namespace).strip()):
            raise ConfigError(f"`namespace` must name somebody whose memory is in the file at `path`, got {self.namespace!r}.")

    def as_memory(self, **settings: Any) -> Memory:
        """A `Memory` with this block, placed and limited so that a provider's cache keeps working.

        The block stands in the user's message, and the history is cut rarely and deep. Under a budget, `token_limit` and
        `chat_history_token_ratio` follow from it: the history has the shares of `history` and `tool_results`.

        Args:
            **settings: Those of `Memory.from_defaults`, such as `session_id` and `async_database_uri`. They replace the ones set here.

        Raises:
            ConfigError: The budget has no share for the history, or a limit is given beside a budget.
        """
        limits = self._limits()
        if twice := limits.keys() & settings.keys():
            raise ConfigError(f"`{min(twice)}` follows from the block's `budget`; leave it out, or make the block with `target_tokens`.")
        fields = Memory.model_fields
        limit, ratio = ((limits | settings).get(name, fields[name].default) for name in ("token_limit", "chat_history_token_ratio"))
        ours: dict[str, Any] = {
            "memory_blocks": [self],
            "insert_method": InsertMethod.USER,
            "token_flush_size": max(1, int(limit * ratio / 2)),
        }
        return Memory.from_defaults(**ours | limits | settings)

    def forget(self, session_id: str = "") -> None:
        """Delete everything of a session: its items, its answers, and what the marker has cached of them.

        With a `namespace`, that is everything of it, for all sessions share it.
        """
        self._kept().clear(session_id)
        for values in (self._answers, self._placed, self._decisions):
            values.clear(session_id)
        self.found_marker().forget(session_id)

    def gate_decision(self, session_id: str = "") -> GateDecision | None:
        """What the gate decided about the latest question of a session.

        `None` without a gate, or if nothing was asked yet.
        """
        return self._decisions.latest(lambda session, _: session == session_id)

    async def aedit(self, plan: Callable[[MemoryEditor], Edit], session_id: str = "") -> str:
        """Change the items of a session.

        Args:
            plan: From what there is to what is written.
            session_id: Whose memory it is.

        Returns:
            What the plan says of it.
        """
        return await asyncio.to_thread(self._edit, plan, session_id)

    async def arecall(self, query: str, session_id: str = "") -> str:
        """What bears on a question in the memory of a session; empty if nothing does."""
        state = await asyncio.to_thread(self._state, session_id)
        return await self._answer(state, Question(text=query), session_id, self.ceiling())

    async def _aput(self, messages: list[ChatMessage]) -> None:
        # LlamaIndex writes the session into messages that other blocks share, so it is read before anything is awaited
        by_session: dict[str, list[Value]] = {}
        for message in messages:
            by_session.setdefault(str(message.additional_kwargs.get("session_id", "")), []).extend(as_turns([message]))
        for session, turns in by_session.items():
            await asyncio.to_thread(self._write, session, new_items(turns))

    async def _aget(self, messages: list[ChatMessage] | None = None, session_id: str | None = None, **block_kwargs: Any) -> str:
        session, said = session_id or "", asked_last(messages)
        turn = digest(*(as_text(message) for message in said))
        decision = await self._decide(session, turn, said)
        if decision and decision.withheld:
            return ""
        state, placed = await asyncio.to_thread(self._state, session), self._placed.get((session,))
        if not placed or (placed.turn, placed.items) != (turn, state):
            text = await self._answer(state, question(said), session, self._room(said))
            placed = Placed(turn=turn, items=state, text=text)
        self._placed.clear(session)
        if said and messages and messages[-1].role == MessageRole.USER:  # else the turn is over
            self._placed.put((session,), placed)
        return placed.text

    async def _decide(self, session: str, turn: bytes, said: Sequence[ChatMessage]) -> GateDecision | None:
        """The gate's decision about the last of these messages; each turn is judged once."""
        gate = self._safety_gate()
        if gate is None:
            return None
        decision = self._decisions.get((session, turn)) or await gate.adecide(request(said))
        self._decisions.put((session, turn), decision)
        return decision

    async def _answer(self, state: bytes, query: Question, session: str, target_tokens: int) -> str:
        """What the items give for a question; empty if there are none."""
        key = (session, state, query, target_tokens, self.mode)
        answer = self._answers.get(key)
        if answer is None:
            found = await asyncio.to_thread(self._find, session, query, target_tokens)
            if not found.items:
                return ""
            answer = await self._compressed(found, query, session, target_tokens)
            self._answers.put(key, answer)
        return answer.text

    async def _compressed(self, found: FoundItems, query: Question, session: str, target_tokens: int) -> Answer:
        documents, counter = as_documents(found.items), self.found_counter()
        if query.text:
            selector = self.selector(TurnLayout(), memory_floor(self.min_score, self.found_marker()))
            selector = replace(selector, periods=self.budget.periods if self.budget else None)
            compressor = self.compressor(self.writer(), selector)
        else:
            selector = self.selector(TurnLayout(), None)
            compressor = ContextCompressor(Marker(RecencyScorer()), selector=selector, counter=counter)
        room = room_beside_note(target_tokens, counter)
        marking = found.marking and _named_anew(found.marking, documents)
        result = await compressor.acompress(
            documents, query if query.text else LATEST, target_tokens=room, namespace=session, marking=marking
        )
        text, original_tokens = _shown(result, counter), max(result.original_tokens, found.tokens)
        if any(source.text.strip() for source in result.dropped) or original_tokens > result.original_tokens:
            text = with_note(text, original_tokens=original_tokens, target_tokens=target_tokens, counter=counter)
        return Answer(text=text, marking=result.marking, selector=selector, original_tokens=original_tokens)

    def _kept(self) -> Items:
        """Where the items are. For a file, the marker is loaded."""
        if self.path is None:
            return self._items
        counter = HostCounter() if self.counter is None else self.counter
        return ItemsInFile(open_memories(self.path, self.found_marker(), counter), self.namespace)

    def _state(self, session: str) -> bytes:
        return self._kept().state(session)

    def _find(self, session: str, query: Question, target_tokens: int) -> FoundItems:
        return self._kept().find(session, query, target_tokens)

    def _write(self, session: str, writes: Mapping[Path, Value | None]) -> None:
        self._kept().write(session, writes)

    def _edit(self, plan: Callable[[MemoryEditor], Edit], session: str) -> str:
        kept = self._kept()
        before, items = kept.state(session), kept.read(session)
        edit = plan(MemoryEditor(values=items, text=text_of, origin=Origin(thread=session)))
        if edit.writes:
            kept.write(session, edit.writes)
        if any(path in items for path in edit.writes if path[0] != VERSIONS):
            self._answers.clear(session)  # they quote what is changed now, and forgetting is worth more than a cache
            self._placed.clear(session)
        elif (placed := self._placed.get((session,))) and placed.items == before:
            self._placed.put((session,), replace(placed, items=kept.state(session)))
        return edit.message

    def _safety_gate(self) -> SafetyGate | None:
        if self.gate is None:
            return None
        judge = LlamaIndexChat(self.gate) if isinstance(self.gate, BaseLLM) else self.gate
        return SafetyGate(judge, on_gate_error=self.on_gate_error, timeout=self.gate_timeout)

    def _limits(self) -> dict[str, Any]:
        """What the budget leaves a `Memory`: all that it places, and how much of that is history."""
        if self.budget is None:
            return {}
        ceilings = budget_ceilings(self.budget, self.part)
        history = sum(ceilings.get(part, 0) for part in ("history", "tool_results"))
        if not history:
            raise ConfigError("the budget leaves no tokens for `history`; give it a share or a minimum.")
        limit = history + ceilings["memory"] + ceilings.get("profile", 0)
        return {"token_limit": limit, "chat_history_token_ratio": history / limit}

    def _room(self, said: Sequence[ChatMessage]) -> int:
        """How many tokens may be shown in this turn: under a budget, also those that the history leaves.

        Raises:
            ConfigError: The tags alone take all of them.
        """
        if self.budget is None:
            return self.ceiling()
        counter, total = self.found_counter(), self.budget.target_tokens
        wanted = dict.fromkeys(budget_ceilings(self.budget, self.part), total)
        results = [as_text(message) for message in said if message.role == MessageRole.TOOL and "tool_results" in wanted]
        others = [as_text(message) for message in said if message.role != MessageRole.TOOL or "tool_results" not in wanted]
        for part, texts in (("history", others), ("tool_results", results)):
            if part in wanted:
                wanted[part] = min(total, sum(counter.count(texts)))
        around = counter.count([f"<memory>\n<{self.name}>\n</{self.name}>\n</memory>\n"])[0]
        room = self.budget.allocate(wanted)[self.part] - around
        if room < 1:
            raise ConfigError(f"the budget leaves `memory` {room + around} tokens, and its tags take {around}; raise its share.")
        return min(room, self.target_tokens or room)

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
        answer = self._answers.latest(lambda _, known: known.text == content)
        selector = answer.selector if answer else self.selector(PlainLayout(), None)
        marking = answer.marking if answer else Marker(RecencyScorer()).mark([content], LATEST)
        text = selector.select(marking, target_tokens=room_beside_note(left, counter), counter=counter).text
        original_tokens = answer.original_tokens if answer else tokens
        return with_note(text, original_tokens=original_tokens, target_tokens=left, counter=counter) or None


def _shown(result: CompressedContext, counter: TokenCounter) -> str:
    """The text of a result, a writer's words defused.

    Where no sentence fits, it is the beginning of the best one.
    """
    text = defused_text(result, counter, defuse)
    shown = text or result.method == "rewrite" or result.selection.silent
    return text if shown else best_beginning(result, counter, defuse, TurnLayout().label)


def _named_anew(marking: Marking, documents: Sequence[Document]) -> Marking:
    """The marking of the same texts under other names."""
    sentences = tuple(replace(sentence, document=documents[sentence.position]) for sentence in marking.sentences)
    return replace(marking, sentences=sentences)
