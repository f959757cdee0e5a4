"""Words and phrases that qualify a statement, or relate two of them: "might", "most of", "used to", "if", "because", "older than".

English only: of a text in another language no cue is read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from attngs.checking.language.tokens import Token

_CONTRACTED = ("'d", "'ll")


class Cue(NamedTuple):
    """A phrase of `cues.toml` in a text. Tokens are given by number."""

    group: str
    """What it tells: `modality`, `quantity`, `bound`, `reported`, `condition`, `tense`, `order` or `cause`."""
    kind: str
    """Which of the group's kinds: `possible`, `all`, `after`."""
    start: int
    end: int


class Degree(NamedTuple):
    """What a comparative says: "older" is more of `age`."""

    scale: str
    sign: int
    """1 for more, -1 for less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    phrases: Mapping[tuple[str, ...], tuple[tuple[str, str], ...]]
    """The groups and kinds that a phrase may belong to."""
    longest: Mapping[str, int]
    """Words of the longest phrase that begins with a word."""
    degrees: Mapping[str, Degree]
    """Comparatives and superlatives."""
    adjectives: Mapping[str, Degree]
    """Adjectives that take "more" and "less"."""


@cache
def _tables() -> _Tables:
    table = tomllib.loads(files("attngs.checking.language").joinpath("cues.toml").read_text(encoding="utf-8"))
    scales, adjectives = table.pop("comparison"), table.pop("adjectives")
    phrases: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
    longest: dict[str, int] = {}
    for group, kinds in table.items():
        for kind, written in kinds.items():
            for phrase in written.split("|"):
                words = tuple(phrase.split())
                phrases[words] = (*phrases.get(words, ()), (group, kind))
                longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return _Tables(phrases=phrases, longest=longest, degrees=_degrees(scales), adjectives=_degrees(adjectives))


def _degrees(scales: Mapping[str, str]) -> dict[str, Degree]:
    sides = [(scale, sign, side) for scale, written in scales.items() for sign, side in zip((1, -1), written.split("/"), strict=True)]
    return {word: Degree(scale, sign) for scale, sign, side in sides for word in side.split()}


def find_cues(tokens: Sequence[Token]) -> list[Cue]:
    """The cues of a text in order; of phrases that begin at the same place the longest counts.

    A phrase that belongs to several kinds is one cue for each: "may" is possible and permitted.
    """
    tables = _tables()
    words = [(word, i) for i, token in enumerate(tokens) for word in _words(token)]
    found = list[Cue]()
    place = 0
    while place < len(words):
        step = 1
        for length in range(tables.longest.get(words[place][0], 0), 0, -1):
            phrase = tuple(word for word, _ in words[place : place + length])
            if len(phrase) == length and phrase in tables.phrases:
                first, last = words[place][1], words[place + length - 1][1]
                found += [Cue(group, kind, first, last + 1) for group, kind in tables.phrases[phrase]]
                step = length
                break
        place += step
    return found


def degree(tokens: Sequence[Token], i: int) -> Degree | None:
    """What a comparative at a place says; `None` where none stands there. "More expensive" stands at "more"."""
    tables = _tables()
    word = tokens[i].lower
    following = tokens[i + 1].lower if i + 1 < len(tokens) else ""
    if word in {"more", "less"} and following in tables.adjectives:
        scale, sign = tables.adjectives[following]
        return Degree(scale, sign if word == "more" else -sign)
    return tables.degrees.get(word)


def _words(token: Token) -> Iterator[str]:
    """The words of a token: "I'd" is two. A month is none: "May"."""
    if not token.is_word or token.text == "May":
        yield ""
        return
    for ending in _CONTRACTED:
        if token.lower.endswith(ending) and token.lower != ending:
            yield token.lower.removesuffix(ending)
            yield ending
            return
    yield token.lower
