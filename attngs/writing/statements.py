"""What becomes of the sentences of a rewrite: kept, replaced by a source, dropped, repeated, or cut.

Also whether an extract would hold more than what is left of them.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from attngs.checking.alignment import terms
from attngs.checking.language.languages import tell_language
from attngs.checking.verify import Verdict
from attngs.errors import ConfigError
from attngs.protocols import TokenCounter
from attngs.text.words import words
from attngs.types import Claim, Marking, Sentence

Decision = Literal["kept", "replaced", "dropped", "repeated", "cut"]

SECOND_LOOKS = 16
"""Sentences that were cut last and are tried again once the text fits."""

LONG = 4
"""A sentence of this many words is not said twice. A shorter one, such as `No.`, may answer another question, but not twice in a row."""

PARAPHRASED = 0.5
"""Share of a sentence's terms that a statement linked to it needs, to hold all of it."""
SAID = 0.8
"""The same for a statement that is not linked to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaithfulnessFloor:
    """What happens to sentences of a rewrite that their sources do not support.

    Args:
        unsupported: `replace` puts the closest source there, verbatim; `drop` puts nothing there.
        max_unsupported: The share of the rewrite, in characters, that may be unsupported; above it, the verbatim extract takes the place
            of the whole rewrite.

    Raises:
        ConfigError: One is outside its range.
    """

    unsupported: Literal["replace", "drop"] = "replace"
    max_unsupported: float = 0.5

    def __post_init__(self) -> None:
        if self.unsupported not in ("replace", "drop"):
            raise ConfigError(f"`unsupported` must be 'replace' or 'drop', got {self.unsupported!r}.")
        if not 0 <= self.max_unsupported <= 1:
            raise ConfigError(f"`max_unsupported` must be from 0 to 1, got {self.max_unsupported!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteStatement:
    """One sentence of a rewrite, and what became of it."""

    text: str
    """As it stands in the result; empty when it does not. White space behind it included."""
    written: str
    """As the writer wrote it."""
    decision: Decision
    sources: tuple[int, ...]
    """Numbers of the marking's sentences that it is made of, the closest first; a result's `Statement` has the sentences themselves."""
    support: float
    """0 to 1: how well the sources carry it."""
    unsupported: tuple[Claim, ...]
    """What the writer brought in that the sources do not hold."""


def decide(verdicts: Sequence[Verdict], sentences: Sequence[Sentence], floor: FaithfulnessFloor) -> list[RewriteStatement]:
    """Keep what is faithful; replace or drop the rest.

    No sentence stands more often than in the context, and no source replaces two sentences.
    """
    in_context = Counter(in_words(sentence.text) for sentence in sentences)  # "He pays rent." may be true of two people
    said, standing, last = Counter[str](), set[str](), ""
    statements = []
    for verdict in verdicts:
        key, before = in_words(verdict.text), last
        last = key or last
        closest = in_words(sentences[verdict.sources[0]].text) if verdict.sources else ""
        replacement = verdict.sources[0] if floor.unsupported == "replace" and closest and closest not in standing else None
        as_written = RewriteStatement(
            text=verdict.text,
            written=verdict.text,
            decision="kept",
            sources=verdict.sources,
            support=verdict.support,
            unsupported=verdict.unsupported or _without_source(verdict),
        )
        often = max(said[key], key in standing) >= max(1, in_context[key])
        if key and (key == before or (often and len(words(key)) >= LONG)):
            statements.append(replace(as_written, text="", decision="repeated"))
            continue
        said[key] += 1
        if not as_written.unsupported:
            standing.add(key)
            statements.append(as_written)
        elif replacement is None:
            statements.append(replace(as_written, text="", decision="dropped"))
        else:
            standing.add(closest)
            text = sentences[replacement].text.strip() + verdict.text[len(verdict.text.rstrip()) :]
            statements.append(replace(as_written, text=text, decision="replaced", sources=(replacement,), support=1.0))
    return statements


def in_words(text: str) -> str:
    """The words of a text alone, equal for texts that say the same in the same words."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _without_source(verdict: Verdict) -> tuple[Claim, ...]:
    """The claim of a sentence without a source: unsupported, even in a language that cannot be checked."""
    text = verdict.text.strip()
    return () if verdict.sources or not any(map(str.isalnum, text)) else (Claim("content", text),)


