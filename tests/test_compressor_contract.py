"""The contract of compressors inside frameworks: a plain one keeps it, and each way to break it is seen."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from copy import deepcopy
from itertools import groupby, pairwise

import pytest

from attngs import ContextCompressor, Document, GreedySelector, Marker, Source
from attngs.selection.layout import ExtractLayout
from attngs.testing import FakeScorer, check_compressor, count_words
from attngs.testing.contracts import no_network

Item = dict[str, object]


def joined(kept: Sequence[Source]) -> str:
    """The kept sentences of one document; neighbours keep the white space between them, or they would take more than was counted."""
    gaps = ["" if before.end == after.start else "\n" for before, after in pairwise(kept)]
    return "".join(source.text + gap for source, gap in zip(kept, [*gaps, ""], strict=True)).strip()


class PlainHost:
    """A framework whose documents are dictionaries; each shortened under one budget."""

    def __init__(self) -> None:
        layout = ExtractLayout(label="")
        marker = Marker(FakeScorer("key", "Lisbon"))
        self._compressor = ContextCompressor(marker, selector=GreedySelector(layout=layout), counter=count_words)

    def wrap(self, documents: Sequence[Document]) -> list[Item]:
        return [{"id": d.id, "text": d.text, "metadata": deepcopy(dict(d.metadata))} for d in documents]

    def read(self, item: Item) -> Document:
        return Document(id=str(item["id"]), text=str(item["text"]), metadata=item["metadata"])  # type: ignore[arg-type]

    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        documents = [self.read(item) for item in items]
        kept = self._compressor.compress(documents, query, target_tokens=target_tokens).kept
        texts = {place: joined(list(group)) for place, group in groupby(kept, key=lambda s: s.position)}
        return [{**items[place], "text": text} for place, text in texts.items()]

    async def acompress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return await asyncio.to_thread(self.compress, items, query, target_tokens)


def test_a_plain_host_keeps_it() -> None:
    check_compressor(PlainHost(), counter=count_words)


class LosesIds(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return [{**item, "id": ""} for item in super().compress(items, query, target_tokens)]


class LosesMetadata(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return [{**item, "metadata": {}} for item in super().compress(items, query, target_tokens)]


class ChangesItems(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        out = super().compress(items, query, target_tokens)
        for item in items:
            item["metadata"]["score"] = 1.0  # type: ignore[index]
        return out


class SortsByLength(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return sorted(super().compress(items, query, target_tokens), key=lambda item: -len(str(item["text"])))


class SpendsMore(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return super().compress(items, query, max(1, target_tokens + 4))


class AddsWords(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return [{**item, "text": f"{item['text']}!"} for item in super().compress(items, query, target_tokens)]


class IsOtherwiseAsync(PlainHost):
    async def acompress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return (await super().acompress(items, query, target_tokens))[:1]


class AsksNobody(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return super().compress(items, query.strip() or "anything", target_tokens)


class MakesSomethingUp(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        return super().compress(items, query, target_tokens) or [{"id": "new", "text": "", "metadata": {}}]


class MixesUpCalls(PlainHost):
    last: list[Item] | None = None

    async def acompress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        self.last = await super().acompress(items, query, target_tokens)
        await asyncio.sleep(0.01)
        return self.last


class CallsHome(PlainHost):
    def compress(self, items: Sequence[Item], query: str, target_tokens: int) -> list[Item]:
        with contextlib.suppress(Exception):
            socket.create_connection(("127.0.0.1", 1), timeout=1)
        return super().compress(items, query, target_tokens)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (LosesIds, "an id is new"),
        (LosesMetadata, "metadata of"),
        (ChangesItems, "an item was changed"),
        (SortsByLength, "the order changed"),
        (SpendsMore, "tokens came back"),
        (AddsWords, "a line is not from"),
        (IsOtherwiseAsync, "sync and async differ"),
        (AsksNobody, "must raise InputError, and raised nothing"),
        (MakesSomethingUp, "an id is new"),
        (MixesUpCalls, "among other calls"),
        pytest.param(CallsHome, "the network was used", marks=pytest.mark.allow_hosts(["127.0.0.1"])),
    ],
)
def test_each_way_to_break_it_is_seen(host: type[PlainHost], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_compressor(host(), counter=count_words)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_network_is_watched_only_inside_the_block() -> None:
    with no_network():
        pass
    CallsHome().compress([], "a question", 9)
    with no_network(), no_network():
        pass
