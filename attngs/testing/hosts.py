"""What a compressor inside a framework must keep to, whatever the framework.

```python
class MyHost:
    def wrap(self, documents): return [TheirDocument(...) for document in documents]
    def read(self, item): return Document(text=item.text, id=item.id, metadata=item.metadata)
    def compress(self, items, query, target_tokens): return TheirCompressor(budget=target_tokens).compress(items, query)
    async def acompress(self, items, query, target_tokens): return await TheirCompressor(budget=target_tokens).acompress(items, query)

check_compressor(MyHost(), counter=count_words)
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from attngs.errors import InputError
from attngs.selection.layout import ELISION
from attngs.testing.expect import NASTY_TEXTS, expect, no_network
from attngs.types import Document

Item = TypeVar("Item")

QUERY = "Where is the key to the shed?"

DOCUMENTS = (
    Document(
        text="The key to the shed hangs behind the door. It rained all week.", id="b", metadata={"page": 3, "tags": ["home", {"x": 1}]}
    ),
    Document(text="Bread is on the table.", id="a"),
    Document(text="Juno has the other key. She is in Lisbon until May. The shed is locked.", id="c", metadata={"page": 4}),
    Document(text="The key to the shed hangs behind the door. It rained all week.", id="d", metadata={"page": 9}),
    Document(text=" \n", id="e"),
)
"""Two of them say the same, one says nothing, and their ids are in no order."""


class HostCompressor(Protocol[Item]):
    """A framework's objects and calls. `target_tokens` limits the texts of all that comes back."""

    def wrap(self, documents: Sequence[Document]) -> Sequence[Item]:
        """The framework's own objects, with the texts, ids and metadata of these documents."""
        ...

    def read(self, item: Item, /) -> Document:
        """What such an object holds, without what the compressor has added to its metadata."""
        ...

    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> Sequence[Item]: ...

    async def acompress(self, items: Sequence[Item], query: str, target_tokens: int) -> Sequence[Item]: ...


def check_compressor(host: HostCompressor[Any], *, counter: Callable[[str], int], verbatim: bool = True) -> None:
    """Assert the contract of a compressor that returns each item shorter, or not at all.

    Ids and metadata stay, order stays, inputs stay as they were, the budget holds, sync and async agree, calls at the same time do not
    meet, nobody connects to anywhere, and what cannot be done is an error of ours.

    Args:
        host: The framework.
        counter: Counts tokens as the compressor does.
        verbatim: Whether each line that comes back must stand in the item it came from.

    Raises:
        AssertionError: It does not keep the contract; the message says how.
    """
    with no_network():
        for documents in (DOCUMENTS, DOCUMENTS[:1], tuple(reversed(DOCUMENTS)), _nasty()):
            for target_tokens in (1, 9, 30, 10_000):
                _check_one(host, documents, target_tokens, counter, verbatim)
        _check_edges(host)
        asyncio.run(_check_company(host))


def _check_one(
    host: HostCompressor[Any], documents: Sequence[Document], target_tokens: int, counter: Callable[[str], int], verbatim: bool
) -> None:
    items = host.wrap(documents)
    before, given = deepcopy(list(items)), list(items)
    out = [host.read(item) for item in host.compress(items, QUERY, target_tokens)]
    again = [host.read(item) for item in _awaited(host, items, QUERY, target_tokens)]
    where = f"at a budget of {target_tokens}"
    expect(again == out, f"{where}, sync and async differ:\n{out}\n{again}")
    expect(len(items) == len(given) and all(a is b for a, b in zip(items, given, strict=True)), f"{where}, the list of items was changed")
    expect([host.read(item) for item in items] == [host.read(item) for item in before], f"{where}, an item was changed")
    expect(list(items) == before, f"{where}, an item was changed")
    _check_order(out, documents, where)
    tokens = counter("\n\n".join(document.text for document in out))
    expect(tokens <= target_tokens, f"{where}, {tokens} tokens came back")
    expect(all(document.text.strip() for document in out) or target_tokens >= 10_000, f"{where}, an item without text came back")
    if verbatim:
        _check_verbatim(out, documents, where)


def _check_order(out: Sequence[Document], documents: Sequence[Document], where: str) -> None:
    """What came back is a part of what was given, in its order, each with its own metadata."""
    known = {document.id: place for place, document in enumerate(documents)}
    expect(all(document.id in known for document in out), f"{where}, an id is new: {[document.id for document in out]}")
    places = [known[document.id] for document in out]
    expect(all(a < b for a, b in pairwise(places)), f"{where}, the order changed or an id came twice: {places}")
    for document, place in zip(out, places, strict=True):
        kept = documents[place].metadata
        lost = [key for key in kept if document.metadata.get(key) != kept[key]]
        expect(not lost, f"{where}, metadata of {document.id!r} was lost or changed: {lost}")


def _check_verbatim(out: Sequence[Document], documents: Sequence[Document], where: str) -> None:
    texts = {document.id: document.text for document in documents}
    for document in out:
        for line in document.text.replace(ELISION, "\n").split("\n"):
            expect(line.strip() in texts[document.id], f"{where}, a line is not from {document.id!r}: {line[:60]!r}")


def _check_edges(host: HostCompressor[Any]) -> None:
    empty = host.wrap([])
    expect(not list(host.compress(empty, QUERY, 9)), "something came back of nothing")
    expect(not list(_awaited(host, empty, QUERY, 9)), "something came back of nothing, async")
    asked: list[tuple[str, int, type[Exception], str]] = [(query, 9, InputError, f"the query {query!r}") for query in ("", " \n\t")]
    asked += [(QUERY, target_tokens, ValueError, f"the budget {target_tokens}") for target_tokens in (0, -1)]
    for query, target_tokens, kind, what in asked:
        items = host.wrap(DOCUMENTS)
        _expect_error(partial(host.compress, items, query, target_tokens), kind, what)
        _expect_error(partial(_awaited, host, items, query, target_tokens), kind, f"{what}, async,")


def _awaited(host: HostCompressor[Any], items: Sequence[Any], query: str, target_tokens: int) -> Sequence[Any]:
    return asyncio.run(host.acompress(items, query, target_tokens))


def _expect_error(call: Callable[[], object], kind: type[Exception], what: str) -> None:
    try:
        call()
    except kind:
        return
    except Exception as error:
        raise AssertionError(f"{what} must raise {kind.__name__}, not {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what} must raise {kind.__name__}, and raised nothing")


async def _check_company(host: HostCompressor[Any]) -> None:
    """Twelve calls at the same time, of three kinds: each gets what it gets alone."""
    asked = [(DOCUMENTS, QUERY), (DOCUMENTS[:2], "What is on the table?"), (DOCUMENTS[2:], "Who is in Lisbon?")]
    alone = [await host.acompress(host.wrap(documents), query, 12) for documents, query in asked]
    numbers = [number % len(asked) for number in range(12)]
    together = await asyncio.gather(*(host.acompress(host.wrap(asked[i][0]), asked[i][1], 12) for i in numbers))
    for i, outcome in zip(numbers, together, strict=True):
        same = [host.read(item) for item in outcome] == [host.read(item) for item in alone[i]]
        expect(same, f"among other calls, {asked[i][1]!r} gets something else than alone")


def _nasty() -> tuple[Document, ...]:
    return tuple(Document(text=text, id=f"nasty {number}") for number, text in enumerate(NASTY_TEXTS))
