"""The documents of a `Memory` as items that agents and people change.

`remembering` plans the changes and knows no store; this is the one for a memory in a file. An item is a document: its path is the
document's id alone. What it was before its last changes is among the memory's `versions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self
from urllib.parse import quote, unquote

from attngs.hosts.remembering import VERSIONS, Edit, MemoryEditor, Origin, Path, Value
from attngs.text.documents import DocumentLike
from attngs.types import Document

_RECORD = "Earlier versions."
"""The text of a document among the versions. What it is about is in its metadata, of which a marker reads nothing."""


class Changeable(Protocol):
    """A memory whose documents can be changed, such as `attngs.Memory`."""

    @property
    def versions(self) -> Self:
        """What documents were before their last changes, by their ids."""
        ...

    def add(self, documents: DocumentLike | Iterable[DocumentLike]) -> list[str]: ...
    def update(self, name: str, document: DocumentLike) -> None: ...
    def delete(self, names: str | Iterable[str]) -> None: ...
    def documents(self) -> Iterator[Document]: ...
    def __contains__(self, name: object) -> bool: ...


@dataclass(frozen=True, slots=True)
class MemoryItems:
    """One user's items: mappings with a `text` and `metadata`."""

    memory: Changeable

    def read(self) -> dict[Path, Value]:
        """All items, the oldest first, and then what they were before their last changes."""
        items: dict[Path, Value] = {(document.id,): value_of(document) for document in self.memory.documents()}
        return items | {(VERSIONS, _label(document.id)): document.metadata for document in self.memory.versions.documents()}

    def write(self, writes: Mapping[Path, Value | None]) -> None:
        """Add, change and, where the value is `None`, delete items.

        Raises:
            InputError: An item cannot be kept.
            ModelError: The marker's model failed.
            UnavailableError: The memory cannot be written to now.
        """
        items = {path[0]: value for path, value in writes.items() if path[0] != VERSIONS}
        records = {_name(path[1]): value for path, value in writes.items() if path[0] == VERSIONS}
        _write(self.memory, {name: document_of(name, value) if value else None for name, value in items.items()})
        versions = {name: Document(text=_RECORD, id=name, metadata=value) if value else None for name, value in records.items()}
        _write(self.memory.versions, versions)  # last, because a deleted item takes its versions with it

    def edit(self, plan: Callable[[MemoryEditor], Edit], origin: Origin) -> str:
        """Change items.

        Args:
            plan: From what there is to what is written.
            origin: Who changes them.

        Returns:
            What the plan says of it.
        """
        edit = plan(MemoryEditor(values=self.read(), text=text_of, origin=origin))
        self.write(edit.writes)
        return edit.message


def value_of(document: Document) -> Value:
    """A document as an item."""
    return {"text": document.text, "metadata": document.metadata}


def document_of(name: str, value: Value) -> Document:
    """An item as a document."""
    return Document(text=value["text"], id=name, metadata=value.get("metadata") or {})


def text_of(value: Value) -> str:
    """What an item says."""
    return str(value["text"])


def _write(memory: Changeable, documents: Mapping[str, Document | None]) -> None:
    """Have a memory hold these documents, and not those that are `None`."""
    there = {name for name in documents if name in memory}
    if gone := [name for name, document in documents.items() if document is None and name in there]:
        memory.delete(gone)
    if new := [document for name, document in documents.items() if document is not None and name not in there]:
        memory.add(new)
    for name, document in documents.items():
        if document is not None and name in there:
            memory.update(name, document)


def _label(name: str) -> str:
    """The last label of an item's record; see `record_path`."""
    return quote(name, safe="", errors="surrogatepass")


def _name(label: str) -> str:
    return unquote(label, errors="surrogatepass")
