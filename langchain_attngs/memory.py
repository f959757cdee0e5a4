"""A user's memory in a store: `StoreMemory` reads it for agents, people edit it with `UserMemory`."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import uuid4

from langgraph.config import get_config
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, Item, PutOp, SearchItem

from attngs.checking.times import TIME_KEYS, UNKNOWN, given_time, read_moment
from attngs.errors import ConfigError, InputError, check_whole
from attngs.text.documents import clean_text
from attngs.text.files import parse_file
from attngs.types import Document

Namespace = tuple[str, ...]
logger = logging.getLogger(__name__)

MAX_BYTES = 2 * 2**20
"""The largest file that is imported."""
MAX_STORED = 1_000_000
"""Items that are read from a store at most: all of anybody's."""

_SUFFIXES = (".txt", ".md", ".jsonl", ".json")
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
    """The time in an item's metadata, or beside its text. An item without any has the time of its last change in the store."""
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

    namespace: Namespace | Callable[[Runtime[Any]], Namespace]
    target_tokens: int | None = None
    place: Literal["last_turn", "system"] = "last_turn"
    max_items: int = 1_000
    ranked: bool = False
    text: Callable[[Mapping[str, Any]], str] = memory_text
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
        return tuple(_filled(label, runtime) for label in self.namespace)

    def search_options(self, query: str) -> dict[str, Any]:
        """What the store's `search` is given beside the namespace.

        Stores return items in an order of their own, so all are read to find the newest.
        """
        return {"query": query, "limit": self.max_items} if self.ranked else {"query": None, "limit": MAX_STORED}

    def read(self, items: Sequence[SearchItem], namespace: Namespace) -> list[Document]:
        """The items as documents, the newest last.

        Their metadata is the value's `metadata` and times, if any, and the key as `_key`. No model sees it.
        """
        own = [item for item in items if _is_below(item, namespace)]
        if len(own) > self.max_items:
            advice = "raise `max_items`, or set `ranked` for a store with an index"
            logger.warning("a memory has %d items, and only the newest %d are used; %s", len(own), self.max_items, advice)
        newest = sorted(own, key=lambda item: (self.order(item), item.key))[-self.max_items :]
        return [self._document(item) for item in newest]

    def _document(self, item: SearchItem) -> Document:
        metadata = item.value.get("metadata")
        times = {key: item.value[key] for key in TIME_KEYS if key in item.value}
        return Document(
            id=_check_str(self.label(item), "label", item),
            text=_check_str(self.text(item.value), "text", item),
            metadata={**times, **(metadata if isinstance(metadata, Mapping) else {}), "_key": item.key},
        )


def store_of(runtime: Runtime[Any]) -> BaseStore:
    """The agent's store.

    Raises:
        ConfigError: The agent was made without one.
    """
    if runtime.store is None:
        raise ConfigError("the memory needs a store; make the agent with `create_agent(..., store=...)`.")
    return runtime.store


def stored(namespace: Namespace) -> Namespace:
    """The namespace as a store can keep it: LangGraph refuses labels with a full stop, such as `ana@example.org`.

    It becomes `%2E`. What looks like that already is written differently, so that no two users share a namespace.
    """
    return tuple(_ESCAPED.sub("%25", label).replace(".", "%2E") for label in namespace)


def _is_below(item: Item, namespace: Namespace) -> bool:
    """Whether an item is in this namespace. To some stores `user-1` is the beginning of `user-10`."""
    return item.namespace[: len(namespace)] == stored(namespace)


def _check_str(value: object, name: str, item: SearchItem) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"`{name}` must return a str for each item, got {type(value).__name__} for the one with the key {item.key!r}.")
    return value


def _filled(label: str, runtime: Runtime[Any]) -> str:
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


