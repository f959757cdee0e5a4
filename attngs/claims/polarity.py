"""What a clause denies: "not", "never", "without", "no longer", "stopped", and where each reaches."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.claims.languages import Language, english
from attngs.claims.tokens import Token
from attngs.claims.wording import wording

_NEVER_DENIED = frozenset("forget fail hesitate miss skip".split())
_FRENCH_ALONE = frozenset("ne n pas plus".split())


def denials(tokens: Sequence[Token], language: Language | None) -> list[int]:
    """The tokens of a clause that deny something, by number."""
    language = language or english()
    found = list[int]()
    i = 0
    while i < len(tokens):
        if phrase := _harmless_at(tokens, i, language):
            i += phrase
            continue
        if _denies(tokens, i, language) and not (found and i - found[-1] < 3 and language.code in {"fr", "it", "es", "pt"}):
            found.append(i)  # "no quiero nada", "ne ... pas" deny once
        i += 1
    return found


def _denies(tokens: Sequence[Token], i: int, language: Language) -> bool:
    word = tokens[i].lower
    if language.code == "en":
        if word.endswith("n't") or (word == "dont" or word == "cant"):
            return True
        if word in wording().deniers:
            return True
        if word == "free" and i and (tokens[i - 1].text == "-" or (i + 1 < len(tokens) and tokens[i + 1].lower == "of")):
            return True
        if word == "gave" and i + 1 < len(tokens) and tokens[i + 1].lower == "up":
            return True
    if language.code == "fr" and "'" in word and word.partition("'")[0] in {"n"}:
        return True
    if word not in language.negators:
        return False
    answer = i == 0 and len(tokens) > 1 and tokens[1].text in {",", ".", "!", ";", "—", "–"}
    return not (answer and word in {"no", "non", "nein", "não"})


def _harmless_at(tokens: Sequence[Token], i: int, language: Language) -> int:
    """How many tokens are a phrase that denies nothing."""
    if language.code != "en" or not (tokens[i].lower in language.negators or tokens[i].lower.endswith("n't")):
        return 0
    for length in (3, 2):
        if tuple(token.lower for token in tokens[i : i + length]) in wording().harmless:
            return length
    if i + 1 < len(tokens) and tokens[i + 1].lower in _NEVER_DENIED:
        return 2
    return 0
