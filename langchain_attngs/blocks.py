"""What each turn is shown of a user's memory, and how long it stays in the turn's message.

A provider bills less for the beginning of a request that it has seen before. So a block of memory stands in the message of the turn that
it was made for, and stays there as it is. Later turns are shown only what the model has not been shown yet. A block goes when old turns
are compacted, which changes the beginning of the request anyway, and when the user changes or deletes an item that it quotes: forgetting
is worth more than a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.store.base import GetOp, Item

from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.result.result import CompressedContext
from attngs.types import Sentence
from langchain_attngs.frames import MEMORIES, text_to_show
from langchain_attngs.memory import item_day


class QuotedItem(TypedDict):
    """An item of a store as it was when it was quoted."""

    namespace: list[str]
    key: str
    digest: str


class MemoryBlock(TypedDict):
    """What one turn is shown of a memory, in plain values that a checkpointer can store."""

    asked: str
    """A digest of the user's namespace and the question."""
    text: str
    """What is new in it; empty where nothing is."""
    whole: str
    """With what earlier blocks show already: for a turn that these are taken away from."""
    sentences: list[str]
    """Digests of the sentences in `text`, each with its label; of a rewrite, one of its text."""
    kept: list[str]
    """Digests of the sentences in `whole`."""
    items: list[QuotedItem]
    """What `whole` is from."""


ItemText = Callable[[Mapping[str, Any]], str]
Blocks = dict[str, MemoryBlock]
"""By the id of the user's message, in the order of the turns."""


def asked_by(namespace: str, message: AnyMessage) -> str:
    """A digest of a user and a question. A message that was edited, or is from somebody else, has another."""
    return digest("asked", namespace, str(message.text)).hex()


def settled(blocks: Blocks, messages: Sequence[AnyMessage]) -> Blocks:
    """The blocks, if the messages of all of them are there; else the newest alone.

    Another middleware may have taken messages away, and later blocks leave out what the blocks of these showed.
    """
    here = {message.id or "": message for message in messages}
    return blocks if blocks.keys() <= here.keys() else alone(blocks, next((here[key] for key in reversed(blocks) if key in here), None))


def own_blocks(blocks: Blocks, messages: Sequence[AnyMessage], namespace: str) -> Blocks:
    """The blocks of messages that are still there, as they were, and of this user."""
    asked = {message.id or "": asked_by(namespace, message) for message in messages if isinstance(message, HumanMessage)}
    return {key: block for key, block in settled(blocks, messages).items() if asked.get(key) == block["asked"]}


def lookups(blocks: Blocks) -> list[GetOp]:
    """What to ask the store for: all items that the blocks quote."""
    quoted = {(tuple(item["namespace"]), item["key"]) for block in blocks.values() for item in block["items"]}
    return [GetOp(namespace, key) for namespace, key in sorted(quoted)]


def unchanged_blocks(blocks: Blocks, found: Iterable[object], text: ItemText) -> Blocks:
    """The blocks all of whose items are still in the store, and say what they said.

    Args:
        blocks: Of this user.
        found: What the store has for their `lookups`.
        text: From an item's value to its text.
    """
    now = [quoted(item, text) for item in found if isinstance(item, Item)]
    return {key: block for key, block in blocks.items() if all(item in now for item in block["items"])}


def quoted(item: Item, text: ItemText) -> QuotedItem:
    """An item as it is now."""
    return {"namespace": list(item.namespace), "key": item.key, "digest": digest("item", str(text(item.value)), item_day(item)).hex()}


def block_of(
    result: CompressedContext, counter: TokenCounter, *, asked: str, earlier: Iterable[MemoryBlock], items: Iterable[Item], text: ItemText
) -> MemoryBlock:
    """The block that a compression makes, without the sentences that earlier blocks show.

    A rewrite cannot be parted like this: it is shown whole, unless the model is shown the same words already.

    Args:
        result: Of the compression.
        counter: Whose tokens count.
        asked: As `asked_by` has it.
        earlier: The blocks that the model is still shown.
        items: All items that were compressed.
        text: From an item's value to its text.
    """
    whole, said = text_to_show(result, counter), {sentence for block in earlier for sentence in block["sentences"]}
    kept = {} if result.method == "rewrite" else _digests(result)
    new = [i for i, sentence in kept.items() if sentence not in said]
    rewrite = [digest("rewrite", whole).hex()] if result.method == "rewrite" else []
    in_full = rewrite[0] not in said if rewrite else len(new) == len(kept)
    keys = {source.metadata.get("_key") for source in (*result.kept, *result.sources)}
    return {
        "asked": asked,
        "text": whole if in_full else _render(result, new, counter),
        "whole": whole,
        "sentences": rewrite or [kept[i] for i in new],
        "kept": rewrite or [*kept.values()],
        "items": [quoted(item, text) for item in items if item.key in keys],
    }


def alone(blocks: Blocks, message: AnyMessage | None) -> Blocks:
    """The block of this message as if there were no others; these go."""
    block = blocks.get(message.id or "") if message else None
    return {message.id or "": {**block, "text": block["whole"], "sentences": block["kept"]}} if message and block else {}


def _digests(result: CompressedContext) -> dict[int, str]:
    """A name for what each kept sentence says, with the label and the heads that it is read with, by the sentence's number."""
    sentences = result.marking.sentences
    return {i: _digest(sentences[i]) for i in result.selection.kept if sentences[i].text.strip()}


def _digest(sentence: Sentence) -> str:
    document = sentence.document
    return digest("sentence", document.id, *(document.text[head.start : head.end] for head in sentence.heads), sentence.text.strip()).hex()


def _render(result: CompressedContext, new: Sequence[int], counter: TokenCounter) -> str:
    """These of the kept sentences, with their heads; everything where they would take more room alone."""
    if not new:
        return ""
    sentences, labels = result.marking.sentences, MEMORIES.labels_of(result.marking.sentences)
    over = {(sentences[i].position, head) for i in new for head in sentences[i].heads}
    heads = [i for i in result.selection.kept if (sentences[i].position, (sentences[i].start, sentences[i].end)) in over]
    text = MEMORIES.render(sentences, {*heads, *new}, labels=labels)
    return text if counter.count([text])[0] <= result.target_tokens else result.selection.text
