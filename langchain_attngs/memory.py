"""A user's memory in a store: where it is, what is read of it, and how changes are written."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Literal

from langgraph.config import get_config
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchItem

from attngs.checking.times import TIME_KEYS, UNKNOWN, given_time, read_moment
from attngs.errors import ConfigError, check_whole
from attngs.hosts.blocks import Blocks, QuotedItem, unchanged_blocks
from attngs.hosts.frames import MEMORIES, FrameLayout
from attngs.hosts.jobs import Call
from attngs.hosts.recalling import Found, Recall, Waiting
from attngs.hosts.remembering import VERSIONS, Edit, MemoryEditor, Origin
from attngs.reading.context_cache import digest
from attngs.types import Document, Question
from langchain_attngs.compressor import AttnGSCompressor

Namespace = tuple[str, ...]
ItemText = Callable[[Mapping[str, Any]], str]
"""From an item's value to its text."""
logger = logging.getLogger(__name__)

MAX_STORED = 1_000_000
"""Items that are read from a store at most: all of anybody's."""

_ESCAPED = re.compile("%(?=2[5E])")
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TEXT_KEYS = ("text", "content", "memory", "data", "fact", "page_content")


def memory_text(value: Mapping[str, Any]) -> str:
    """The text of an item in any usual shape: a plain one, LangMem's, mem0's or Zep's.

    It is the first of `text`, `content`, `memory`, `data`, `fact` and `page_content` that is a string. A `content` that has fields of its
    own is read in the same way. Anything else is shown as JSON.
    """
    found: object = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
    if isinstance(found, str):
        return found
    content = value.get("content")
    return memory_text(content) if isinstance(content, Mapping) else json.dumps(value, ensure_ascii=False, default=str)


def item_time(item: Item) -> datetime:
    """When it was, to sort items by. An item whose time cannot be read comes before all others."""
    moment = read_moment(_written_time(item))
    return moment.at if moment else UNKNOWN


def item_day(item: Item) -> str:
    """The day of an item, such as 14 Mar 2026; its time as it was written where that says no day."""
    written = _written_time(item)
    moment = read_moment(written)
    return moment.day if moment and moment.has_day else str(written)


