"""Does the reply relate two things as its sources do: which is more, earlier, or the cause?

A relation has two sides and a sign: "the train is slower than the bus" is `speed`, train, bus, less. One of the reply is
unsupported where the sources relate the same sides the other way round and never this way, or give what happened another
cause. English only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from attngs.checking.figures import LIGHT
from attngs.checking.language.clauses import Clause
from attngs.checking.language.cues import Cue, Degree, degree, excess, find_cues, measure
from attngs.checking.language.tokens import Token
from attngs.checking.language.wording import term
from attngs.types import Claim

_STOPS = frozenset(", ; : — – ( ) . ! ? and but though although while whereas which who that".split())
_SUBJECTS = frozenset("i we you they he she it there".split())
_POINTERS = frozenset("it this that them they".split())
_AMBIGUOUS = frozenset({"since", "as"})  # may be of time: they carry a cause, and claim none
_PREFERENCE = frozenset("prefer prefers preferred preferring".split())
_RATING = frozenset(
    "rate rates rated rank ranks ranked value values valued choose chooses chose favour favours favor favors put puts".split()
)
_ABOVE = {"over": 1, "above": 1, "below": -1}
"""What joins the sides of a preference, and whether it puts the left one above; beside these "prefer" takes "to"."""
_DETERMINERS = frozenset("the a an my your his her its our their this that".split())
_RANKS = frozenset("second third last".split())  # where they end a stretch: "the scarf second"
_BEFORE_SUBJECTS = frozenset("than of before after".split())
_STRETCH = 40  # tokens; what stands further off is no side of a relation
_THAN = 10  # tokens from a comparative to its "than"
_TO = 6  # tokens from "from" to its "to"


class _Relation(NamedTuple):
    """How two things stand to each other."""

    group: str
    """`comparison`, `order` or `cause`."""
    scale: str
    """Of a comparison: `age`, `price`; else empty."""
    left: frozenset[str]
    right: frozenset[str]
    """May be empty: "her flat is smaller"."""
    sign: int
    """1 where the left side is more, earlier, or the cause."""
    text: str


def check_relations(clauses: Sequence[Clause], sources: Sequence[Clause]) -> Iterator[Claim]:
    """Relations of a sentence that its sources turn round, and causes that are not theirs.

    Args:
        clauses: A sentence of the reply.
        sources: The clauses of the sentences that it is linked to, in order.
    """
    known = list(_relations(sources))
    for relation in _relations(clauses):
        if relation.text.lower() in _AMBIGUOUS:
            continue
        same = [other for other in known if (other.group, other.scale) == (relation.group, relation.scale)]
        agreements = [_agreement(relation, other) for other in same]
        if any(agreement > 0 for agreement in agreements):
            continue
        if any(agreement < 0 for agreement in agreements) or (relation.group == "cause" and _has_another_cause(relation, same)):
            yield Claim(relation.group, relation.text)


def _agreement(mine: _Relation, other: _Relation) -> int:
    """1 where two relations say the same of the same sides, -1 where one turns the other round.

    0 where they are of different things.
    """
    (left, right), (its_left, its_right) = _apart(mine), _apart(other)
    straight, crossed = _overlap(left, its_left), _overlap(left, its_right)
    behind, across = _overlap(right, its_right), _overlap(right, its_left)
    both = (straight and behind) or (crossed and across)
    same = bool(both) if right and its_right else mine.group == "comparison"
    if not same or straight + behind == crossed + across:
        return 0
    return mine.sign * other.sign * (1 if straight + behind > crossed + across else -1)


def _apart(relation: _Relation) -> tuple[frozenset[str], frozenset[str]]:
    """The two sides without what both have; as they are where one has nothing of its own."""
    left, right = relation.left - relation.right, relation.right - relation.left
    return (left, right) if left and right else (relation.left, relation.right)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """How much of the shorter side the other has."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def _has_another_cause(mine: _Relation, known: Sequence[_Relation]) -> bool:
    """Whether the sources give the same effect a cause, and never this one."""
    cause, effect = _sides(mine)
    others = [_sides(other) for other in known]
    same = [other for other, followed in others if _overlap(effect, followed) >= 0.5]
    return bool(same) and all(cause.isdisjoint(other) for other in same)


def _sides(relation: _Relation) -> tuple[frozenset[str], frozenset[str]]:
    """Cause and effect."""
    return (relation.left, relation.right) if relation.sign > 0 else (relation.right, relation.left)


