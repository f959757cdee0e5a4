"""What a clause affirms and what it denies.

"Not", "never", "without", "no longer", "stopped", and how far each of them reaches.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from attngs.checking.language.languages import Language
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import wording

_ENDS = frozenset(", ; : . ! ? ( ) — – ， 、 。".split())
_LEAVING = frozenset("quit quits".split())  # where nothing follows, somebody leaves
_LIMITS = frozenset("until till owing due".split())  # what stands behind them is not denied: "no meat until the move"
_ANSWERS = frozenset("no non nein não".split())
_WITHOUT_APOSTROPHE = frozenset("dont cant wont isnt doesnt".split())
_QUANTIFIERS = frozenset("more longer other such one doubt need way".split())
_TRAILING = frozenset("yet either anymore any more so though it that this nicht mehr pas plus".split())
_PHRASES = frozenset(
    "gave up|given up|give up|turned down|turn down|called off|yet to|ruled out|left out|leave out|leaves out|short of|refrain from|"
    "refrains from|apart from|aside from|other than".split("|")
)
_BEFORE_NOUNS = frozenset(
    "no without kein keine keinen keinem keiner ohne sans aucun aucune sin ningún ninguna senza nessun nessuna sem nenhum".split()
)
_WITHOUT = frozenset("without ohne sans sin senza sem".split())
_LIGHT_VERBS = frozenset("come comes coming take takes took taking want wants wanted use used using need needs needed have had".split())
_ALL = frozenset("anything everything all everyone anybody anyone".split())
_EACH = frozenset("any every all each".split())
_FOCUS = 2  # words beside a denial that it is about


class Signs(NamedTuple):
    """What a clause affirms and what it denies. All tokens are given by number."""

    sign: Mapping[int, int]
    """For each word with content: 1 affirmed, -1 denied, 0 where it cannot be told."""
    focus: AbstractSet[int]
    """Words that a denial is about."""
    heads: AbstractSet[int]
    """The first word of each focus."""
    denies: bool
    """Whether anything is denied at all."""


def read_signs(tokens: Sequence[Token], content: Sequence[int], figures: Sequence[int], language: Language) -> Signs:
    """What a clause affirms and denies.

    A denial reaches to the next comma; what stands before it, or behind that comma, is neither affirmed nor denied for sure. Where nothing
    follows it, as in "her badge isn't", it is about what stands before.

    Args:
        tokens: The tokens of a clause.
        content: Those with content, by number, ascending.
        figures: Where figures stand in the text, which are no tokens.
        language: Of the clause.
    """
    denied = denials(tokens, language)
    sign = _signs_at_first(tokens, content, denied)
    ends = [i for i, token in enumerate(tokens) if token.text in _ENDS or (token.lower in _LIMITS and i - 1 not in denied)]
    follow = [i for i, token in enumerate(tokens) if token.is_word and token.lower not in _TRAILING]
    weighty = [i for i in content if tokens[i].lower not in _LIGHT_VERBS]
    focus, heads = set[int](), set[int]()
    covered = back = opened = 0  # up to where all are denied by an earlier cue, and from where to where one denies what stands before it
    for cue in denied:
        start = cue + 1 + (_phrase(tokens, cue) in _PHRASES)
        end = next(iter(_between(ends, start, len(tokens), 1)), len(tokens))
        reach = tokens[end].start if end < len(tokens) else math.inf
        nothing = not _between(follow, start, end, 1) and not any(tokens[cue].end <= figure < reach for figure in figures)
        if language.deny_back or (tokens[cue].lower not in _LEAVING and nothing):
            back, opened = cue, 0 if language.deny_back else _last_before(ends, cue)
            before = _between(content, opened, cue)[-_FOCUS:]
            focus.update(before)
            heads.update(before)
        about = _between(weighty, start, end, _FOCUS) or _between(content, start, end, _FOCUS)
        twice = tokens[cue].lower in _WITHOUT and cue > denied[0]  # "not without a parent" demands one
        focus.update(() if twice else about)
        heads.update(() if twice else about if tokens[cue].lower in _BEFORE_NOUNS else about[:1])
        sign.update(dict.fromkeys(_between(content, start if twice else max(start, covered), end), 0 if twice else -1))
        covered = end
    sign.update(dict.fromkeys(_between(content, opened, back), -1))
    return Signs(sign, focus, heads, bool(denied))


def _last_before(places: Sequence[int], i: int) -> int:
    """The last of the ascending places before another; 0 if there is none."""
    found = bisect_left(places, i)
    return places[found - 1] if found else 0


def _signs_at_first(tokens: Sequence[Token], content: Sequence[int], denied: Sequence[int]) -> dict[int, int]:
    """The signs before any denial reaches a word: affirmed where there is no denial, else mostly unknown."""
    if not denied:
        return dict.fromkeys(content, 1)
    spared = denied[0] if all(tokens[i].lower in _WITHOUT for i in denied) else 0  # "without" leaves alone what stands before
    cues = frozenset(denied)
    return {i: int(i in cues or i < spared) for i in content}


def _between(places: Sequence[int], start: int, end: int, most: int | None = None) -> Sequence[int]:
    """The first of the ascending places in `[start, end)`, at most so many."""
    first, last = bisect_left(places, start), bisect_left(places, end)
    return places[first : last if most is None else min(last, first + most)]


def denials(tokens: Sequence[Token], language: Language) -> list[int]:
    """The tokens of a clause that deny something, by number, ascending."""
    found = list[int]()
    i = 0
    while i < len(tokens):
        if phrase := _harmless_at(tokens, i, language):
            i += phrase
            continue
        once = found and i - found[-1] < 4 and language.code in {"fr", "it", "es", "pt"}  # "no quiero nada", "ne ... pas" deny once
        if _denies(tokens, i, language) and not once:
            found.append(i)
        i += 1
    return found


def _phrase(tokens: Sequence[Token], i: int) -> str:
    return f"{tokens[i].lower} {tokens[i + 1].lower}" if i + 1 < len(tokens) else ""


def _denies(tokens: Sequence[Token], i: int, language: Language) -> bool:
    if language.code == "en" and _denies_in_english(tokens, i):
        return True
    return tokens[i].lower in language.negators and not _answers(tokens, i, language) and not _abbreviates(tokens, i)


def _denies_in_english(tokens: Sequence[Token], i: int) -> bool:
    """Whether "isn't", "refuse", "gave up" or "anything but" stands at a place."""
    word = tokens[i].lower
    if word.endswith("n't") or word in _WITHOUT_APOSTROPHE or word in wording().deniers:
        return True
    return _phrase(tokens, i) in _PHRASES or (word == "but" and _is_general(tokens, i))


def _is_general(tokens: Sequence[Token], i: int) -> bool:
    """Whether what stands before a "but" makes it an exception: "anything but", "every day but"."""
    return any(token.lower in _ALL for token in tokens[max(0, i - 1) : i]) or any(
        token.lower in _EACH for token in tokens[max(0, i - 2) : i]
    )


def _answers(tokens: Sequence[Token], i: int, language: Language) -> bool:
    """Whether a "no" answers a question before it, and denies nothing in its own clause."""
    if i or tokens[i].lower not in _ANSWERS:
        return False
    following = _following(tokens, i)
    goes_on = language.code == "en" and following in language.function_words and following not in _QUANTIFIERS  # "no was working"
    return goes_on or following in {",", ".", "!", ";", "—", "–"}


def _abbreviates(tokens: Sequence[Token], i: int) -> bool:
    """Whether a "no." stands for "number", as in "account no. 5"."""
    return tokens[i].lower == "no" and i > 0 and _following(tokens, i) == "."


def _following(tokens: Sequence[Token], i: int) -> str:
    return tokens[i + 1].lower if i + 1 < len(tokens) else ""


def _compares(word: str) -> bool:
    return word.endswith("er") or word in {"more", "less", "worse"}


def _harmless_at(tokens: Sequence[Token], i: int, language: Language) -> int:
    """How many tokens are a phrase that denies nothing."""
    if language.code != "en" or not (tokens[i].lower in language.negators or tokens[i].lower.endswith("n't")):
        return 0
    if tokens[i].lower in {"no", "not"} and i + 2 < len(tokens) and tokens[i + 2].lower == "than" and _compares(tokens[i + 1].lower):
        return 3  # "no longer than"
    for length in (3, 2):
        if tuple(token.lower for token in tokens[i : i + length]) in wording().harmless:
            return length
    return 0
