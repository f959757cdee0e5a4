"""Citations in a reply: `[3]`, `[1, 4]`, `[2-4]`, after or before what they are for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from attngs.types import Span

_CITATION = re.compile(r"[ \t]?\[(?P<numbers>\d{1,6}(?:\s?[,;–-]\s?\d{1,6}){0,20})\]")
_MOST = 20  # sentences that one range names


class Cited(NamedTuple):
    """A sentence of a reply without its citations."""

    text: str
    numbers: tuple[int, ...]
    """As written, counted from 1."""


def read_citations(reply: str, spans: Sequence[Span]) -> list[Cited]:
    """Each span's text and the numbers that it cites.

    A citation before the first word of a sentence belongs to the sentence before, when that has none of its own: "He left. [3] She stayed."
    """
    found = list[Cited]()
    for start, end in spans:
        text = reply[start:end]
        numbers = [number for match in _CITATION.finditer(text) for number in _numbers(match["numbers"])]
        opening = _CITATION.match(text)
        if opening and found and not found[-1].numbers:
            first = _numbers(opening["numbers"])
            found[-1] = found[-1]._replace(numbers=tuple(first))
            numbers = numbers[len(first) :]
        found.append(Cited(_CITATION.sub("", text), tuple(dict.fromkeys(numbers))))
    return found


def _numbers(written: str) -> list[int]:
    numbers = list[int]()
    for part in re.split(r"[,;]", written):
        first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
        stop = int(last) if last else int(first)
        numbers += range(int(first), min(stop, int(first) + _MOST) + 1)
    return numbers
