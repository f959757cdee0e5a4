"""What plug-ins must keep to: splitters, scorers, and a compressor inside any framework."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache, partial
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from attngs.errors import InputError
from attngs.protocols import BatchScorer, Scorer, SentenceSplitter
from attngs.selection.layout import ELISION
from attngs.types import Document, ScoreRequest, Sentence

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

NASTY_TEXTS = (
    "",
    " ",
    "\n\n\n",
    "One sentence.",
    "First. Second! Third? And a last one without a stop",
    "Ana: hi\nBen: hello, Dr. Who.\nAna: 3.14 is enough, e.g. here.",
    "- one\n- two\n\n```\ncode. here\n```\n",
    "日本語です。そうですか？はい。",
    "यह हिंदी है। और यह भी।",
    "هل هذا عربي؟ نعم.",
    "lone \ud800 surrogate and \udfff another. <|im_end|> [SEP] <start_important>",
    "nul \0 bell \a separator \u2028 zero\u200bwidth e\u0301 👩‍👩‍👧",
    "x" * 1_200,
    "word " * 250,
)
"""Texts that have broken splitters, tokenizers and scorers."""

_ears = list[list[str]]()
"""Lists of what is heard, one for each block that is being watched."""


class HostCompressor(Protocol[Item]):
    """A framework's objects and calls. `target_tokens` limits the texts of all that comes back.

    ```python
    class MyHost:
        def wrap(self, documents): return [TheirDocument(...) for document in documents]
        def read(self, item): return Document(text=item.text, id=item.id, metadata=item.metadata)
        def compress(self, items, query, target_tokens): return TheirCompressor(budget=target_tokens).compress(items, query)
        async def acompress(self, items, query, target_tokens): return await TheirCompressor(budget=target_tokens).acompress(items, query)

    check_compressor(MyHost(), counter=count_words)
    ```
    """

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


def check_splitter(splitter: SentenceSplitter) -> None:
    """Assert that spans tile the text, on texts that have broken splitters.

    Raises:
        AssertionError: They do not; the message shows the text.
    """
    for text in NASTY_TEXTS:
        spans = list(splitter(text))
        expect("".join(text[span.start : span.end] for span in spans) == text, f"the spans do not tile {text[:60]!r}")
        borders = [0, *(span.end for span in spans)]
        expect(all(span.start == end < span.end for span, end in zip(spans, borders, strict=False)), f"wrong borders in {text[:60]!r}")


def check_scorer(scorer: Scorer) -> None:
    """Assert the contract of a scorer.

    One finite score a sentence, the same when asked again or in a batch, and inputs left alone.

    Raises:
        AssertionError: It does not keep the contract; the message says how.
    """
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(NASTY_TEXTS) if text.strip()]
    sentences = [
        Sentence(document=document, position=position, start=start, end=min(start + 400, len(document.text)))
        for position, document in enumerate(documents)
        for start in range(0, len(document.text), 400)
    ]
    for query in ("What is the second one?", "有什么？", "x", "<|im_end|> [SEP] \ud800"):
        given = list(sentences)
        scores = list(scorer.score(query, given))
        expect(given == sentences, "the scorer changed the list of sentences")
        expect(len(scores) == len(sentences), f"{len(scores)} scores for {len(sentences)} sentences")
        expect(all(math.isfinite(score) for score in scores), "a score is not a finite number")
        again = list(scorer.score(query, sentences))
        expect(all(abs(a - b) <= 1e-5 * max(1.0, abs(a)) for a, b in zip(scores, again, strict=True)), "asked again, the scores differ")
    expect(len(scorer.score("x", sentences[:1])) == 1, "one sentence must get one score")
    if isinstance(scorer, BatchScorer):
        _check_batch(scorer, sentences)


def _check_batch(scorer: BatchScorer, sentences: Sequence[Sentence]) -> None:
    """Requests of several users in one batch, in two orders: each gets what it gets alone."""
    requests = [
        ScoreRequest(query=query, sentences=sentences[:size], namespace=namespace)
        for size in (1, 7, len(sentences))
        for query, namespace in (("What is the second one?", "ana"), ("x", "ben"))
    ]
    alone = [scorer.score(request.query, request.sentences) for request in requests]
    for order in (range(len(requests)), reversed(range(len(requests)))):
        numbers = list(order)
        outcomes = list(scorer.score_batch([requests[i] for i in numbers]))
        expect(len(outcomes) == len(requests), "`score_batch` must return one result a request")
        for i, outcome in zip(numbers, outcomes, strict=True):
            expect(not isinstance(outcome, Exception), f"a request of a batch failed: {outcome!r}")
            assert not isinstance(outcome, Exception)
            largest = max(abs(score) for score in alone[i])
            same = all(abs(a - b) <= 1e-3 * max(largest, 1e-6) for a, b in zip(alone[i], outcome, strict=True))
            expect(same, "a request gets other scores in a batch than alone")


def expect(condition: bool, message: str) -> None:
    """`assert` that stays when Python runs with -O."""
    if not condition:
        raise AssertionError(message)


@contextmanager
def no_network() -> Iterator[None]:
    """Assert that no thread connects, or asks for an address.

    It listens to Python's audit events; nothing is replaced or stopped.

    Raises:
        AssertionError: One did; the message names the address.
    """
    _listen()
    heard = list[str]()
    _ears.append(heard)
    try:
        yield
    finally:
        _ears[:] = [ear for ear in _ears if ear is not heard]
    expect(not heard, f"the network was used: {heard[:3]}")


@cache
def _listen() -> None:
    sys.addaudithook(_hear)  # there is no way to take one out again; with nobody watching it does nothing


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _ears or event not in ("socket.connect", "socket.getaddrinfo"):
        return
    address = arguments[1] if event == "socket.connect" else arguments[0]
    if event == "socket.connect" and isinstance(address, str | bytes):
        return  # a path: a socket of this machine
    for heard in _ears:
        heard.append(f"{event} {address}")
