"""Where a turn's memory comes from: given texts, a function that searches, or a `Memory`.

All three are asked at the beginning of a turn. What earlier turns were shown must still be true then, as far as each can tell.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from attngs.errors import ConfigError
from attngs.hosts.blocks import Blocks, QuotedItem, unchanged_blocks
from attngs.hosts.frames import day_of
from attngs.hosts.jobs import Call
from attngs.reading.context_cache import digest
from attngs.text.documents import DocumentLike, as_given
from attngs.types import Document, MarkedMemory, Marking, Question

Value = TypeVar("Value")
Waiting = Generator[Call, Any, Value]
Texts = DocumentLike | Iterable[DocumentLike]
Retriever = Callable[[str], Texts | Awaitable[Texts]]
"""From a question to what is remembered of it, such as a search of a memory layer; only `ashorten` awaits it."""


@runtime_checkable
class Askable(Protocol):
    """A memory that finds what a question needs, such as `attngs.Memory`."""

    def mark(self, query: str | Question, *, target_tokens: int) -> MarkedMemory:
        """What a question has to do with the documents."""
        ...

    def get(self, name: str) -> Document:
        """A document by its id."""
        ...

    def __contains__(self, name: object) -> bool: ...


class Found(NamedTuple):
    """What may be shown for a question."""

    documents: Sequence[Document]
    items: Sequence[QuotedItem]
    """The documents as a block of memory quotes them, in their order."""
    marking: Marking | None = None
    """Of these documents, where they are marked already."""
    tokens: int = 0
    """Of all that is remembered, where these documents are what was found of it."""


class Recall(Protocol):
    """Where memory comes from."""

    def current(self, blocks: Blocks) -> Waiting[Blocks]:
        """The blocks of earlier turns that may still be shown."""
        ...

    def find(self, question: Question, target_tokens: int) -> Waiting[Found]:
        """What may be shown for a question."""
        ...


def recall_of(memory: Texts | Retriever | Askable, namespace: str) -> Recall | None:
    """How to ask what a host gave; `None` where it gave nothing.

    Raises:
        InputError: A text cannot be used.
    """
    if isinstance(memory, Askable):
        return _Asked(memory, namespace)
    if callable(memory):
        return _Searched(memory, namespace)
    return _Given(documents, namespace) if (documents := _named(memory)) else None


def _named(texts: Texts) -> tuple[Document, ...]:
    """The texts as documents.

    One without an id is known by its words: its place changes from question to question.
    """
    return tuple(document if document.id else replace(document, id=_name_of(document.text)) for document in as_given(texts))


def _name_of(text: str) -> str:
    return f"text-{digest('text', text).hex()[:12]}"


class _Given:
    """All that is remembered: what is not there any more is not true any more."""

    def __init__(self, documents: Sequence[Document], namespace: str) -> None:
        self._documents, self._namespace = documents, namespace

    def current(self, blocks: Blocks) -> Waiting[Blocks]:
        yield from ()
        return unchanged_blocks(blocks, quoted(self._documents, self._namespace))

    def find(self, question: Question, target_tokens: int) -> Waiting[Found]:
        yield from ()
        return Found(self._documents, quoted(self._documents, self._namespace))


class _Searched:
    """A function's answers. What it does not find may still be true."""

    def __init__(self, retriever: Retriever, namespace: str) -> None:
        self._retriever, self._namespace = retriever, namespace

    def current(self, blocks: Blocks) -> Waiting[Blocks]:
        yield from ()
        return blocks

    def find(self, question: Question, target_tokens: int) -> Waiting[Found]:
        found: Any = yield Call(partial(self._run, question.whole), partial(self._arun, question.whole))
        documents = _named(found)
        return Found(documents, quoted(documents, self._namespace))

    def _run(self, question: str) -> object:
        found = self._retriever(question)
        if inspect.isawaitable(found):
            if inspect.iscoroutine(found):
                found.close()
            raise ConfigError("`memory` is a function that can only be awaited; call `ashorten`.")
        return found

    async def _arun(self, question: str) -> object:
        if inspect.iscoroutinefunction(self._retriever):
            return await self._retriever(question)
        found = await asyncio.to_thread(self._retriever, question)
        return await found if inspect.isawaitable(found) else found


class _Asked:
    """A memory, which knows what it has."""

    def __init__(self, memory: Askable, namespace: str) -> None:
        self._memory, self._namespace = memory, namespace

    def current(self, blocks: Blocks) -> Waiting[Blocks]:
        names = sorted({item["key"] for block in blocks.values() for item in block["items"]})
        documents: Any = (yield _in_thread(partial(self._get, names))) if names else []
        return unchanged_blocks(blocks, quoted(documents, self._namespace))

    def find(self, question: Question, target_tokens: int) -> Waiting[Found]:
        found: MarkedMemory = yield _in_thread(partial(self._memory.mark, question, target_tokens=target_tokens))
        return Found(found.documents, quoted(found.documents, self._namespace), found.marking, 0 if found.complete else found.tokens)

    def _get(self, names: Iterable[str]) -> list[Document]:
        return [self._memory.get(name) for name in names if name in self._memory]


def quoted(documents: Iterable[Document], namespace: str) -> list[QuotedItem]:
    """The documents as they are now."""
    return [
        {"namespace": [namespace], "key": document.id, "digest": digest("item", document.text, day_of(document)).hex()}
        for document in documents
    ]


def not_contradicted(blocks: Blocks, found: Sequence[QuotedItem]) -> Blocks:
    """The blocks none of whose items now says something else.

    An item that was not found may still be there.
    """
    now: Mapping[str, QuotedItem] = {item["key"]: item for item in found}
    return {key: block for key, block in blocks.items() if all(now.get(item["key"], item) == item for item in block["items"])}


def _in_thread(work: Callable[[], object]) -> Call:
    return Call(work, partial(asyncio.to_thread, work))
