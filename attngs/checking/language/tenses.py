"""When does what an English clause says hold: formerly, in the past, now, or in the future?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from itertools import pairwise, takewhile
from typing import NamedTuple

from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import term, wording

_PAST_AUXILIARIES = frozenset("was were did had wasn't weren't didn't hadn't".split())
_BEFORE_PARTICIPLES = frozenset("is are be been being am isn't aren't get gets".split())
_BEFORE_BASES = frozenset(
    "to did do does will would can could may might must should shall didn't don't doesn't won't can't not 'll 'd let".split()
)
_DETERMINERS = frozenset("a an the my his her our their its no two three four five another some".split())
_SUBJECTS = frozenset("i we you they he she it who".split())
_PARTICIPLES = frozenset(
    "been gone taken given gotten eaten seen known grown flown drawn thrown written driven ridden risen chosen".split()
)
_STATES = {
    **dict.fromkeys("is am are was were be i'm he's she's it's we're they're".split(), "be"),
    **dict.fromkeys("have has had i've we've they've".split(), "have"),
}
_OPENINGS = frozenset("a an in at on".split())  # "was a nurse", "was in the navy"
_EMPTY = frozenset("of in at for with and the a an my his her".split())
_ADVERBS = frozenset("also still now once then only just already again currently".split())
_FORMER = frozenset("former ex retired".split())
_LONGEST_COMPLEMENT = 5  # tokens of what somebody is or has
_REACH = 2  # words between an auxiliary and its verb


@cache
def _past_forms() -> frozenset[str]:
    """Irregular forms of the simple past."""
    forms = {form for form, base in wording().verbs.items() if form != base and not form.endswith("s")}
    return frozenset(forms - _PARTICIPLES)


def tenses(tokens: Sequence[Token], cued: Collection[str]) -> frozenset[str]:
    """The times that a clause speaks of: `formerly`, `past`, `present`, `future`.

    Args:
        tokens: The words of the clause.
        cued: What its cues say: `formerly`, `future`.
    """
    past = any(_is_past(tokens, i) for i in range(len(tokens)))
    found = {*cued, "past"} if past else set(cued)
    return frozenset(found or {"present"})


def verb_times(tokens: Sequence[Token]) -> dict[str, str]:
    """For each verb that shows it, by stem, whether it stands in the simple past or in the present."""
    found = dict[str, str]()
    for i, token in enumerate(tokens):
        if not token.is_word or _follows(tokens, i, _BEFORE_BASES):
            continue
        before = tokens[i - 1].lower if i else ""
        if _is_past(tokens, i):
            found.setdefault(term(token.lower, None).stem, "past")
        elif (before in _SUBJECTS and not token.lower.endswith(("ing", "ed"))) or _looks_third_person(token.lower):
            found.setdefault(term(token.lower, None).stem, "present")
    return found


def acts(tokens: Sequence[Token]) -> frozenset[str]:
    """Stems of the verbs of a clause: simple pasts, and what follows "will", "to" or "is"."""
    found = set[str]()
    for before, token in pairwise(tokens):
        runs = before.lower in _BEFORE_PARTICIPLES | _PAST_AUXILIARIES and token.lower.endswith("ing")
        if token.is_word and (runs or before.lower in _BEFORE_BASES or token.lower in _past_forms() or token.lower.endswith("ed")):
            found.add(term(token.lower, None).stem)
    return frozenset(found)


class State(NamedTuple):
    """What somebody or something is or has."""

    verb: str
    """`be` or `have`."""
    past: bool
    stems: frozenset[str]
    """What it is or has."""
    text: str


def states(tokens: Sequence[Token]) -> list[State]:
    """The states that a clause tells: "is a nurse", "was in hospital", "had two cats"."""
    found = list[State]()
    for i, token in enumerate(tokens):
        verb = _STATES.get(token.lower)
        first = _complement(tokens, i, _DETERMINERS if verb == "have" else _OPENINGS) if verb else None
        if verb is None or first is None:
            continue
        said = list(takewhile(lambda token: token.is_word, tokens[first : first + _LONGEST_COMPLEMENT]))
        past = token.lower in _PAST_AUXILIARIES or _follows(tokens, i, {"used"}) or any(word.lower in _FORMER for word in said)
        if past or token.lower not in {"be", "have"} or not _follows(tokens, i, _BEFORE_BASES, reach=1):  # not "will have a baby"
            stems = frozenset(term(word.lower, None).stem for word in said if word.lower not in _EMPTY)
            found.append(State(verb, past, stems, " ".join(word.text for word in tokens[i : first + len(said)])))
    return found


def _complement(tokens: Sequence[Token], i: int, openings: Collection[str]) -> int | None:
    """Where the words stand for what somebody is or has; `None` where there are none.

    They follow a figure, or one of the words that may open them.
    """
    place = next((j for j in range(i + 1, len(tokens)) if tokens[j].lower not in _ADVERBS), len(tokens))
    if place == len(tokens):
        return None
    counted = tokens[place].start > tokens[place - 1].end + 1  # a figure is no token: it leaves a gap
    return place if counted else place + 1 if tokens[place].lower in openings else None


def _looks_third_person(word: str) -> bool:
    """Whether a word may be a verb of the third person: "grows". Plurals look alike."""
    return word.endswith("s") and not word.endswith(("ss", "'s", "us", "is")) and len(word) > 3


def _is_past(tokens: Sequence[Token], i: int) -> bool:
    word = tokens[i].lower
    if word in _PAST_AUXILIARIES:
        return True
    past = word in _past_forms() or (word.endswith("ed") and len(word) > 4)
    return past and tokens[i].is_word and not _follows(tokens, i, _BEFORE_PARTICIPLES) and not _follows(tokens, i, {"to"}, reach=1)


def _follows(tokens: Sequence[Token], i: int, words: Collection[str], reach: int = _REACH) -> bool:
    return any(token.lower in words for token in tokens[max(0, i - reach) : i])