class _Words(NamedTuple):
    """A sentence with what its tokens say."""

    tokens: tuple[Token, ...]
    terms: tuple[str, ...]
    """For each token its stem or name; empty where it says nothing, or is part of a cue."""
    cues: tuple[Cue, ...]

    def side(self, start: int, end: int) -> frozenset[str]:
        """What the tokens `[start, end)` say, or the last `_STRETCH` of them."""
        return frozenset(term for term in self.terms[max(0, start, end - _STRETCH) : end] if term)

    def back(self, i: int) -> int:
        """Where the stretch begins that ends at a place."""
        first = max(0, i - _STRETCH)
        return next((j for j in range(i, first, -1) if self.tokens[j - 1].lower in _STOPS), first)

    def ahead(self, i: int) -> int:
        """Where the stretch ends that begins at a place.

        At a stop, or where a new subject follows what has been said.
        """
        said = False
        end = min(len(self.tokens), i + _STRETCH)
        for j in range(i, end):
            word = self.tokens[j].lower
            if word in _STOPS or (said and word in _SUBJECTS and self.tokens[j - 1].lower not in _BEFORE_SUBJECTS):
                return j
            said = said or bool(self.terms[j])
        return end

    def text(self, start: int, end: int) -> str:
        return " ".join(token.text for token in self.tokens[start:end])


def _relations(clauses: Sequence[Clause]) -> Iterator[_Relation]:
    before = frozenset[str]()  # what the sentence before said
    sentence = list[Clause]()
    for clause in [*clauses, None]:
        if sentence and (clause is None or clause.opens):
            words = _words(sentence)
            if not sentence[-1].question:
                yield from _compared(words)
                yield from _ordered(words, before)
                yield from _caused(words, before)
            before = words.side(0, len(words.tokens))
            sentence = []
        if clause is not None:
            sentence.append(clause)


def _words(sentence: Sequence[Clause]) -> _Words:
    said = {name.start: term(name.key, None).stem for clause in sentence for name in clause.names}
    said |= {word.start: word.stem for clause in sentence for word in clause.content if word.stem not in LIGHT}
    figures = [mention for clause in sentence for mention in clause.mentions if not mention.weak]
    said |= {mention.start: repr(mention.meanings[0]) for mention in figures if mention.meanings}
    places = [Token(text="#", start=mention.start, end=mention.end, lower="#") for mention in figures]
    tokens = tuple(sorted([*(token for clause in sentence for token in clause.tokens), *places], key=lambda token: token.start))
    for before, token in pairwise(tokens):
        if token.values and before.lower in _DETERMINERS:  # "the first"
            said[token.start] = token.lower
        elif len(token.text) == 1 and token.text.isupper() and token.text != "I" and before.is_word:  # "sample B"
            said[token.start] = token.text
    cues = tuple(cue for cue in find_cues(tokens) if cue.group in {"order", "cause"})
    inside = {i for cue in cues for i in range(cue.start, cue.end) if not tokens[i].values}
    return _Words(tokens, tuple("" if i in inside else said.get(token.start, "") for i, token in enumerate(tokens)), cues)


def _compared(words: _Words) -> Iterator[_Relation]:
    """Comparisons: "older than", "outlives", "prefers tea to coffee", "rather walk than drive"."""
    tokens = words.tokens
    for i, token in enumerate(tokens):
        than = next((j for j in range(i + 1, min(len(tokens), i + _THAN)) if tokens[j].lower == "than"), None)
        if token.lower in _PREFERENCE or token.lower in _RATING:
            joints = _ABOVE | ({"to": 1} if token.lower in _PREFERENCE else {})
            joint = next((j for j in range(i + 2, min(len(tokens), i + _THAN)) if tokens[j].lower in joints), None)
            if joint is not None:
                yield _preferred(words, i, joint, joints[tokens[joint].lower])
        elif token.lower == "rather" and than is not None:
            yield _preferred(words, i, than, 1)
        elif found := excess(token):
            sides = words.side(words.back(i), i), words.side(i + 1, words.ahead(i + 1))
            if all(sides):
                yield _Relation("comparison", found.scale, *sides, found.sign, token.text)
        elif (found := degree(tokens, i, than)) and not (i and tokens[i - 1].lower in {"no", "not"}):  # "no better than" may be as good
            yield from _graded(words, i, than, found)


def _graded(words: _Words, i: int, than: int | None, found: Degree) -> Iterator[_Relation]:
    """What a comparative at a place compares.

    "More people work in the warehouse than in the office" has one side on both sides of the comparative.
    """
    tokens = words.tokens
    if (than is None and found.scale == "time") or (i and tokens[i - 1].lower == "or"):
        return  # "four years later", "twenty or more"
    back = words.back(i)
    first = i + 1 + (tokens[i].lower in {"more", "less"} and found.scale != "amount")
    left = words.side(back, i) or words.side(0, i)
    right = frozenset[str]()
    if than is not None:
        left |= words.side(first, than)
        right = words.side(than + 1, words.ahead(than + 1))
    left = left or words.side(first, words.ahead(first))
    if left:
        scale = measure(tokens[back : than or words.ahead(i)], found.scale)
        yield _Relation("comparison", scale, left, right, found.sign, tokens[i].text)


