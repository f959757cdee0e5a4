"""What each turn is shown of a user's memory, and how long it stays in the turn's message.

A provider bills less for the beginning of a request that it has seen before. So a block of memory stands in the message of the turn that
it was made for, and stays there as it is. Later turns are shown only what the model has not been shown yet. A block goes when old turns
are compacted, which changes the beginning of the request anyway, and when the user changes or deletes an item that it quotes: forgetting
is worth more than a cache.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypedDict

from attngs.hosts.frames import FrameLayout, text_to_show
from attngs.protocols import TokenCounter
from attngs.reading.context_cache import digest
from attngs.result.result import CompressedContext
from attngs.types import Sentence


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


Blocks = dict[str, MemoryBlock]
"""By the id of the user's message, in the order of the turns."""


def asked_by(namespace: str, text: str) -> str:
    """A digest of a user and a question; an edited message, or somebody else's, has another."""
    return digest("asked", namespace, text).hex()


def settled(blocks: Blocks, messages: Collection[str]) -> Blocks:
    """The blocks, if the messages of all of them are there; else the newest alone.

    Another middleware may have taken messages away, and later blocks leave out what the blocks of these showed.

    Args:
        blocks: Of a conversation.
        messages: The ids of its messages.
    """
    return blocks if blocks.keys() <= set(messages) else alone(blocks, next((key for key in reversed(blocks) if key in messages), ""))


def own_blocks(blocks: Blocks, messages: Mapping[str, str], namespace: str) -> Blocks:
    """The blocks of messages that are still there, as they were, and of this user.

    Args:
        blocks: Of a conversation.
        messages: What its user said, by id.
        namespace: The user's.
    """
    return {key: block for key, block in settled(blocks, messages).items() if asked_by(namespace, messages[key]) == block["asked"]}


def unchanged_blocks(blocks: Blocks, now: Collection[QuotedItem]) -> Blocks:
    """The blocks all of whose items are still in the store, and say what they said.

    Args:
        blocks: Of this user.
        now: The items that they quote, as they are now.
    """
    return {key: block for key, block in blocks.items() if all(item in now for item in block["items"])}


def used_positions(result: CompressedContext) -> list[int]:
    """The documents that a compression is made of, by their positions."""
    return sorted({source.position for source in (*result.kept, *result.sources)})


def block_of(
    result: CompressedContext,
    counter: TokenCounter,
    *,
    asked: str,
    earlier: Iterable[MemoryBlock],
    items: Sequence[QuotedItem],
    layout: FrameLayout,
) -> MemoryBlock:
    """The block that a compression makes, without the sentences that earlier blocks show.

    A rewrite cannot be parted like this: it is shown whole, unless the model is shown the same words already.

    Args:
        result: Of the compression.
        counter: Whose tokens count.
        asked: As `asked_by` has it.
        earlier: The blocks that the model is still shown.
        items: What the result is made of.
        layout: Laid out the result.
    """
    whole, said = text_to_show(result, counter), {sentence for block in earlier for sentence in block["sentences"]}
    kept = {} if result.method == "rewrite" else _digests(result)
    new = [i for i, sentence in kept.items() if sentence not in said]
    rewrite = [digest("rewrite", whole).hex()] if result.method == "rewrite" else []
    in_full = rewrite[0] not in said if rewrite else len(new) == len(kept)
    return {
        "asked": asked,
        "text": whole if in_full else _render(result, new, counter, layout),
        "whole": whole,
        "sentences": rewrite or [kept[i] for i in new],
        "kept": rewrite or [*kept.values()],
        "items": [*items],
    }


def alone(blocks: Blocks, message: str) -> Blocks:
    """The block of the message with this id as if there were no others; these go."""
    block = blocks.get(message)
    return {message: {**block, "text": block["whole"], "sentences": block["kept"]}} if block else {}


def _digests(result: CompressedContext) -> dict[int, str]:
    """Digests of the kept sentences with their labels and heads, by number."""
    sentences = result.marking.sentences
    return {i: _digest(sentences[i]) for i in result.selection.kept if sentences[i].text.strip()}


def _digest(sentence: Sentence) -> str:
    document = sentence.document
    return digest("sentence", document.id, *(document.text[head.start : head.end] for head in sentence.heads), sentence.text.strip()).hex()


def _render(result: CompressedContext, new: Sequence[int], counter: TokenCounter, layout: FrameLayout) -> str:
    """These of the kept sentences, with their heads; everything where they would take more room alone."""
    if not new:
        return ""
    sentences, labels = result.marking.sentences, layout.labels_of(result.marking.sentences)
    over = {(sentences[i].position, head) for i in new for head in sentences[i].heads}
    heads = [i for i in result.selection.kept if (sentences[i].position, (sentences[i].start, sentences[i].end)) in over]
    text = layout.render(sentences, {*heads, *new}, labels=labels)
    return text if counter.count([text])[0] <= result.target_tokens else result.selection.text
