"""Does a sentence of a reply deny what the sources affirm, or affirm what they deny?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from collections.abc import Set as AbstractSet

from attngs.checking.figures import LIGHT, carried
from attngs.checking.language.clauses import Clause, ContentWord
from attngs.checking.language.tenses import tenses
from attngs.checking.sources import SourceClause

_BOUNDS = frozenset("before until till vor bis avant jusqu'à antes hasta prima fino".split())
"""What is denied before a time, or until then, may be so later."""
_ALONE = frozenset("alone unaided".split())  # who cannot do something alone may do it with help
_NO_LONGER = frozenset({"longer", "anymore"})  # what is no longer so has been so
_ENDING = frozenset(
    "quit stop stops stopped leave leaves left end ends ended finish finished drop dropped cancel cancelled resigned".split()
)
_NEGATORS = frozenset("not no never".split())
_NEAR = 0.6  # of what the most similar source clause shares: from there on a source clause is about the same


def flipped(clause: Clause, sources: Sequence[SourceClause]) -> str:
    """A word to which the sources give the opposite sign and never the same; empty if there is none.

    Args:
        clause: A clause of the reply.
        sources: The clauses of the sources; only those that are about the same count.
    """
    shared = [(source.clause, _shared(clause, source.clause)) for source in sources if _is_comparable(clause, source.clause)]
    most = max((count for _, count in shared), default=0)
    near = [(source, count) for source, count in shared if count and (count >= _NEAR * most or _is_repeated(clause, source))]
    known = frozenset[str]().union(*(source.stems for source, _ in near))
    elsewhere = frozenset[str]().union(*(source.clause.stems for source in sources))
    for source, count in near:
        clash = _clash(clause, source, known)
        if not clash or _is_of_another(clash, clause, source, elsewhere) or any(_agrees(clash, other) for other, _ in near):
            continue
        explained = any(other.denies and other is not source and likeness >= count for other, likeness in near) or any(
            other.points and _denied(clause) & _denied(other) for other, _ in shared
        )
        if clash.polarity > 0 or not explained:  # what the clause denies may come from another denial
            return clash.text
    return ""


def _denied(clause: Clause) -> frozenset[str]:
    """What a clause denies: in "nobody liked it", "it" may be what the reply names."""
    return frozenset(word.stem for word in clause.content if word.polarity < 0 and word.head)


def _is_of_another(clash: ContentWord, clause: Clause, source: Clause, elsewhere: AbstractSet[str]) -> bool:
    """Whether both have no more than the word in common, and the reply says it of something else.

    "The seniors do not play" does not deny "the juniors play".
    """
    alone = (clause.stems & source.stems) - LIGHT <= {clash.stem}
    return alone and clause.content[0].stem in elsewhere - source.stems


def _is_comparable(clause: Clause, source: Clause) -> bool:
    """Whether one can deny the other: with the same bounds, and not both in words for an end."""
    if _is_bounded(clause) != _is_bounded(source) or _is_of_another_day(clause, source):
        return False
    if clause.words.isdisjoint(_ALONE) and source.denies and not source.words.isdisjoint(_ALONE):
        return False
    if not clause.words.isdisjoint(_NO_LONGER) and "past" in tenses(source.tokens, ()):
        return False
    ended = not clause.words.isdisjoint(_ENDING) and not source.words.isdisjoint(_ENDING)
    return not ended or any(word in _NEGATORS or word.endswith("n't") for word in clause.words | source.words)


def _is_bounded(clause: Clause) -> bool:
    """Whether it holds before a time or until then. A "before" at the end says no time."""
    last = next((token for token in reversed(clause.tokens) if token.is_word), None)
    return any(
        token.lower in _BOUNDS and (token is not last or any(mention.start > token.start for mention in clause.mentions))
        for token in clause.tokens
    )


def _is_of_another_day(clause: Clause, source: Clause) -> bool:
    """Whether both are dated, and not alike: what is open for June may be settled for May."""
    said = [mention for mention in clause.mentions if mention.kind == "date"]
    return bool(said and source.figures.days) and not any(carried(mention, source.figures) for mention in said)


def _shared(clause: Clause, source: Clause) -> int:
    """How many words, names and figures two clauses have in common."""
    figures = sum(not source.figures.exact.isdisjoint(mention.meanings) for mention in clause.mentions)
    return len(clause.stems & source.stems) + len({name.key for name in clause.names} & {name.key for name in source.names}) + figures


def _is_repeated(clause: Clause, source: Clause) -> bool:
    """Whether the reply's clause has all the words of a source clause that denies something."""
    return source.denies and bool(source.content) and source.stems <= clause.stems


def _agrees(mine: ContentWord, source: Clause) -> bool:
    return any(word.stem == mine.stem and word.polarity * mine.polarity >= 0 for word in source.content)


def _clash(clause: Clause, source: Clause, known: Container[str]) -> ContentWord | None:
    """A word of the reply's clause that the source clause has with the other sign, where both are sure."""
    theirs = defaultdict[str, list[ContentWord]](list)
    for word in source.content:
        theirs[word.stem].append(word)
    for mine in clause.content:
        same = theirs.get(mine.stem, [])
        if not same or any(mine.polarity * other.polarity >= 0 for other in same):
            continue
        focus = any(other.focus for other in same)
        if mine.focus and (focus or _is_told(clause, source, known)):
            return mine
        if focus and (any(other.head for other in same) or _affirms(clause, source)):
            return mine
    return None


def _is_told(clause: Clause, source: Clause, known: Container[str]) -> bool:
    """Whether the sources have what is denied, its last word or most of it.

    "Does not eat meat" does not deny "I eat eggs".
    """
    denied = [word.stem in known for word in clause.content if word.polarity < 0]
    return bool(denied) and (denied[-1] or 2 * sum(denied) > len(denied) or source.stems <= clause.stems)


def _affirms(clause: Clause, source: Clause) -> bool:
    """Whether the reply's clause affirms all that a denial of the source clause is about."""
    affirmed = {word.stem for word in clause.content if word.polarity > 0}
    return {word.stem for word in source.content if word.focus} <= affirmed
