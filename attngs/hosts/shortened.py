"""What stands in place of a longer text: never nothing, and under a line that says how much of it is left.

`[shortened: 120 of 4000 tokens]` counts against the budget. Texts in which a line looks like it are quoted (`defusing.NOTE`), so a reader
can rely on it. Where it would take more than half of the budget, it is left out.
"""

from __future__ import annotations

from attngs.protocols import TokenCounter
from attngs.text.boundaries import after_space, cut_position

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


def head_of(text: str, tokens: int, counter: TokenCounter) -> int:
    """Where the beginning of a text ends that fits into so many tokens: after a sentence, else a clause, a word or a character.

    It is 0 where not even one character fits.
    """
    start = after_space(text, 0)
    fits, too_long = start, min(len(text), start + LONGEST_TOKEN * tokens) + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if counter.count([text[start:middle]])[0] <= tokens:
            fits = middle
        else:
            too_long = middle
    if fits == start:
        return 0
    end = cut_position(text, start, len(text), fits - start) or len(text)
    return start + len(text[start:end].rstrip())


def _with_note(text: str, tokens: int, original_tokens: int) -> str:
    return f"[shortened: {tokens} of {original_tokens} tokens]\n{text}"
