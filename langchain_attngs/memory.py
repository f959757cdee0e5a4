"""A user's long-term memory in a LangGraph store -> documents."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid4

from langgraph.config import get_config
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, Item, PutOp, SearchItem

from attngs.errors import ConfigError, InputError
from attngs.selection import check_target_tokens
from attngs.text.files import SUFFIXES, parse_file
from attngs.types import Document
from langchain_attngs.messages import guarded

Namespace = tuple[str, ...]
logger = logging.getLogger(__name__)

_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # in whatever locale
_TEXT_KEYS = ("text", "content", "memory", "data")


def memory_text(value: Mapping[str, Any]) -> str:
    """The text of an item: its `text`, `content`, `memory` or `data` where that is a string, else all of it as JSON."""
    found = next((value[key] for key in _TEXT_KEYS if isinstance(value.get(key), str)), None)
    return found if found is not None else json.dumps(value, ensure_ascii=False, default=str)


def dated(item: Item) -> str:
    """When it was: the `date` in an item's metadata, else the time of its last change."""
    metadata = item.value.get("metadata")
    said = metadata.get("date") if isinstance(metadata, Mapping) else None
    return said if isinstance(said, str) and said else item.updated_at.isoformat()


def day(item: Item) -> str:
    """The day of `dated`, such as 14 Mar 2026: a label stands before every item, and this one takes fewer tokens than 2026-03-14."""
    said = dated(item).partition("T")[0]
    try:
        found = date.fromisoformat(said)
    except ValueError:
        return said
    return f"{found.day} {_MONTHS[found.month - 1]} {found.year}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreMemory:
    """Where a user's memory is, and how much of it the agent is shown.

    Args:
        namespace: Of the user's items, such as `("memories", "{user_id}")`. A label in braces is filled from the run's context or its
            `configurable`; a run that has no such value is refused, so that nobody is shown what belongs to nobody in particular. Or a
            function of the runtime.
        target_tokens: Budget of what is shown; the compressor's when not given.
        most: Items that are read at most.
        ranked: Whether the store is to find those that are nearest to the question, for a store with an index and more items than `most`.
        text: From an item's value to its text.
        label: From an item to what stands before its text, such as a date. When not given: the `date` in its metadata, else the day of its
            last change.
        order: From an item to what they are sorted by, the newest last. When not given: the same date, else the time.
    """

    namespace: Namespace | Callable[[Runtime[Any]], Namespace]
    target_tokens: int | None = None
    most: int = 1_000
    ranked: bool = False
    text: Callable[[Mapping[str, Any]], str] = memory_text
    label: Callable[[SearchItem], str] = day
    order: Callable[[SearchItem], Any] = dated

    def __post_init__(self) -> None:
        given: object = self.namespace
        if not callable(given) and not (isinstance(given, tuple) and given and all(isinstance(label, str) and label for label in given)):
            raise ConfigError(f"`namespace` must be a tuple of labels such as ('memories', '{{user_id}}'), or a function, got {given!r}.")
        if (
            isinstance(given, tuple)
            and (odd := next((label for label in given if set(_FIELD.sub("", label)) & set("{}")), None)) is not None
        ):
            raise ConfigError(f"`namespace` has {odd!r}, whose braces hold no name; write '{{user_id}}', with letters, digits and '_'.")
        if not isinstance(self.most, int) or self.most < 1:
            raise ConfigError(f"`most` must be a whole number of at least 1, got {self.most!r}.")
        if self.target_tokens is not None:
            check_target_tokens(self.target_tokens)

    def resolve(self, runtime: Runtime[Any]) -> Namespace:
        """The namespace of this run's user.

        Raises:
            ConfigError: The run does not say whose it is.
        """
        if callable(self.namespace):
            found: object = self.namespace(runtime)
            if not (isinstance(found, tuple) and found and all(isinstance(label, str) and label for label in found)):
                raise ConfigError(f"the `namespace` function must return a tuple of labels that are not empty, got {found!r}.")
            return found
        return tuple(_filled(label, runtime) for label in self.namespace)

    def wanted(self, query: str) -> dict[str, Any]:
        """What the store is asked beside the namespace."""
        return {"query": query if self.ranked else None, "limit": self.most}

    def read(self, items: Sequence[SearchItem], namespace: Namespace) -> list[Document]:
        """The items as documents, in their order; with the value's `metadata`, if any, and the key as `_key`: no model sees them."""
        if len(items) >= self.most and not self.ranked:
            logger.warning(
                "a memory has %d items or more, and no more are read; raise `most`, or set `ranked` for a store with an index", self.most
            )
        own = [
            item for item in items if item.namespace[: len(namespace)] == namespace
        ]  # some stores take `user-1` as the start of `user-10`
        return [self._document(item) for item in sorted(own, key=lambda item: (self.order(item), item.key))]

    def _document(self, item: SearchItem) -> Document:
        metadata = item.value.get("metadata")
        return Document(
            id=_said(self.label(item), "label", item),
            text=guarded(_said(self.text(item.value), "text", item)),
            metadata={**(metadata if isinstance(metadata, Mapping) else {}), "_key": item.key},
        )


