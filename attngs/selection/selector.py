"""Scores and a token budget -> the sentences that stay. Pure Python, no model."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from attngs.errors import ConfigError, check_kind, check_whole
from attngs.marking.cover import covering_order
from attngs.marking.marker import Marker
from attngs.protocols import TokenCounter
from attngs.selection.draft import LOOK_AHEAD, Draft
from attngs.selection.layout import ExtractLayout
from attngs.selection.periods import Periods
from attngs.types import Document, Marking, Selection, Sentence

MustKeep = str | re.Pattern[str] | Callable[[Sentence], bool]
"""What must be kept, in the words of the user: a regular expression, or a test of a sentence."""

MEMORY_FLOOR = 0.1
"""The `min_score` of a user's memory where none is given: below it, a message has nothing to do with what is remembered.

Low, because a lost answer costs more than the tokens of an idle turn; `python -m benchmarks.floor` has the curve.
"""

PATTERN_SECONDS = 5.0
"""A regular expression has this long for all sentences of a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedySelector:
    """Best score first; what does not fit is skipped; ties go to the earlier sentence.

    In a chat, no message takes the whole budget.

    What is said twice (`attngs.selection.copies`) is kept once: the copy with the best score; of equal scores the one in a document of
    which something is kept already, then the earliest. In the end, sentences that overlapping documents share stand together in one of
    them. A copy that is kept elsewhere fulfils every promise below.

    Args:
        candidates: Fill the budget with the best of `all` sentences, or only with `marked` ones.
        neighbors: How many sentences before and after each chosen one come along, where they fit.
        must_keep: Regular expressions: sentences in which one is found go in first. A function of a sentence serves too.
        min_per_document: How many of its best sentences each document keeps, where they fit.
        min_score: The least probability, 0 to 1, that a kept sentence bears on the question. Sentences that must be kept, neighbours and
            heads are kept without. `None` and 0 are no floor.
        periods: How recent sessions, the long term and turning points share the budget, where documents have dates. `None`: the best
            are kept, whenever they were said.
        layout: How the kept sentences are joined.

    Raises:
        ConfigError: A number is outside its range, or a pattern is not a regular expression.
    """

    candidates: Literal["all", "marked"] = "all"
    neighbors: int = 0
    must_keep: tuple[MustKeep, ...] = ()
    min_per_document: int = 0
    min_score: float | None = None
    periods: Periods | None = None
    layout: ExtractLayout = ExtractLayout()

    def __post_init__(self) -> None:
        for name in ("neighbors", "min_per_document"):
            check_whole(name, getattr(self, name), 0)
        if self.candidates not in ("all", "marked"):
            raise ConfigError(f"`candidates` must be 'all' or 'marked', got {self.candidates!r}.")
        floor: object = self.min_score
        if floor is not None and (isinstance(floor, bool) or not isinstance(floor, int | float) or not 0 <= floor <= 1):
            raise ConfigError(f"`min_score` must be a probability from 0 to 1, or None, got {floor!r}.")
        given: object = self.must_keep
        if isinstance(given, str) or not all(isinstance(p, str | re.Pattern) or callable(p) for p in self.must_keep):
            raise ConfigError(f"`must_keep` must be a tuple of regular expressions or functions of a sentence, got {self.must_keep!r}.")
        for must in self.must_keep:
            matcher(must)
        if self.periods is not None:
            check_kind(self.periods, "periods", Periods)

    def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection:
        """Choose under the budget.

        Raises:
            ConfigError: `target_tokens` is below 1, or there is a floor and the marking has no probabilities.
        """
        target_tokens = check_whole("target_tokens", target_tokens)
        marking = replace(marking, marked=self._candidates(marking))
        required, order = self._required(marking.sentences), self._order(marking)
        draft = Draft(marking, order, self.layout, counter, target_tokens)
        draft.add_all(i for i, marked in enumerate(marking.marked) if marked)
        for i in self._promised(marking, order, required):
            self._add(draft, marking, i)
        fill(marking.scores, order, lambda i: self._take(draft, marking, i), begun=bool(draft.chosen))
        if not draft.chosen:  # a heading is better than nothing
            fill(marking.scores, order, lambda i: self._take(draft, marking, i, leads=True))
        draft.fit()
        return Selection(
            kept=tuple(sorted(draft.chosen)),
            dropped=tuple(i for i in range(len(marking.sentences)) if i not in draft.chosen),
            text=draft.text,
            tokens=draft.tokens,
            heads=tuple(sorted(draft.only_heads())),
            copies=draft.places(),
            too_long=self._too_long(marking, draft, [*required, *order[:LOOK_AHEAD]]),
            silent=self._silent(marking, draft),
            reason=self._reason(marking, draft, required, order),
        )

    def whole(self, documents: Sequence[Document]) -> Sequence[tuple[str, str]]:
        """As the layout shows the documents if all is kept."""
        return self.layout.whole(documents)

    def _order(self, marking: Marking) -> list[int]:
        """The units in the order in which the budget is offered them."""
        order = covering_order(marking.sentences, marking.scores)
        return self.periods.order(order, marking.sentences, marking.marked) if self.periods else order

    def _candidates(self, marking: Marking) -> tuple[bool, ...]:
        """Which sentences may be kept for their own sake."""
        wanted = marking.marked if self.candidates == "marked" else (True,) * len(marking.sentences)
        if not self.min_score:
            return wanted
        if marking.probabilities is None:
            raise ConfigError(
                f"`min_score` is {self.min_score}, but this marker cannot tell how probable it is that a sentence bears on the question. "
                "Use the embedded marker, or fit a probe for this model (`attngs fit`) and pass it as `probe`; or leave `min_score` out."
            )
        return tuple(one and probability >= self.min_score for one, probability in zip(wanted, marking.probabilities, strict=True))

    def _required(self, sentences: Sequence[Sentence]) -> list[int]:
        tests = [matcher(must) for must in self.must_keep]
        return [i for i, sentence in enumerate(sentences) if any(test(sentence) for test in tests)]

    def _promised(self, marking: Marking, order: Sequence[int], required: Sequence[int]) -> Iterator[int]:
        """Sentences that get their chance first: those that must be kept, then the minimum of every document."""
        must = set(required)
        yield from (i for i in order if i in must)
        taken = Counter[int]()
        for i in order if self.min_per_document else ():
            position = marking.sentences[i].position
            if taken[position] < self.min_per_document and (marking.marked[i] or not self.min_score):
                taken[position] += 1
                yield i

    def _take(self, draft: Draft, marking: Marking, i: int, *, leads: bool = False) -> bool | None:
        if not self._is_candidate(draft, marking, i, leads=leads):
            return None
        if not draft.is_said(i):
            return self._add(draft, marking, i, neighbors=self.neighbors)
        if self.neighbors and i in draft.chosen:
            draft.add(self._with_neighbors(marking.sentences, i))
        return None

    def _add(self, draft: Draft, marking: Marking, i: int, *, neighbors: int = 0) -> bool:
        """Add a sentence, or the copy of it that should stay; of a piece the whole, where that fits."""
        best = draft.best_copy(i)
        if neighbors:
            draft.add(self._with_neighbors(marking.sentences, best))
        return draft.add([best], of=best) or (best != i and draft.add([i], of=i))

    def _too_long(self, marking: Marking, draft: Draft, best: Sequence[int]) -> tuple[int, ...]:
        """The best units that are not chosen and would not fit alone.

        The parts of one below the mean score would be scraps.
        """
        mean = fmean(marking.scores) if marking.scores else 0.0
        left = [i for i in dict.fromkeys(best) if not draft.is_said(i) and self._is_candidate(draft, marking, i)]
        left = [i for i in left if marking.scores[i] >= mean]
        return tuple(i for i in left if not draft.has_room_for(i))

    def _is_candidate(self, draft: Draft, marking: Marking, i: int, *, leads: bool = False) -> bool:
        if draft.is_blank(i) or not marking.marked[i]:
            return False
        return leads or not draft.only_leads(i)

    def _with_neighbors(self, sentences: Sequence[Sentence], i: int) -> list[int]:
        around = range(max(0, i - self.neighbors), min(len(sentences), i + self.neighbors + 1))
        return [j for j in around if sentences[j].position == sentences[i].position]

    def _reason(self, marking: Marking, draft: Draft, required: Sequence[int], order: Sequence[int]) -> str | None:
        """Why the result is not what was asked for; `None` when it is."""
        if not any(sentence.text.strip() for sentence in marking.sentences):
            return "the documents hold no text"
        if not draft.chosen:
            return self._nothing(marking, draft)
        missing = [i for i in required if not draft.is_said(i) and marking.sentences[i].text.strip()]
        if missing:
            return f"{len(missing)} of {len(required)} sentences that must be kept did not fit into {draft.budget} tokens"
        return self._best_left_out(marking, draft, order) or self._documents_left_out(marking.sentences, draft)

    def _nothing(self, marking: Marking, draft: Draft) -> str:
        wanted = [i for i, sentence in enumerate(marking.sentences) if sentence.text.strip() and marking.marked[i]]
        if self._silent(marking, draft):
            best, floor = max(marking.probabilities or (0.0,)), self.min_score or 0.0
            return f"nothing in the documents bears on the question (best {best:.2f}, floor {floor:.2f})"
        if not wanted:
            return "nothing was marked"
        kind = "marked sentence" if self.candidates == "marked" else "sentence"
        return f"nothing fits: the shortest {kind} takes {draft.smallest(wanted)}, the budget is {draft.budget}"

    def _silent(self, marking: Marking, draft: Draft) -> bool:
        """Whether nothing is kept because nothing reaches the floor."""
        return not draft.chosen and bool(self.min_score) and max(marking.probabilities or (0.0,)) < (self.min_score or 0.0)

    def _best_left_out(self, marking: Marking, draft: Draft, order: Sequence[int]) -> str | None:
        best = next((i for i in order if self._is_candidate(draft, marking, i)), None)
        if best is None or draft.is_said(best):
            return None
        return f"the best sentence takes {draft.smallest([best])} and did not fit into {draft.budget}"

    def _documents_left_out(self, sentences: Sequence[Sentence], draft: Draft) -> str | None:
        if not self.min_per_document:
            return None
        kept = {sentences[j].position for i in draft.chosen for j in draft.copies.of(i)}
        empty = {s.position for s in sentences if s.text.strip()} - kept
        return f"{len(empty)} documents have no sentence that fitted into {draft.budget} tokens" if empty else None


