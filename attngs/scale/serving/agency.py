"""What an agent does with a memory: it recalls in a budget, remembers once, and forgets for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attngs.compressor import ContextCompressor
from attngs.errors import InputError, check_whole
from attngs.hosts.frames import DATED, MEMORY, between
from attngs.hosts.remembering import (
    LONGEST_MEMORY,
    NOTHING,
    RECALLED,
    Origin,
    Path,
    clean_memory,
    close_item,
    find_item,
    keys_of,
    listed,
    same_item,
    shown,
)
from attngs.result.result import CompressedContext
from attngs.selection.selector import GreedySelector, memory_floor
from attngs.types import Document, MarkedMemory, Question

if TYPE_CHECKING:
    from attngs.memory.memory import Memory

LEAST = 32
"""Tokens that the memories have at least: in fewer, a part of a sentence may say something else than the whole."""
_ALREADY = "This is remembered already, with the key {key}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What an agent is shown of a memory for a question."""

    text: str
    """Whole, as it is sent: the memories, and what stands round them."""
    tokens: int
    """Of `text`; at most the budget."""
    budget_tokens: int
    result: CompressedContext
    """What the memories are from."""


def recall(memory: Memory, query: str, budget_tokens: int) -> Recall:
    """What bears on a question, in at most so many tokens, all that stands round it included.

    Args:
        memory: The user's; its counter counts.
        query: The question.
        budget_tokens: Of the text that is sent.

    Raises:
        InputError: The question cannot be used, or the budget is too small to show anything.
        ConfigError: The budget is no whole number of at least 1.
    """
    budget = check_whole("budget_tokens", budget_tokens)
    around = max(memory.counter.count([_framed(""), NOTHING]))
    if budget < around + LEAST:
        raise InputError(f"`budget_tokens` is {budget}, and {around} stand round the memories; ask for {around + LEAST} or more.")
    text, tokens, room = "", budget + 1, budget - around
    found = memory.mark(query, target_tokens=room)
    while tokens > budget and room > 0:
        result = _laid_out(memory, found, room)
        text = _framed(result.text) if result.text.strip() else NOTHING
        [tokens] = memory.counter.count([text])
        room -= tokens - budget  # joined, texts may take a few tokens more than one by one
    if tokens > budget or (text == NOTHING and result.dropped and not result.selection.silent):
        raise InputError(f"`budget_tokens` is {budget}, and no memory that bears on this fits into it; ask for more.")
    return Recall(text=text, tokens=tokens, budget_tokens=budget, result=result)


def remember(memory: Memory, text: str, *, is_new: bool = False, replaces: str = "") -> str:
    """Keep a text, unless it is kept already.

    Args:
        memory: The user's.
        text: A fact, or a wish.
        is_new: Whether it differs from what is close to it.
        replaces: The key or the words of what it takes the place of.

    Returns:
        What became of it, for the agent.

    Raises:
        InputError: The text is empty or too long, something close to it is there and `is_new` is not said, or `replaces` names nothing.
        UnavailableError: The memory cannot be written to now.
    """
    text, metadata = clean_memory(text, longest=LONGEST_MEMORY), Origin().metadata()
    items = _items_near(memory, text)
    if replaces:
        return _replaced(memory, _found(memory, replaces, "replaces"), text, metadata, items)
    if same := same_item(text, items):
        return _ALREADY.format(key=same[-1])
    if close := None if is_new else close_item(text, items, memory.marker, memory.namespace):
        raise InputError(
            f"not stored, because something close to it is there:\n{listed([close], items)}\nIf it says the same, there is nothing to do. "
            "If the fact has changed, call `remember` again with this key as `replaces`. If both are true, call it with `is_new`."
        )
    return _kept(memory, text, metadata)


def _replaced(memory: Memory, key: str, text: str, metadata: Mapping[str, object], items: Mapping[Path, str]) -> str:
    """What became of a text that takes the place of another, which goes in any case: it is out of date."""
    before = memory.get(key).text
    if before == text:
        return _ALREADY.format(key=key)
    if same := same_item(text, {path: known for path, known in items.items() if path != (key,)}):
        memory.delete(key)
        return f"{_ALREADY.format(key=same[-1])} Forgotten, for it is out of date: {shown(before)}"
    memory.update(key, Document(text=text, metadata=metadata))
    return f"Remembered, with the key {key}, in place of: {shown(before)}"


def _kept(memory: Memory, text: str, metadata: Mapping[str, object]) -> str:
    """What became of a text that was not there a moment ago; others may have been told it meanwhile."""
    for key in keys_of(text):
        try:
            memory.add(Document(text=text, id=key, metadata=metadata))
        except InputError:
            if key not in memory:
                raise
            if same_item(text, {(key,): memory.get(key).text}):
                return _ALREADY.format(key=key)
        else:
            break
    return f"Remembered, with the key {key}."


def forget(memory: Memory, item: str) -> str:
    """Delete a text, so that nobody can bring it back.

    Args:
        memory: The user's.
        item: The text's key, or words of it.

    Returns:
        What is gone, for the agent.

    Raises:
        InputError: The words name nothing, or several texts.
        UnavailableError: The memory cannot be written to now.
    """
    key = _found(memory, item, "memory")
    text = memory.get(key).text
    memory.delete(key)
    return f"Forgotten for good: {shown(text)}"


def _found(memory: Memory, item: str, argument: str) -> str:
    """The key of what is meant.

    Raises:
        InputError: Nothing is, or several texts are.
    """
    if not item.strip():
        raise InputError(f"`{argument}` is empty; give the key of a memory, or its words.")
    return item.strip() if item.strip() in memory else find_item(item, _items_near(memory, item))[-1]


def _items_near(memory: Memory, text: str) -> dict[Path, str]:
    return {(document.id,): document.text for document in memory.near(text)}


def _laid_out(memory: Memory, found: MarkedMemory, room: int) -> CompressedContext:
    """What bears on a question, each text below its day, so that no text passes for what stands round it."""
    selector = GreedySelector(layout=DATED, min_score=memory_floor(None, memory.marker))
    return ContextCompressor(memory.marker, selector=selector, counter=memory.counter).compress(
        found.documents,
        Question(text=found.marking.query, background=found.marking.background),
        target_tokens=room,
        namespace=memory.namespace,
        marking=found.marking,
    )


def _framed(text: str) -> str:
    return f"{RECALLED}\n{between(MEMORY, text)}"