def store_of(runtime: Runtime[Any]) -> BaseStore:
    """The store.

    Raises:
        ConfigError: The agent was made without one.
    """
    if runtime.store is None:
        raise ConfigError("the memory needs a store; make the agent with `create_agent(..., store=...)`.")
    return runtime.store


def _said(found: object, name: str, item: SearchItem) -> str:
    if not isinstance(found, str):
        raise ConfigError(f"`{name}` must return a str for each item, got {type(found).__name__} for the one with the key {item.key!r}.")
    return found


def _filled(label: str, runtime: Runtime[Any]) -> str:
    return _FIELD.sub(lambda field: _value(field[1], runtime), label)


def _value(name: str, runtime: Runtime[Any]) -> str:
    """A value of the run's context, else of its configurable fields."""
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


MOST_BYTES = 2 * 2**20
"""Of a file that is imported."""


class UserMemory:
    """One user's memory in a LangGraph store, for the pages on which people see to it themselves.

    An item is `{"text": ..., "metadata": {...}}`; a `date` in its metadata, such as `2026-03-14`, says when it was. What no database
    keeps, half characters and NUL, becomes U+FFFD.

    ```python
    memory = UserMemory(store, ("memories", "ana"))
    memory.put("Ana has a cat named Milo.", metadata={"date": "2026-03-14"})
    ```

    Args:
        store: Where.
        namespace: Whose. Items below it belong to it too, so that `("users", "ana")` is all that is kept of her.

    Raises:
        ConfigError: The namespace is empty: it would be everybody's.
    """

    def __init__(self, store: BaseStore, namespace: Namespace) -> None:
        if not namespace:
            raise ConfigError("`namespace` must have a label at least, such as ('memories', 'ana').")
        self._store, self._namespace = store, namespace

    def items(self) -> list[SearchItem]:
        """All of them, by date, the newest last."""
        found = self._store.search(self._namespace, limit=1_000_000)
        own = [item for item in found if item.namespace[: len(self._namespace)] == self._namespace]  # whole labels: see `StoreMemory`
        return sorted(own, key=lambda item: (dated(item), item.key))

    def put(self, text: str, *, key: str | None = None, metadata: Mapping[str, Any] | None = None) -> str:
        """Add an item, or change the one of this key; returns its key.

        Raises:
            InputError: The text is empty.
        """
        if not _clean(text):
            raise InputError("`text` is empty: there is nothing to remember. Write a few words.")
        key = key or _next_key()
        self._store.put(self._namespace, key, {"text": _clean(text), "metadata": dict(metadata or {})})
        return key

    def delete(self, key: str) -> None:
        """Delete an item; that there is none is no error."""
        self._store.delete(self._namespace, key)

    def clear(self) -> None:
        """Delete all of them."""
        self._store.batch([PutOp(item.namespace, item.key, None) for item in self.items()])

    def load(self, data: bytes, name: str, *, metadata: Mapping[str, Any] | None = None) -> int:
        """Import a file that somebody sent: all of it, or nothing.

        A line of a `.jsonl` file is a text, or an object with `text`, `id` and `metadata`; an id stays where it is free. The paragraphs of
        a `.txt` or `.md` file become items of their own. A text that is there already is not added again.

        Args:
            data: Its content.
            name: Its name, whose suffix says what it is.
            metadata: For items that do not have it, such as a date.

        Returns:
            How many are new.

        Raises:
            InputError: It is too large, of another type, not what its suffix says, or empty; the message names the line.
        """
        if not name.lower().endswith(SUFFIXES):
            raise InputError(f"{name!r} must end in {', '.join(SUFFIXES)}; save it as one of these.")
        if len(data) > MOST_BYTES:
            raise InputError(f"{name!r} has {len(data):,} bytes, and at most {MOST_BYTES:,} are read; split it.")
        lines = name.lower().endswith(".jsonl")
        documents = [(part, found) for found in parse_file(data, name) for part in ([found.text] if lines else found.text.split("\n\n"))]
        texts = {text: found for part, found in documents if (text := _clean(part))}
        if not texts:
            raise InputError(f"{name!r} holds no text.")
        items = self.items()
        known, keys = {item.value.get("text") for item in items}, {item.key for item in items}
        new = {text: found for text, found in texts.items() if text not in known}
        puts = list[PutOp]()
        for text, found in new.items():
            named = lines and found.id == _clean(found.id) != "" and not found.id.startswith(f"{name}:")
            key = found.id if named and found.id not in keys else _next_key(len(puts))
            keys.add(key)
            own = {_clean(str(of)): _clean(str(value)) for of, value in found.metadata.items() if value is not None}
            puts.append(PutOp(self._namespace, key, {"text": text, "metadata": {**(metadata or {}), **own}}))
        self._store.batch(puts)
        return len(new)

    def export(self) -> str:
        """All of them as JSON lines, which `load` reads."""
        return "".join(json.dumps({"id": item.key, **item.value}, ensure_ascii=False) + "\n" for item in self.items())


def _next_key(number: int = 0) -> str:
    """A new key, that sorts after those of before: items of one day stay in the order in which they came."""
    return f"{time.time_ns():019d}-{number:06d}-{uuid4().hex[:8]}"


def _clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd").strip()
