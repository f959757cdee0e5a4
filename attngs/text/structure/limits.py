"""How long a unit may be, in characters by script, and where a longer one is cut."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import ceil

from attngs.text.boundaries import cut_position

LATIN = 400
"""Characters of a unit in an alphabet: about 100 tokens."""
DENSE = 150
"""Characters of a unit in a script that writes a syllable or a word with one of them: about as many tokens."""

# Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han with its extensions, Hangul
_DENSE = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")


def longest(text: str, start: int, end: int) -> int:
    """How many characters a unit that starts at `start` may have.

    By the scripts of its first `LATIN` characters.
    """
    opening = text[start : min(end, start + LATIN)]
    if len(opening) <= DENSE or opening.isascii():
        return LATIN
    share = len(_DENSE.findall(opening)) / len(opening)
    return int(LATIN / (1 + share * (LATIN / DENSE - 1)))


def is_dense(character: str) -> bool:
    """Whether a character stands for a syllable or a word."""
    return _DENSE.match(character) is not None


def fits(text: str, start: int, end: int) -> bool:
    """Whether a range may be one unit."""
    return end - start <= DENSE or end - start <= longest(text, start, end)


def cuts(text: str, start: int, end: int) -> Iterator[int]:
    """Where to cut a range into units of about equal length.

    After clauses, else at spaces, else between characters.
    """
    while not fits(text, start, end):
        limit = longest(text, start, end)
        even = ceil((end - start) / ceil((end - start) / limit))
        cut = cut_position(text, start, end, min(limit, even + limit // 8))
        if cut is None or cut >= end:
            return
        yield cut
        start = cut
