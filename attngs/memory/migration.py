"""Memories of a LangGraph `SqliteStore` -> documents, by namespace.

So a memory can take the place of the store.

The store's file is read as it is, without LangGraph, and never changed.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from attngs.checking.times import UNKNOWN, given_time, read_moment
from attngs.errors import InputError
from attngs.text.importers.records import record_document
from attngs.text.storage import explained
from attngs.types import Document

_WHAT = "store"
_ITEMS = "SELECT prefix, key, value, updated_at, expires_at FROM store ORDER BY prefix, updated_at, key"


def stored_memories(
    path: str | os.PathLike[str], *, left_out: Collection[str] = (), skipped: Callable[[str], None] | None = None
) -> dict[str, list[Document]]:
    """The memories of each namespace, the oldest first.

    A namespace is called as in the store: its labels joined by full stops, a full stop inside a label being `%2E`. Keys become ids. An item
    without a date has the time of its last change as `updated_at`. Items that have expired are left out.

    Args:
        path: The file of the store.
        left_out: Labels; what is below them is no memory.
        skipped: Is told of each item that holds no text, as NAMESPACE/KEY. Without it, such an item is an error.

    Raises:
        InputError: There is no such file, or an item holds no text; the message names it.
        AssetError: The file is damaged, or no such store.
        UnavailableError: It cannot be read now.
    """
    path = Path(path).absolute()
    if not path.is_file():
        raise InputError(f"`{path}` is no file; name the file of a `SqliteStore`.")
    found = dict[str, list[Document]]()
    now = datetime.now(UTC).replace(tzinfo=None)
    with explained(path, _WHAT), closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        for prefix, key, value, updated, expires in connection.execute(_ITEMS):
            gone = read_moment(expires) if expires is not None else None
            if left_out and not set(left_out).isdisjoint(prefix.split(".")):
                continue
            if gone is None or gone.at.replace(tzinfo=None) > now:
                documents = found.setdefault(prefix, [])
                try:
                    documents.append(_document(prefix, key, value, updated))
                except InputError:
                    if skipped is None:
                        raise
                    skipped(f"{prefix}/{key}")
    return {name: sorted(documents, key=_time) for name, documents in found.items()}


def _document(prefix: str, key: str, value: str | bytes, updated: object) -> Document:
    place = f"{prefix}/{key}"
    try:
        item = json.loads(value)
    except ValueError as error:
        raise InputError(f"the item `{place}` of the store is not JSON: {error}.") from error
    document = replace(record_document(item, place, key), id=key)
    dated = given_time(document.metadata) is not None
    return document if dated else replace(document, metadata={**document.metadata, "updated_at": str(updated)})


def _time(document: Document) -> datetime:
    moment = read_moment(given_time(document.metadata))
    return moment.at if moment else UNKNOWN
