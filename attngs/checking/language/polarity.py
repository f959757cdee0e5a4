"""What a clause denies: "not", "never", "without", "no longer", "stopped", and how far each reaches."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.checking.language.languages import Language
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import wording

_ENDS = frozenset(", ; : . ! ? ( ) — – ， 、 。".split())
_ANSWERS = frozenset("no non nein não".split())
_QUANTIFIERS = frozenset("more longer other such one doubt need way".split())
_TRAILING = frozenset("yet either anymore any more so though it that this nicht mehr pas plus".split())
_PHRASES = frozenset(
    {"gave up", "given up", "give up", "turned down", "turn down", "called off", "yet to", "ruled out", "refrain from", "refrains from"}
)
_BEFORE_NOUNS = frozenset(
    "no without kein keine keinen keinem keiner ohne sans aucun aucune sin ningún ninguna senza nessun nessuna sem nenhum".split()
)
_WITHOUT = frozenset("without ohne sans sin senza sem".split())
_LIGHT_VERBS = frozenset("come comes coming take takes took taking want wants wanted use used using need needs needed have had".split())
_ALL = frozenset("anything everything all everyone anybody anyone".split())
FOCUS = 2
"""Words beside a denial that it is about."""


def denials(tokens: Sequence[Token], language: Language) -> list[int]:
    """The tokens of a clause that deny something, by number."""
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


def signs(
    tokens: Sequence[Token], content: Sequence[int], denied: Sequence[int], language: Language
) -> tuple[dict[int, int], set[int], set[int]]:
    """The sign of each word with content, the words that a denial is about, and the first of those.

    A denial reaches to the next comma; what stands before it, or behind that comma, is neither affirmed nor denied for sure. Where nothing
    follows it, as in "her badge isn't", it is about what stands before.

    Args:
        tokens: The tokens of a clause.
        content: Those with content, by number.
        denied: Those that deny.
        language: Of the clause.
    """
    spared = denied[0] if denied and all(tokens[i].lower in _WITHOUT for i in denied) else 0  # "without" leaves alone what stands before
    sign = {i: 1 if i in denied or not denied or i < spared else 0 for i in content}
    focus, heads = set[int](), set[int]()
    for cue in denied:
        start = cue + 1 + (_phrase(tokens, cue) in _PHRASES)
        end = next((i for i in range(start, len(tokens)) if tokens[i].text in _ENDS), len(tokens))
        reached = [i for i in content if start <= i < end]
        before = [i for i in content if i < cue]
        follows = any(tokens[i].is_word and tokens[i].lower not in _TRAILING for i in range(start, end))
        if not follows or language.deny_back:
            focus.update(before[-FOCUS:])
            heads.update(before[-FOCUS:])
            sign.update(dict.fromkeys(before, -1))
        weighty = [i for i in reached if tokens[i].lower not in _LIGHT_VERBS] or reached
        focus.update(weighty[:FOCUS])
        heads.update(weighty[: FOCUS if tokens[cue].lower in _BEFORE_NOUNS else 1])
        sign.update(dict.fromkeys(reached, -1))
    return sign, focus, heads


def _phrase(tokens: Sequence[Token], i: int) -> str:
    return f"{tokens[i].lower} {tokens[i + 1].lower}" if i + 1 < len(tokens) else ""


def _denies(tokens: Sequence[Token], i: int, language: Language) -> bool:
    word = tokens[i].lower
    following = tokens[i + 1].lower if i + 1 < len(tokens) else ""
    if language.code == "en":
        if word.endswith("n't") or word in {"dont", "cant", "wont", "isnt", "doesnt"} or word in wording().deniers:
            return True
        if _phrase(tokens, i) in _PHRASES or (word == "but" and i and tokens[i - 1].lower in _ALL):
            return True
    if word not in language.negators:
        return False
    goes_on = language.code == "en" and following in language.function_words and following not in _QUANTIFIERS  # "no was working"
    answers = i == 0 and word in _ANSWERS and (following in {",", ".", "!", ";", "—", "–"} or goes_on)
    return not (answers or (word == "no" and i and following == "."))  # "account no. 5"


def _harmless_at(tokens: Sequence[Token], i: int, language: Language) -> int:
    """How many tokens are a phrase that denies nothing."""
    if language.code != "en" or not (tokens[i].lower in language.negators or tokens[i].lower.endswith("n't")):
        return 0
    for length in (3, 2):
        if tuple(token.lower for token in tokens[i : i + length]) in wording().harmless:
            return length
    return 0
