"""What stands in place of a longer text: never nothing, and it says how much is left.

`[shortened: 120 of 4000 tokens]` counts against the budget. Texts in which a line looks like it are quoted (`defusing.NOTE`), so a reader
can rely on it. Where it would take more than half of the budget, it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from attngs.protocols import TokenCounter
from attngs.result.result import CompressedContext
from attngs.text.boundaries import cut_position
from attngs.text.defusing import one_line
from attngs.types import Source

LONGEST_TOKEN = 32
"""Characters. A text begins with fewer than this many times `n` characters that make `n` tokens; longer tokens are rare."""
_MANY = 88_888_888
"""Stands for a number that is not known yet, and takes as many tokens as any."""


def room_beside_note(target_tokens: int, counter: TokenCounter) -> int:
    """How many of these tokens are left for the text itself."""
    note = counter.count([_with_note("", target_tokens, _MANY)])[0]
    return target_tokens - note if 2 * note <= target_tokens else target_tokens


def with_note(text: str, *, original_tokens: int, target_tokens: int, counter: TokenCounter) -> str:
    """The text under its note, in at most `target_tokens` tokens.

    Args:
        text: The short text, in at most `room_beside_note` tokens.
        original_tokens: How many tokens it stands for.
        target_tokens: The budget of both.
        counter: Whose tokens these are.
    """
    if not text or room_beside_note(target_tokens, counter) == target_tokens:
        return text
    noted = _with_note(text, counter.count([text])[0], original_tokens)
    return noted if counter.count([noted])[0] <= target_tokens else text


def never_empty(result: CompressedContext, counter: TokenCounter, frames: Sequence[tuple[str, str]] = ()) -> CompressedContext:
    """The result, with the beginning of the best sentence where no sentence fitted.

    It is still empty where the documents hold no text, where nothing bears on the question, and where not even one character fits.

    Args:
        result: Of a compression.
        counter: Whose tokens count.
        frames: What a reader is shown before and after the text of each document, by position.
    """
    best = _best_dropped(result)
    if result.text.strip() or result.selection.silent or best is None:
        return result
    before, after = frames[best.position] if frames else ("", "")
    text = beginning(best.text, result.target_tokens, counter, before, after)
    if not text:
        return result
    kept = replace(best, end=best.start + len(text), text=text)
    return replace(result, text=text, kept=(kept,), sources=(kept,), compressed_tokens=counter.count([text])[0])


def defused_text(result: CompressedContext, counter: TokenCounter, defuse: Callable[[str], str]) -> str:
    """The text of a compression whose layout defuses, with a writer's words defused as well.

    Defusing can make a rewrite longer. One that no longer fits the budget gives way to the verbatim extract.
    """
    if result.method != "rewrite":
        return result.text
    text = defuse(result.text)
    return text if counter.count([text])[0] <= result.target_tokens else result.selection.text


def best_beginning(result: CompressedContext, counter: TokenCounter, defuse: Callable[[str], str], label: str = "") -> str:
    """The beginning of the best sentence that was not kept; empty where nothing fits.

    Args:
        result: Of a compression.
        counter: Whose tokens count.
        defuse: Makes the sentence safe to show.
        label: Stands before it; `{id}` becomes the id of its document.
    """
    best = _best_dropped(result)
    if best is None:
        return ""
    before = label.format(id=one_line(best.document_id))
    text = beginning(defuse(best.text).lstrip(), result.target_tokens, counter, before)
    return before + text if text else ""


def beginning(text: str, tokens: int, counter: TokenCounter, before: str = "", after: str = "") -> str:
    """As much of a text as fits, up to the end of a sentence, else of a clause, a word or a character.

    Args:
        text: Any text.
        tokens: The budget.
        counter: Whose tokens count.
        before: What is shown before the text, which counts.
        after: What is shown after it.
    """
    fits, too_long = 0, min(len(text), LONGEST_TOKEN * tokens) + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if counter.count([before + text[:middle].rstrip() + after])[0] <= tokens:
            fits = middle
        else:
            too_long = middle
    end = (cut_position(text, 0, len(text), fits) or len(text)) if fits else 0
    return text[:end].rstrip()


def _with_note(text: str, tokens: int, original_tokens: int) -> str:
    return f"[shortened: {tokens} of {original_tokens} tokens]\n{text}"


def _best_dropped(result: CompressedContext) -> Source | None:
    """The best sentence that was not kept; `None` where none holds text."""
    return max((source for source in result.dropped if source.text.strip()), key=lambda source: source.score, default=None)
