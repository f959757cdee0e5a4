"""Records of memories and passages in JSON, in the shapes that people have -> documents.

A record is a text, or an object that holds one: LangChain's and LlamaIndex's documents, items of a LangGraph store, memories of LangMem
(`{"kind", "content": {"content"}}`), mem0 (`{"id", "memory", "created_at"}`) and Zep (`{"fact"}`), notes (`{"title", "content"}`).
Its id stays; dates and all other fields become metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from attngs.errors import InputError
from attngs.types import Document

TEXT_KEYS = ("text", "content", "memory", "page_content", "fact")
"""Fields that hold the text of a record, whatever stands beside them. The first one counts."""
STORE_KEYS = ("value", "data")
"""Fields that hold it where only a store's own fields stand beside them: other objects use these names for one field of many."""
ID_KEYS = ("id", "id_", "uuid", "key")
LIST_KEYS = ("results", "memories", "items", "documents", "facts", "records", "data")
"""Fields under which an export holds its list of records."""

_STORE_FIELDS = {*ID_KEYS, "namespace", "metadata", "kind", "type", "score", "created_at", "updated_at"}
_WRAPPERS = ("kwargs", "node")
"""Fields that hold all of a record: of LangChain's `dumpd`, and of LlamaIndex's nodes with scores."""


def is_record(value: object) -> bool:
    """Whether a JSON value is a text or an object that holds one."""
    return isinstance(value, str) or (isinstance(value, Mapping) and _text_key(_unwrapped(value)) is not None)


def records_in(value: object) -> list[object] | None:
    """The records of a JSON value: itself, its items, or those of a list that it holds; else `None`.

    The first one tells, so that a broken record further down is an error and no reason to read all of them as something else.
    """
    if isinstance(value, list):
        return value if value and is_record(value[0]) else None
    if not isinstance(value, Mapping):
        return None
    for key in LIST_KEYS:
        found = value.get(key)
        if isinstance(found, list) and found and is_record(found[0]):
            return found
    return [value] if any(isinstance(value.get(key), str) for key in TEXT_KEYS) else None


def record_document(value: object, place: str, default_id: str) -> Document:
    """The document of a record.

    Args:
        value: A JSON value.
        place: Where it stands, for errors: the file and the line or the item.
        default_id: Its id if it names none.

    Raises:
        InputError: It holds no text, or its id or metadata is of the wrong type.
    """
    if isinstance(value, str):
        return Document(text=value, id=default_id)
    if not isinstance(value, Mapping):
        raise InputError(f"`{place}` must be a string or an object with `text`, got {_kind(value)}.")
    value = _unwrapped(value)
    key = _text_key(value)
    if key is None:
        raise InputError(_without_text(value, place))
    metadata = value.get("metadata")
    if not isinstance(metadata, Mapping | None):
        raise InputError(f"`{place}`: `metadata` must be an object, got {_kind(metadata)}.")
    own_id = next((id_key for id_key in ID_KEYS if value.get(id_key) is not None), None)
    inner = _inner(value[key], place)
    fields = {name: field for name, field in value.items() if name not in {key, own_id, "metadata"} and not _is_noise(field)}
    return Document(
        text=_titled(inner.text, value.get("title")),
        id=_checked_id(value[own_id], own_id, place) if own_id else inner.id or default_id,
        metadata={**inner.metadata, **fields, **(metadata or {})},
    )


def _inner(value: object, place: str) -> Document:
    """What the text field of a record holds: a text, a record, or fields, which stay JSON."""
    if is_record(value):
        return record_document(value, place, "")
    return Document(text=json.dumps(value, ensure_ascii=False))


def _unwrapped(value: Mapping[str, object]) -> Mapping[str, object]:
    for key in _WRAPPERS:
        inner = value.get(key)
        if isinstance(inner, Mapping) and _text_key(inner):
            return inner
    return value


def _text_key(value: Mapping[str, object]) -> str | None:
    """The name of the field that holds the text of a record."""
    for key in TEXT_KEYS:
        if isinstance(found := value.get(key), str) or (isinstance(found, Mapping) and is_record(found)):
            return key
    for key in (*STORE_KEYS, *TEXT_KEYS):
        if isinstance(value.get(key), str | Mapping) and value.keys() <= {key, *_STORE_FIELDS}:
            return key
    return None


def _without_text(value: Mapping[str, object], place: str) -> str:
    if named := next((key for key in TEXT_KEYS if key in value), None):
        return f"`{place}`: `{named}` must be a string, got {_kind(value[named])}."
    found = f"the fields {', '.join(f'`{key}`' for key in list(value)[:8])}" if value else "no fields"
    return (
        f"`{place}` is an object with {found}, and none of them is known to hold a text; name one of them "
        f"{', '.join(f'`{key}`' for key in TEXT_KEYS)}, or write `role` and `content` for a message, `messages` for a chat."
    )


def _checked_id(value: object, key: str, place: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"`{place}`: `{key}` must be a string or a whole number, got {_kind(value)}.")
    return str(value)


def _titled(text: str, title: object) -> str:
    """A note is read with its title."""
    return text if not isinstance(title, str) or not title.strip() or title in text else f"# {' '.join(title.split())}\n\n{text}"


def _is_noise(value: object) -> bool:
    """Nothing, or a vector."""
    return value is None or (isinstance(value, list) and len(value) > 16 and isinstance(value[0], float))


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