def unsupported_share(statements: Sequence[RewriteStatement]) -> float:
    """The share of the rewrite that is not supported, in characters; repetitions do not count."""
    sizes = [(len(each.written.strip()), bool(each.unsupported)) for each in statements if each.decision != "repeated"]
    total = sum(size for size, _ in sizes)
    return sum(size for size, wrong in sizes if wrong) / total if total else 0.0


def joined(statements: Sequence[RewriteStatement]) -> str:
    """The text of the result."""
    return "".join(statement.text for statement in statements).strip()


def cut(statements: Sequence[RewriteStatement], target_tokens: int, counter: TokenCounter) -> list[RewriteStatement]:
    """Remove whole sentences until the text fits, then put back what still fits.

    The least supported goes first; of equals, the last.
    """
    left = list(statements)
    standing = [(statement.support, -i) for i, statement in enumerate(left) if statement.text]
    heapq.heapify(standing)
    costs = counter.count([statement.text.strip() for statement in left])
    gone = list[int]()
    while standing and (tokens := counter.count([joined(left)])[0]) > target_tokens:
        excess = tokens - target_tokens  # joined text may cost a little more or less than the sum, so count again after each round
        while standing and excess > 0:
            number = -heapq.heappop(standing)[1]
            excess -= max(costs[number], 1)
            left[number] = replace(left[number], text="", decision="cut")
            gone.append(number)
    for number in reversed(gone[-SECOND_LOOKS:]):  # a long one that left last may have made room for short ones before it
        taken = left[number]
        left[number] = statements[number]
        if counter.count([joined(left)])[0] > target_tokens:
            left[number] = taken
    return left


def holds_less(marking: Marking, statements: Sequence[RewriteStatement], extract: Collection[int], share: float) -> bool:
    """Whether a rewrite holds less of what is marked than an extract does in as many tokens.

    A sentence of the context weighs what its score has above the mean of all scores; unmarked ones weigh nothing. An extract holds all of
    the sentences that it keeps. A rewrite holds of a source the share of its terms that stand in the statements linked to it; a good
    paraphrase has half of them, so half counts as all. A statement has few links, so what it says nearly word for word counts too.

    Args:
        marking: The sentences, their scores and marks.
        statements: The rewrite.
        extract: The sentences that an extract keeps: of as many tokens, or, where none is so short, of more.
        share: The rewrite's tokens as a share of the extract's, at most 1.
    """
    mean = fmean(marking.scores)
    weights = {i: max(0.0, marking.scores[i] - mean) for i, marked in enumerate(marking.marked) if marked}
    said = [(_terms(statement.text), statement.sources) for statement in statements if statement.text]
    held = sum(weight * _held(i, _terms(marking.sentences[i].text), said) for i, weight in weights.items())
    return held < min(1.0, share) * sum(weights.get(i, 0.0) for i in extract)


def _held(source: int, wanted: frozenset[str], said: Sequence[tuple[frozenset[str], tuple[int, ...]]]) -> float:
    """How much of a source the statements hold, 0 to 1."""
    if not wanted:
        return float(any(source in links for _, links in said))
    linked = frozenset[str]().union(*(found for found, links in said if source in links))
    share = len(wanted & linked) / (PARAPHRASED * len(wanted))
    repeated = any(len(wanted & found) >= SAID * len(wanted) for found, _ in said)
    return 1.0 if repeated else min(1.0, share)


def _terms(text: str) -> frozenset[str]:
    return frozenset(terms(text, tell_language(text)))
