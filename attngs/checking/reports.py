"""Who says it? "Tom says", "according to the seller", "it is said". English only."""

from __future__ import annotations

from collections.abc import Sequence

from attngs.checking.language.clauses import Clause
from attngs.checking.language.cues import Cue
from attngs.checking.language.tokens import Token

_OF_ONESELF = frozenset("i we he she they".split())
_QUOTING = frozenset("heard hear hears".split())  # even of oneself they tell what somebody else said
_IMPERSONAL = frozenset("is are was were it expected rumoured rumored".split())
_ORDERING = frozenset("told tells expect expects expected".split())  # with "to" they ask for something, or tell one's own plan
_POSSESSIVES = frozenset("his her their".split())
_BESIDE_VERBS = frozenset("would could can do did have had will 'd 'll 've also just really still always then".split())
_RELATIVE = frozenset("which who whom whose".split())
_UNNAMED = frozenset("he she they".split())


def introduces(clause: Clause, cues: Sequence[Cue], after: Clause) -> bool:
    """Whether a clause only says who says the one after it: "they say that", "according to Tom,".

    "Which nobody had expected," does not, nor does "I think", of what the speaker does.

    Args:
        clause: The first clause.
        cues: Its cues.
        after: The clause after it.
    """
    quotes = any(token.lower in _QUOTING for token in clause.tokens)
    of_oneself = not quotes and any(token.lower in _OF_ONESELF for token in after.tokens[:1])
    if after.opens or of_oneself or any(token.lower in _RELATIVE for token in clause.tokens[:1]):
        return False
    cue = next((cue for cue in cues if cue.group == "reported"), None)
    rest = clause.tokens[cue.end :] if cue else ()
    return cue is not None and (cue.kind == "source" or not any(token.is_word and token.lower != "that" for token in rest))


def reporter(clause: Clause, cues: Sequence[Cue]) -> frozenset[str] | None:
    """Names and stems of who is said to say a clause; `None` where nobody is.

    Empty where the clause does not tell who.
    """
    tokens = clause.tokens
    for cue in cues:
        if cue.group != "reported":
            continue
        before = _speaker(tokens, cue)
        after = next((token.lower for token in tokens[cue.end : cue.end + 2] if token.lower != "that"), "")
        word = tokens[cue.start].lower
        if cue.kind == "mention" or is_own_report(tokens, cue) or _is_of_oneself(tokens, cue, after):
            continue
        if word in _ORDERING and after == "to":
            continue
        who = _who(clause, cue)
        if who or cue.kind in {"opinion", "source"} or before in _UNNAMED:
            return who
    return None


def is_own_report(tokens: Sequence[Token], cue: Cue) -> bool:
    """Whether the speaker says what they think themselves: "I think", "we would also say"."""
    return _speaker(tokens, cue) in {"i", "we"} and tokens[cue.start].lower not in _QUOTING


def _speaker(tokens: Sequence[Token], cue: Cue) -> str:
    """The word before a verb of saying, auxiliaries and adverbs aside; empty if there is none."""
    return next((token.lower for token in reversed(tokens[: cue.start]) if token.lower not in _BESIDE_VERBS), "")


def _is_of_oneself(tokens: Sequence[Token], cue: Cue, after: str) -> bool:
    """Whether somebody tells of themselves, unlike "his teacher thinks he is bored"."""
    one = after == "they" and cue.start > 0 and not tokens[cue.start - 1].lower.endswith("s")
    return after in _OF_ONESELF and not one and tokens[cue.start].lower not in _QUOTING and tokens[0].lower not in _POSSESSIVES


def _who(clause: Clause, cue: Cue) -> frozenset[str]:
    """The names and stems of whoever says something; empty for "is said to be"."""
    tokens = clause.tokens
    if tokens[cue.end - 1].lower in {"to", "be"} or tokens[cue.start].lower in _IMPERSONAL:
        return frozenset()
    inverted = cue.start > 0 and not tokens[cue.start - 1].is_word and cue.end < len(tokens)  # ", said the vet"
    behind = cue.kind == "source" or inverted or any(token.lower in {"from", "by"} for token in tokens[cue.end : cue.end + 1])
    inside = tokens[cue.end : cue.end + 4] if behind else tokens[: cue.start]
    places = {token.start for token in inside}
    names = {name.key for name in clause.names if name.start in places}
    return frozenset(names | {word.stem for word in clause.content if word.start in places})


def is_another(clause: Clause, cues: Sequence[Cue], reporters: Sequence[frozenset[str]]) -> bool:
    """Whether a clause of the reply names somebody as its source who is none of the sources' own."""
    cue = next((cue for cue in cues if cue.group == "reported"), None)
    if cue is None or not all(reporters):
        return False
    who = _who(clause, cue)
    return bool(who) and all(who.isdisjoint(reporter) for reporter in reporters)