def _written_time(item: Item) -> object:
    """The time in an item's metadata or beside its text, else of its last change in the store."""
    content, metadata = item.value.get("content"), item.value.get("metadata")
    places = (place for place in (metadata, item.value, content) if isinstance(place, Mapping))
    return next((found for place in places if (found := given_time(place)) is not None), item.updated_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreMemory:
    """Where a user's memory is, and how much of it the agent is shown.

    Args:
        namespace: The namespace of the user's items, such as `("memories", "{user_id}")`, or a function from the runtime to it. A label in
            braces is filled from the run's context or its `configurable`. A run without such a value is refused: it would share one
            memory with everybody.
        target_tokens: Budget of what a turn is shown; the compressor's when not given.
        place: Where it is shown. `last_turn`: in the user's message that it is for, where it stays, so that a provider's cache keeps
            working. `system`: at the end of the system prompt, anew in each turn, so that the provider bills the conversation in full.
        max_items: How many items are compressed at most; the newest, where there are more.
        ranked: Whether the store finds the items nearest to the question. For a store with an index and more than `max_items` items.
        text: From an item's value to its text. When not given, the shapes of LangMem, mem0 and Zep are known.
        label: From an item to what stands before its text; its day when not given.
        order: From an item to what items are sorted by, the newest last; its time when not given.

    Raises:
        ConfigError: The namespace is empty, a brace of it holds no name, the place is unknown, or a number is below 1.
    """

    layout: ClassVar[FrameLayout] = MEMORIES
    """How items are shown."""

    namespace: Namespace | Callable[[Runtime[Any]], Namespace]
    target_tokens: int | None = None
    place: Literal["last_turn", "system"] = "last_turn"
    max_items: int = 1_000
    ranked: bool = False
    text: ItemText = memory_text
    label: Callable[[SearchItem], str] = item_day
    order: Callable[[SearchItem], Any] = item_time

    def __post_init__(self) -> None:
        given: object = self.namespace
        if not callable(given) and not (isinstance(given, tuple) and given and all(isinstance(label, str) and label for label in given)):
            raise ConfigError(f"`namespace` must be a tuple of labels such as ('memories', '{{user_id}}'), or a function, got {given!r}.")
        if (
            isinstance(given, tuple)
            and (odd := next((label for label in given if set(_FIELD.sub("", label)) & set("{}")), None)) is not None
        ):
            raise ConfigError(f"`namespace` has {odd!r}, whose braces hold no name; write '{{user_id}}', with letters, digits and '_'.")
        if self.place not in ("last_turn", "system"):
            raise ConfigError(f"`place` must be 'last_turn' or 'system', got {self.place!r}.")
        check_whole("max_items", self.max_items)
        if self.target_tokens is not None:
            check_whole("target_tokens", self.target_tokens)

    def resolve(self, runtime: Runtime[Any]) -> Namespace:
        """The namespace of this run's user.

        Raises:
            ConfigError: The run does not say who its user is.
        """
        if callable(self.namespace):
            found: object = self.namespace(runtime)
            if not (isinstance(found, tuple) and found and all(isinstance(label, str) and label for label in found)):
                raise ConfigError(f"the `namespace` function must return a tuple of labels that are not empty, got {found!r}.")
            return found
        return tuple(filled(label, runtime) for label in self.namespace)

    def search_options(self, query: str | Question) -> dict[str, Any]:
        """What the store's `search` is given beside the namespace.

        Stores return items in an order of their own, so all are read to find the newest.
        """
        text = query if isinstance(query, str) else query.whole
        return {"query": text, "limit": self.max_items} if self.ranked else {"query": None, "limit": MAX_STORED}

    def read(self, items: Sequence[SearchItem], namespace: Namespace) -> list[Document]:
        """The items as documents, the newest last.

        Their metadata is the value's `metadata` and times, if any, and the key as `_key`. No model sees it.
        """
        return [self.document(item) for item in self.newest(items, namespace)]

    def newest(self, items: Sequence[SearchItem], namespace: Namespace) -> list[SearchItem]:
        """The items of this namespace, the newest last, at most `max_items`."""
        own = [item for item in items if is_below(item, namespace) and not is_version(item, namespace)]
        if len(own) > self.max_items:
            advice = "raise `max_items`, or set `ranked` for a store with an index"
            logger.warning("a memory has %d items, and only the newest %d are used; %s", len(own), self.max_items, advice)
        return sorted(own, key=lambda item: (self.order(item), item.key))[-self.max_items :]

    def recalled(self, namespace: Namespace, store: BaseStore | None, compressor: AttnGSCompressor) -> Recall:
        """How to ask the store what a namespace has.

        Raises:
            ConfigError: There is no store.
        """
        return StoreRecall(self, self.items(store, compressor), namespace)

    def items(self, store: BaseStore | None, compressor: AttnGSCompressor) -> BaseStore:
        """Where items are changed: the agent's store.

        Raises:
            ConfigError: There is none.
        """
        if store is None:
            raise ConfigError("the memory needs a store; make the agent with `create_agent(..., store=...)`.")
        return store

    def editor(self, items: Sequence[SearchItem], namespace: Namespace, origin: Origin) -> MemoryEditor:
        """Plans changes of the items of a namespace."""
        return editor(items, namespace, origin, text=self.text, order=self.order)

    def document(self, item: SearchItem) -> Document:
        """One item as a document."""
        metadata = item.value.get("metadata")
        times = {key: item.value[key] for key in TIME_KEYS if key in item.value}
        return Document(
            id=_check_str(self.label(item), "label", item),
            text=_check_str(self.text(item.value), "text", item),
            metadata={**times, **(metadata if isinstance(metadata, Mapping) else {}), "_key": item.key},
        )


@dataclass(frozen=True, slots=True)
class StoreRecall:
    """What a store has of one user."""

    memory: StoreMemory
    store: BaseStore
    namespace: Namespace

    def current(self, blocks: Blocks) -> Waiting[Blocks]:
        """The blocks whose items are all as they were."""
        gets = lookups(blocks)
        found: Any = (yield Call(partial(self.store.batch, gets), partial(self.store.abatch, gets))) if gets else []
        return unchanged_blocks(blocks, quoted(found, self.memory.text))

    def find(self, question: Question, target_tokens: int) -> Waiting[Found]:
        """All items, or those that the store finds for the question."""
        place, options = stored(self.namespace), self.memory.search_options(question)
        items: Any = yield Call(partial(self.store.search, place, **options), partial(self.store.asearch, place, **options))
        newest = self.memory.newest(items, self.namespace)
        return Found([self.memory.document(item) for item in newest], quoted(newest, self.memory.text))


def stored(namespace: Namespace) -> Namespace:
    """The namespace as a store can keep it.

    LangGraph refuses labels with a full stop, such as `ana@example.org`. It becomes `%2E`. What looks like that already is written
    differently, so that no two users share a namespace.
    """
    return tuple(_ESCAPED.sub("%25", label).replace(".", "%2E") for label in namespace)


def unstored(namespace: Namespace) -> Namespace:
    """The namespace that `stored` was given."""
    return tuple(label.replace("%2E", ".").replace("%25", "%") for label in namespace)


def joined(namespace: Namespace) -> str:
    """One name for a namespace, and another for every other: a label may hold the sign that joins them."""
    return "\x1f".join(label.replace("\\", "\\\\").replace("\x1f", "\\u") for label in namespace)


def is_below(item: Item, namespace: Namespace) -> bool:
    """Whether an item is in this namespace. To some stores `user-1` is the beginning of `user-10`."""
    return item.namespace[: len(namespace)] == stored(namespace)


def is_version(item: Item, namespace: Namespace) -> bool:
    """Whether an item below this namespace is what another one was before a change."""
    return VERSIONS in item.namespace[len(namespace) :]


def editor(
    items: Sequence[SearchItem],
    namespace: Namespace,
    origin: Origin,
    *,
    text: ItemText = memory_text,
    order: Callable[[SearchItem], Any] = item_time,
) -> MemoryEditor:
    """Plans changes of what a store has below a namespace."""
    own = [item for item in items if is_below(item, namespace)]
    shown = sorted((item for item in own if not is_version(item, namespace)), key=lambda item: (order(item), item.key))
    versions = [item for item in own if item.namespace[len(namespace) :] == (VERSIONS,)]
    values = {(*item.namespace[len(namespace) :], item.key): item.value for item in [*shown, *versions]}
    return MemoryEditor(values=values, text=text, origin=origin)


def writes(edit: Edit, namespace: Namespace) -> list[PutOp]:
    """What a store is told to write. Its index, if it has one, leaves versions out."""
    return [
        PutOp((*stored(namespace), *path[:-1]), path[-1], None if value is None else dict(value), False if path[0] == VERSIONS else None)
        for path, value in edit.writes.items()
    ]


def lookups(blocks: Blocks) -> list[GetOp]:
    """What to ask the store for: all items that the blocks quote."""
    found = {(tuple(item["namespace"]), item["key"]) for block in blocks.values() for item in block["items"]}
    return [GetOp(namespace, key) for namespace, key in sorted(found)]


def quoted(found: Iterable[object], text: ItemText) -> list[QuotedItem]:
    """The items among what a store has found, as they are now."""
    return [
        {
            "namespace": list(item.namespace),
            "key": item.key,
            "digest": digest("item", str(text(item.value)), item_day(item)).hex(),
        }
        for item in found
        if isinstance(item, Item)
    ]


def _check_str(value: object, name: str, item: SearchItem) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"`{name}` must return a str for each item, got {type(value).__name__} for the one with the key {item.key!r}.")
    return value


def filled(label: str, runtime: Runtime[Any]) -> str:
    """The label with this run's values in place of its braces.

    Raises:
        ConfigError: The run has no such value.
    """
    return _FIELD.sub(lambda field: _value(field[1], runtime), label)


def _value(name: str, runtime: Runtime[Any]) -> str:
    """A value from the run's context, else from its configurable fields."""
    context = runtime.context
    found = context.get(name) if isinstance(context, Mapping) else getattr(context, name, None)
    if found is None:
        found = get_config().get("configurable", {}).get(name)
    if found is None or not str(found).strip():
        raise ConfigError(
            f"the memory's namespace has {{{name}}}, and this run has no such value; pass `context=` with it, or "
            f"config={{'configurable': {{{name!r}: ...}}}}."
        )
    return str(found)