class UserMemory:
    """One user's memory in a LangGraph store, for pages where people look after it themselves.

    An item is `{"text": ..., "metadata": {...}}`; a `date` in its metadata, such as `2026-03-14`, says when it was. Lone surrogates and
    NUL, which no database keeps, become U+FFFD. A full stop in the namespace, which LangGraph refuses, is kept as `%2E`.

    ```python
    memory = UserMemory(store, ("memories", "ana"))
    memory.put("Ana has a cat named Milo.", metadata={"date": "2026-03-14"})
    ```

    Args:
        store: Holds the items.
        namespace: The user's. Items below it belong to it too, so `("users", "ana")` is everything that is kept of Ana.

    Raises:
        ConfigError: The namespace is empty; it would be everybody's.
    """

    def __init__(self, store: BaseStore, namespace: Namespace) -> None:
        if not namespace:
            raise ConfigError("`namespace` must have a label at least, such as ('memories', 'ana').")
        self._store, self._namespace = store, namespace
        self._stored = stored(namespace)

    def items(self) -> list[SearchItem]:
        """All items by date, the newest last."""
        found = self._store.search(self._stored, limit=MAX_STORED)
        own = [item for item in found if _is_below(item, self._namespace)]
        return sorted(own, key=lambda item: (item_time(item), item.key))

    def put(self, text: str, *, key: str | None = None, metadata: Mapping[str, Any] | None = None) -> str:
        """Add an item, or change the one with this key; returns its key.

        Raises:
            InputError: The text is empty.
        """
        if not _clean(text):
            raise InputError("`text` is empty: there is nothing to remember. Write a few words.")
        key = key or _next_key()
        self._store.put(self._stored, key, {"text": _clean(text), "metadata": dict(metadata or {})})
        return key

    def delete(self, key: str) -> None:
        """Delete an item, if it is there."""
        self._store.delete(self._stored, key)

    def clear(self) -> None:
        """Delete all items."""
        self._store.batch([PutOp(item.namespace, item.key, None) for item in self.items()])

    def load(self, data: bytes, name: str, *, metadata: Mapping[str, Any] | None = None) -> int:
        """Import a file that somebody sent: all of it, or nothing.

        A `.jsonl` or `.json` file holds texts, objects with `text`, `id` and `metadata`, memories that mem0 or LangMem exported, or chats;
        each becomes an item. An id that is not taken stays. Each paragraph of a `.txt` or `.md` file becomes an item. A text that is there
        already is not added again.

        Args:
            data: The file's content.
            name: The file's name; its suffix says what it is.
            metadata: For items that lack it, such as a date.

        Returns:
            How many items are new.

        Raises:
            InputError: The file is too large, of another type, not what its suffix says, or empty; the message names the line.
        """
        texts, items = _texts_in(data, name), self.items()
        known, keys = {item.value.get("text") for item in items}, {item.key for item in items}
        new = {text: found for text, found in texts.items() if text not in known}
        puts = list[PutOp]()
        for text, found in new.items():
            key = found.id if _has_own_id(found, name) and found.id not in keys else _next_key(len(puts))
            keys.add(key)
            own = {_clean(str(field)): _clean(str(value)) for field, value in found.metadata.items() if value is not None}
            puts.append(PutOp(self._stored, key, {"text": text, "metadata": {**(metadata or {}), **own}}))
        self._store.batch(puts)
        return len(new)

    def export(self) -> str:
        """All items as JSON lines, which `load` reads."""
        return "".join(json.dumps({"id": item.key, **item.value}, ensure_ascii=False) + "\n" for item in self.items())


def _texts_in(data: bytes, name: str) -> dict[str, Document]:
    """The texts of a file, each with the document that it is from: a line of JSON, or the file."""
    if not name.lower().endswith(_SUFFIXES):
        raise InputError(f"{name!r} must end in {', '.join(_SUFFIXES)}; save it as one of these.")
    if len(data) > MAX_BYTES:
        raise InputError(f"{name!r} has {len(data):,} bytes, and at most {MAX_BYTES:,} are read; split it.")
    gap = None if _has_lines(name) else "\n\n"
    parts = [(part, found) for found in parse_file(data, name) for part in (found.text.split(gap) if gap else [found.text])]
    texts = {text: found for part, found in parts if (text := _clean(part))}
    if not texts:
        raise InputError(f"{name!r} holds no text.")
    return texts


def _has_lines(name: str) -> bool:
    return name.lower().endswith((".jsonl", ".json"))


def _has_own_id(document: Document, name: str) -> bool:
    """Whether a line of a file names an id that any store can keep. Others have one of the file's name."""
    return _has_lines(name) and document.id == _clean(document.id) != "" and not document.id.startswith(f"{name}:")


def _next_key(number: int = 0) -> str:
    """A new key, which sorts after all earlier ones, so that items of one day stay in order."""
    return f"{time.time_ns():019d}-{number:06d}-{uuid4().hex[:8]}"


def _clean(text: str) -> str:
    return clean_text(text).replace("\0", "\ufffd").strip()