def _preferred(words: _Words, cue: int, joint: int, sign: int) -> _Relation:
    """One thing stands between the cue and "to", "over" or "than", the other behind it."""
    right = words.side(joint + 1, words.ahead(joint + 1))
    return _Relation("comparison", "preference", words.side(cue + 1, joint), right, sign, words.text(cue, joint + 2))


def _ordered(words: _Words, before: frozenset[str]) -> Iterator[_Relation]:
    """What comes first: "A before B", "after B, A", "A first and B second", "from A to B"."""
    tokens = words.tokens
    cues = [cue for cue in words.cues if cue.group == "order"]
    for cue in cues:
        if cue.kind in {"before", "after"}:
            left, right = _around(words, cue, before)
            yield _Relation("order", "", left, right, 1 if cue.kind == "before" else -1, words.text(cue.start, cue.end))
    yield from _ranked(words, [cue for cue in cues if cue.kind in {"first", "then"}], before)
    for i, token in enumerate(tokens):
        to = next((j for j in range(i + 2, min(len(tokens), i + _TO)) if tokens[j].lower == "to"), None) if token.lower == "from" else None
        if to is not None:
            yield _Relation("order", "", words.side(i + 1, to), words.side(to + 1, to + 2), 1, words.text(i, to + 2))


def _ranked(words: _Words, cues: Sequence[Cue], before: frozenset[str]) -> Iterator[_Relation]:
    """What words such as "first", "then" and "second" put in order.

    A stretch with "then", "later" or "second" comes after the one with "first", or else after the one before it.
    """
    tokens = words.tokens
    ranks = {
        next(i for i in range(cue.start, cue.end) if tokens[i].lower not in _STOPS): cue.kind
        for cue in cues
        if cue.kind == "then" or not _counts_things(words, cue.start)
    }
    first, earlier, start = frozenset[str](), before, 0
    for end in range(len(tokens) + 1):
        if end < len(tokens) and tokens[end].lower not in _STOPS:
            continue
        said = words.side(start, end)
        places = [i for i in range(start, end) if i in ranks]
        trails = end - start > 1 and tokens[end - 1].lower in _RANKS and tokens[end - 2].lower not in _DETERMINERS
        if said and (first or earlier) and (trails or any(ranks[i] == "then" for i in places)):
            place = places[0] if places else end - 1
            yield _Relation("order", "", first or earlier, said, 1, tokens[place].text)
        if said:
            first = said if any(ranks[i] == "first" for i in places) else first
            earlier = said
        start = end + 1


def _counts_things(words: _Words, i: int) -> bool:
    """Whether a "first" tells which one: "the first book"."""
    return i > 0 and words.tokens[i - 1].lower in _DETERMINERS and any(words.terms[i + 1 : i + 2])


def _caused(words: _Words, before: frozenset[str]) -> Iterator[_Relation]:
    """What causes what: "B because A", "A, so B", "A led to B"."""
    for cue in words.cues:
        if cue.group != "cause" or (words.tokens[cue.start].lower == "so" and not _concludes(words, cue)):
            continue
        left, right = _around(words, cue, before)
        yield _Relation("cause", "", left, right, 1 if cue.kind == "therefore" else -1, words.text(cue.start, cue.end))


def _concludes(words: _Words, cue: Cue) -> bool:
    """Whether a "so" says that something follows.

    It stands after a comma, and no "that", "far" or adverb comes next.
    """
    after = words.tokens[cue.end].lower if cue.end < len(words.tokens) else ""
    before = words.tokens[cue.start - 1].lower if cue.start else "."
    return before in {",", ";", ".", "and", "—", "–"} and after not in {"that", "far", "much", "many", "as"}


def _around(words: _Words, cue: Cue, before: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What stands before a cue and what stands after it. "After B, A" has both behind the cue."""
    end = words.ahead(cue.end)
    right = words.side(cue.end, end)
    start = words.back(cue.start)
    left = words.side(start, cue.start)
    opens = not left and (cue.start == 0 or words.tokens[cue.start - 1].lower in _STOPS)
    if opens and cue.kind != "therefore":
        left = words.side(end, words.ahead(end + 1)) or words.side(0, cue.start)
    elif not left:
        left = words.side(0, cue.start) or before
    if not right and any(token.lower in _POINTERS for token in words.tokens[cue.end : end]):
        right = words.side(0, start) or before
    return left, right
