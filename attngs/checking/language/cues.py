"""Words and phrases that qualify a statement, or relate two of them.

"Might", "most of", "used to", "if", "because", "older than". English only: of a text in another language no cue is read.
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
_NEAR = 4  # tokens from a comparative that no table has to its "than"
_NO_COMPARATIVES = frozenset(
    "after other another rather never either neither whether under number matter together however remember order".split()
)
_VAGUE = frozenset("amount height quality".split())  # scales of words that may be of anything: "more", "higher", "better"


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
    """Adjectives that take "more" and "less", and those of the comparatives, as `_root` gives them."""
    verbs: Mapping[str, Degree]
    """Verbs that compare: "outlive"."""
    measures: Mapping[str, str]
    """What is compared by "more", "better" and "higher" beside a word: its scale."""


@cache
def _tables() -> _Tables:
    table = tomllib.loads(files("attngs.checking.language").joinpath("cues.toml").read_text(encoding="utf-8"))
    degrees, adjectives, verbs = (_degrees(table.pop(name)) for name in ("comparison", "adjectives", "verbs"))
    measures = {word: scale for scale, written in table.pop("measures").items() for word in written.split()}
    rooted = {_root(word): found for word, found in degrees.items() if word.endswith("er")} | adjectives
    phrases: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
    longest: dict[str, int] = {}
    for group, kinds in table.items():
        for kind, written in kinds.items():
            for phrase in written.split("|"):
                words = tuple(phrase.split())
                phrases[words] = (*phrases.get(words, ()), (group, kind))
                longest[words[0]] = max(longest.get(words[0], 0), len(words))
    return _Tables(phrases=phrases, longest=longest, degrees=degrees, adjectives=rooted, verbs=verbs, measures=measures)


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


def degree(tokens: Sequence[Token], i: int, than: int | None) -> Degree | None:
    """What a comparative at a place says; `None` where none stands there.

    "More expensive" stands at "more".

    Args:
        tokens: The tokens of a sentence.
        i: The place.
        than: Where its "than" stands. Shortly before one, any word in -er may be a comparative.
    """
    tables = _tables()
    word = tokens[i].lower
    following = tokens[i + 1].lower if i + 1 < len(tokens) else ""
    if word in {"more", "less"} and (known := tables.adjectives.get(following) or tables.adjectives.get(_root(following))):
        return Degree(known.scale, known.sign if word == "more" else -known.sign)
    if word in tables.degrees or than is None or than - i > _NEAR or not _may_compare(word):
        return tables.degrees.get(word)
    between = [token.lower for token in tokens[i + 1 : than]]
    return None if any(other in tables.degrees or _may_compare(other) for other in between) else Degree(_root(word), 1)


def excess(token: Token) -> Degree | None:
    """What a verb that compares says: "outlives"."""
    return _tables().verbs.get(token.lower)


def measure(tokens: Sequence[Token], scale: str) -> str:
    """What "more", "better" or "higher" is more of in a stretch of a sentence.

    With "costs" it is the price; with no such word it is the scale as given.
    """
    if scale not in _VAGUE:
        return scale
    return next((found for token in tokens if (found := _tables().measures.get(token.lower))), scale)


def _may_compare(word: str) -> bool:
    return word.endswith("er") and len(word) > 4 and word not in _NO_COMPARATIVES


def _root(word: str) -> str:
    """An adjective, adverb or comparative without its ending.

    "Bigger" and "big" have the same root, and so have "quickly" and "quicker".
    """
    root = word.removesuffix("er") if word.endswith("er") else word.removesuffix("ly").removesuffix("e")
    root = f"{root[:-1]}y" if root.endswith("i") else root.removesuffix("e")
    return root[:-1] if len(root) > 2 and root[-1] == root[-2] else root


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
