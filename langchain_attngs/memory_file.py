"""A user's memory in a file of `attngs.Memory`: what is shown of it, and the file as a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, Op, PutOp, Result, SearchItem, SearchOp

from attngs.checking.times import UNKNOWN
from attngs.errors import ConfigError, InputError
from attngs.hosts.frames import DATED, FrameLayout
from attngs.hosts.items import MemoryItems
from attngs.hosts.recalling import Recall, recall_of
from attngs.hosts.remembering import VERSIONS, MemoryEditor, Origin
from attngs.memory.opened import OpenMemories, open_memories
from langchain_attngs.compressor import AttnGSCompressor
from langchain_attngs.memory import Namespace, StoreMemory, editor, filled, joined, stored, unstored


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFile:
    """A file of `attngs.Memory`, and how much of a user's memory in it the agent is shown.

    However large it is, a question costs milliseconds. The agent needs no store.

    Args:
        path: The file; made when something is first remembered.
        namespace: Whose memory: the namespace that `Memory.open` is given for this user, or a function from the runtime to it. A name in
            braces is filled from the run's context or its `configurable`. A run without such a value is refused: it would share one memory
            with everybody.
        target_tokens: As `StoreMemory`'s.
        place: As `StoreMemory`'s.

    Raises:
        ConfigError: The namespace is empty, a brace of it holds no name, the place is unknown, or a number is below 1.
    """

    layout: ClassVar[FrameLayout] = DATED
    """How documents are shown."""
    max_items: ClassVar[int] = 100_000
    """How many items an agent may store: it is compared with all of them."""

    path: str | Path
    namespace: str | Callable[[Runtime[Any]], str] = "{user_id}"
    target_tokens: int | None = None
    place: Literal["last_turn", "system"] = "last_turn"

    def __post_init__(self) -> None:
        label = "user" if callable(self.namespace) else self.namespace
        StoreMemory(namespace=(label,), target_tokens=self.target_tokens, place=self.place)  # raises for the same reasons

    def resolve(self, runtime: Runtime[Any]) -> Namespace:
        """The namespace of this run's user.

        Raises:
            ConfigError: The run does not say who its user is.
        """
        if not callable(self.namespace):
            return (filled(self.namespace, runtime),)
        found: object = self.namespace(runtime)
        if not isinstance(found, str) or not found.strip():
            raise ConfigError(f"the `namespace` function must return the name of a user, got {found!r}.")
        return (found,)

    def memories(self, compressor: AttnGSCompressor) -> OpenMemories:
        """Everybody's memories, read by the compressor's marker."""
        return open_memories(Path(self.path), compressor.found_marker(), compressor.counter)

    def recalled(self, namespace: Namespace, store: BaseStore | None, compressor: AttnGSCompressor) -> Recall:
        """How to ask the file what a namespace has.

        Raises:
            ConfigError: The namespace has several labels.
        """
        recall = recall_of(self.memories(compressor).later(_whose(namespace)), joined(namespace))
        assert recall is not None
        return recall

    def items(self, store: BaseStore | None, compressor: AttnGSCompressor) -> FileStore:
        """Where items are changed: the file, whatever store the agent has."""
        return FileStore(self.memories(compressor))

    def editor(self, items: Sequence[SearchItem], namespace: Namespace, origin: Origin) -> MemoryEditor:
        """Plans changes of the items of a namespace."""
        return editor(items, namespace, origin)


class FileStore(BaseStore):
    """The items of a memory file as a LangGraph store, for `UserMemory` and the memory tools.

    A namespace is a user's name, and below it only what items were before their last changes. An item is a `text` with `metadata`; it
    has no other times than those in its metadata. Questions are none of a store's business here: they are `Memory`'s.

    Args:
        memories: Those of the file.
    """

    def __init__(self, memories: OpenMemories) -> None:
        self._memories = memories

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Search namespaces, and write items; what is written to one namespace is written together.

        Raises:
            InputError: An item is no text with metadata, or a namespace is not a user's.
            NotImplementedError: It is another operation.
        """
        asked = list(ops)
        writes: dict[str, dict[tuple[str, ...], Mapping[str, Any] | None]] = {}
        for op in asked:
            if isinstance(op, PutOp):
                whose, *below = unstored(op.namespace)
                writes.setdefault(whose, {})[(*below, op.key)] = None if op.value is None else _checked(op)
        for whose, values in writes.items():
            with self._memories.of(whose) as memory:
                MemoryItems(memory).write(values)
        return [self._found(op) for op in asked]

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch`, in a thread."""
        return await asyncio.to_thread(self.batch, ops)

    def _found(self, op: Op) -> list[SearchItem] | None:
        if isinstance(op, PutOp):
            return None
        if not isinstance(op, SearchOp) or op.query or op.filter:
            raise NotImplementedError(f"a memory file is no place for {type(op).__name__}; ask `attngs.Memory` itself.")
        whose = _whose(unstored(op.namespace_prefix))
        with self._memories.of(whose) as memory:
            values = MemoryItems(memory).read()
        place = stored((whose,))
        found = [SearchItem((*place, *path[:-1]), path[-1], dict(value), UNKNOWN, UNKNOWN) for path, value in values.items()]
        return found[op.offset : op.offset + op.limit]


def _whose(namespace: Namespace) -> str:
    """The name of the user.

    Raises:
        ConfigError: The namespace has several labels.
    """
    if len(namespace) != 1:
        raise ConfigError(f"`namespace` must have one label, as a memory in a file has, got {namespace!r}.")
    return namespace[0]


def _checked(op: PutOp) -> Mapping[str, Any]:
    """The value that is written.

    Raises:
        InputError: It cannot be kept in a memory file.
    """
    value: Mapping[str, Any] = op.value or {}
    below = unstored(op.namespace)[1:]
    if below == (VERSIONS,) or (not below and isinstance(value.get("text"), str) and value.keys() <= {"text", "metadata"}):
        return value
    raise InputError(f"the item {op.key!r} of {op.namespace!r} cannot be kept in a memory file; it must be a `text` with `metadata`.")
