"""`UserMemory`: what `StoreMemory` reads, written, imported, exported and deleted."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from langgraph.store.base import BaseStore, PutOp, SearchItem

from attngs.errors import ConfigError, InputError
from attngs.files import SUFFIXES, parse_file
from langchain_attngs.memory import Namespace, dated

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