def fill(scores: Sequence[float], order: Sequence[int], take: Callable[[int], bool | None], *, begun: bool = False) -> None:
    """Offer units to a budget in order: the one policy of selection, evaluation and fitting.

    Once something is in and something else did not fit, only `LOOK_AHEAD` more misfits are tolerated, and nothing below the mean score
    is offered.

    Args:
        scores: Of the units `(S,)`.
        order: The units in the order in which they are offered, as `ranking` or `covering_order` has them.
        take: Says whether the unit fits, and takes it if so; `None` for a unit that is no candidate.
        begun: Whether something is in already.
    """
    mean = fmean(scores) if scores else 0.0
    misfits = 0
    for i in order:
        if begun and misfits > LOOK_AHEAD:
            return
        if begun and misfits and scores[i] < mean:
            continue
        fits = take(i)
        begun |= fits is True
        misfits += fits is False


def memory_floor(min_score: float | None, marker: Marker) -> float | None:
    """The `min_score` of a user's memory: the one given, else `MEMORY_FLOOR` if the marker can tell."""
    return MEMORY_FLOOR if min_score is None and marker.calibrated else min_score


def matcher(must: MustKeep) -> Callable[[Sentence], object]:
    """A test that is truthy for the sentences that `must` names.

    Anybody may write a pattern, and one that backtracks takes forever: `regex` reads the same patterns as `re` and can stop.

    Raises:
        ConfigError: It is no regular expression. The test raises it where the pattern takes too long.
    """
    if not isinstance(must, str | re.Pattern):
        return must
    import regex

    written, flags = (must, 0) if isinstance(must, str) else (must.pattern, must.flags)
    try:
        pattern = regex.compile(written, flags)
    except regex.error as error:
        raise ConfigError(f"`must_keep` holds {written!r}, which is not a regular expression: {error}.") from error
    left = PATTERN_SECONDS  # of its own time: many searches, each of them quick, may take forever too

    def search(sentence: Sentence) -> object:
        nonlocal left
        begun = time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            return pattern.search(sentence.text, timeout=left)
        except TimeoutError as error:
            raise ConfigError(
                f"`must_keep` holds {written!r}, which took more than {PATTERN_SECONDS:g} seconds on these documents; make it simpler."
            ) from error
        finally:
            left -= time.monotonic() - begun

    return search
