"""What memory layers and retrievers return, as it comes -> documents.

mem0 answers with `{"results": [...], "relations": [...]}`, Zep and Graphiti with edges and episodes, LangMem with items of a LangGraph
store or with extracted memories, Hindsight with `results`, and others with pairs of a document and a score. Answers may be objects of the
layers' own packages, of which none is imported here: they are read by the fields that they give away.

A fact that has ended says so in its text: "Ana lives in Lisbon (until 2026-05-02)." Nothing else would tell a reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from numbers import Real
from typing import Any, TypeGuard

from attngs.text.importers.records import LIST_KEYS, TEXT_KEYS, record_document
from attngs.types import Document

ANSWER_KEYS = (*LIST_KEYS, "edges", "episodes", "nodes", "relations", "hits", "matches")
"""Fields under which an answer holds its lists of records, one after the other."""
END_KEYS = ("invalid_at", "expired_at")
"""Fields that say when a fact has ended."""

_DUMPS = ("model_dump", "dict", "to_dict", "_asdict")
"""What gives an object's fields away: pydantic's models, items of LangGraph's stores, generated clients, and named tuples."""
_RELATION_ENDS = ("target", "destination")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PERIOD = re.compile(r"[.。]?\s*\Z")


def is_recalled(value: object) -> bool:
    """Whether a value has fields, or is a document with its score."""
    return isinstance(value, Mapping) or _dump_of(value) is not None or _is_scored(value)


def recalled_records(answer: object) -> list[object] | None:
    """The records of an answer; `None` if it has no fields, or is a record itself."""
    fields = _fields(answer)
    if fields is None or any(isinstance(fields.get(key), str) for key in TEXT_KEYS):
        return None
    lists = [found for key in ANSWER_KEYS if isinstance(found := fields.get(key), list)]
    return [record for found in lists for record in found] if lists else None


def recalled_document(value: object, place: str) -> tuple[object, Mapping[str, object]]:
    """The document that a value holds, and what it says of it: its score.

    Args:
        value: As `is_recalled` has it.
        place: Where it stands, for errors.

    Returns:
        A document without an id where the value has none; of a pair, its first part, whatever that is.

    Raises:
        InputError: It holds no text, or its id or metadata is of the wrong type.
    """
    if _is_scored(value):
        return value[0], {"score": float(value[1])}
    fields = _fields(value)
    assert fields is not None
    found = record_document(_with_text(fields), place, "")
    end = next((day for key in END_KEYS if (day := _DAY.match(str(found.metadata.get(key))))), None)
    text = _PERIOD.sub(f" (until {end[0]}).", found.text, count=1) if end else found.text
    return Document(text=text, id=found.id, metadata=found.metadata), {}


def _is_scored(value: object) -> TypeGuard[tuple[object, float]]:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Real) and not isinstance(value[1], bool)


def _dump_of(value: object) -> Any:
    """The method that gives an object's fields away; `None` where it has none."""
    found = (getattr(value, name, None) for name in _DUMPS if not isinstance(value, type | Mapping))
    return next((dump for dump in found if callable(dump)), None)


def _fields(value: object) -> Mapping[str, object] | None:
    """The fields of a mapping or an object, and of what it holds."""
    dump = _dump_of(value)
    found = dump() if dump else value
    if not isinstance(found, Mapping):
        return None
    return {str(name): field if (inner := _fields(field)) is None else inner for name, field in found.items()}


def _with_text(fields: Mapping[str, object]) -> Mapping[str, object]:
    """The fields, with the text of a relation or of a node of a graph."""
    if any(key in fields for key in TEXT_KEYS):
        return fields
    relation = [fields.get("source"), fields.get("relationship"), next((fields[key] for key in _RELATION_ENDS if key in fields), None)]
    if all(isinstance(part, str) for part in relation):
        return {**fields, "text": " ".join(str(part).replace("_", " ") for part in relation) + "."}
    name, summary = fields.get("name"), fields.get("summary")
    return {**fields, "text": f"{name}: {summary}"} if isinstance(name, str) and isinstance(summary, str) and summary else fields
