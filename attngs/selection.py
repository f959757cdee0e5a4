"""Scores and a token budget -> the sentences that stay. Pure Python, no model.

The budget is a hard bound on the text that comes out: labels, joins and all, in the tokens of the counter in use. Costs of single
sentences only guide the choice; the joined text itself is counted, and sentences leave again until it fits. A unit comes with its heads.
More than 400 lines: how a text is laid out, what it costs and what is chosen depend on each other.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import groupby, islice
from statistics import fmean
from typing import Literal

from attngs.errors import ConfigError, check_whole
from attngs.marking.algorithm import ranking
from attngs.protocols import TokenCounter
from attngs.text.defusing import TURN, header, one_line, quote_lines
from attngs.types import Marking, Selection, Sentence

MustKeep = str | re.Pattern[str] | Callable[[Sentence], bool]

LOOK_AHEAD = 16
"""Once a sentence does not fit, this many of the next best are still tried, and none below the average score: what is left of the budget
would fill with scraps that happen to be short."""

BLOCK = 128
"""Sentences that are counted at a time: not one by one, and not all of a context of which few will be kept."""

PATTERN_SECONDS = 5.0
"""A regular expression of `must_keep` has this long for all sentences of a request."""

LEADING = frozenset({"heading", "header", "speaker", "key", "question"})
"""Kinds of units that are kept only with a unit below them, if there is one."""

MOST_FAILURES = 3
"""Sentences that are tried and do not fit into the room left, after which no other is tried."""

JOIN_TOKENS = 4
"""A sentence takes at most this many tokens less inside a text than alone, where its ends may merge with what stands around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractLayout:
    """How kept sentences become one text."""

    label: str = "[{id}]\n"
    """Stands before each document when the request has several; `""` for none."""
    gap: str = "\n"
    """Stands where sentences were left out."""
    document_gap: str = "\n\n"

    def __post_init__(self) -> None:
        try:
            self.label.format(id="")
        except (LookupError, ValueError) as error:
            raise ConfigError(f"`label` may hold only the field {{id}}, got {self.label!r}.") from error

    def render(self, sentences: Sequence[Sentence], kept: Iterable[int], *, labelled: bool) -> str:
        """The kept sentences in reading order, none of whose lines passes for a label.

        Neighbours keep the white space between them.
        """
        parts = list[str]()
        for _, members in groupby(sorted(kept), key=lambda i: sentences[i].position):
            numbers = list(members)
            before, after = self.frame(sentences[numbers[0]], labelled=labelled)
            text = self.gap.join(run.strip() for run in _runs(sentences, numbers))
            parts.append(before + self.defuse(text, labelled=labelled) + after)
        return self.document_gap.join(parts)

    def defuse(self, text: str, *, labelled: bool) -> str:
        """The kept text of one document, with no line that passes for a label where there are labels."""
        return quote_lines(text, self._posing) if labelled else text

    def frame(self, sentence: Sentence, *, labelled: bool) -> tuple[str, str]:
        """What stands before and after the kept text of the sentence's document; it counts."""
        return (self.label.format(id=one_line(sentence.document.id)) if labelled else ""), ""

    @property
    def _posing(self) -> re.Pattern[str]:
        """The start of a line that looks like a label, whatever the id."""
        before, _, after = self.label.strip().partition("{id}")
        if not before.strip():
            return TURN  # `{id}: ` is how turns are labelled, and would match most lines
        return header(before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedySelector:
    """Best score first; what does not fit is skipped; ties go to the earlier sentence.

    Args:
        candidates: Fill the budget with the best of `all` sentences, or only with `marked` ones.
        neighbors: How many sentences before and after each chosen one come along, where they fit.
        must_keep: Regular expressions: sentences in which one is found go in first. A function of a sentence serves too.
        min_per_document: How many of its best sentences each document keeps, where they fit.
        min_score: The least probability, 0 to 1, that a kept sentence bears on the question. Sentences that must be kept, neighbours and
            heads are kept without. `None` and 0 are no floor.
        layout: How the kept sentences are joined.

    Raises:
        ConfigError: A number is outside its range, or a pattern is not a regular expression.
    """

    candidates: Literal["all", "marked"] = "all"
    neighbors: int = 0
    must_keep: tuple[MustKeep, ...] = ()
    min_per_document: int = 0
    min_score: float | None = None
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
            _matcher(must)

    def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection:
        """Choose under the budget.

        Raises:
            ConfigError: `target_tokens` is below 1, or there is a floor and the marking has no probabilities.
        """
        target_tokens = check_whole("target_tokens", target_tokens)
        marking = replace(marking, marked=self._candidates(marking))
        required, order = self._required(marking.sentences), ranking(marking.scores)
        draft = _Draft(marking.sentences, order, self.layout, counter, target_tokens)
        draft.add_all(i for i, marked in enumerate(marking.marked) if marked)
        for i in self._promised(marking, order, required):
            draft.add([i], of=i)
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
            silent=self._silent(marking, draft),
            reason=self._reason(marking, draft, required, order),
        )

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
        tests = [_matcher(must) for must in self.must_keep]
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

    def _take(self, draft: _Draft, marking: Marking, i: int, *, leads: bool = False) -> bool | None:
        if draft.is_blank(i) or (draft.only_leads(i) and not leads) or not marking.marked[i]:
            return None
        if self.neighbors:
            draft.add(self._with_neighbors(marking.sentences, i))
        return draft.add([i], of=i)

    def _with_neighbors(self, sentences: Sequence[Sentence], i: int) -> list[int]:
        around = range(max(0, i - self.neighbors), min(len(sentences), i + self.neighbors + 1))
        return [j for j in around if sentences[j].position == sentences[i].position]

    def _reason(self, marking: Marking, draft: _Draft, required: Sequence[int], order: Sequence[int]) -> str | None:
        """Why the result is not what was asked for; `None` when it is."""
        if not any(sentence.text.strip() for sentence in marking.sentences):
            return "the documents hold no text"
        if not draft.chosen:
            return self._nothing(marking, draft)
        missing = [i for i in required if i not in draft.chosen and marking.sentences[i].text.strip()]
        if missing:
            return f"{len(missing)} of {len(required)} sentences that must be kept did not fit into {draft.budget} tokens"
        return self._best_left_out(marking, draft, order) or self._documents_left_out(marking.sentences, draft)

    def _nothing(self, marking: Marking, draft: _Draft) -> str:
        wanted = [i for i, sentence in enumerate(marking.sentences) if sentence.text.strip() and marking.marked[i]]
        if self._silent(marking, draft):
            best, floor = max(marking.probabilities or (0.0,)), self.min_score or 0.0
            return f"nothing in the documents bears on the question (best {best:.2f}, floor {floor:.2f})"
        if not wanted:
            return "nothing was marked"
        kind = "marked sentence" if self.candidates == "marked" else "sentence"
        return f"nothing fits: the shortest {kind} takes {draft.smallest(wanted)}, the budget is {draft.budget}"

    def _silent(self, marking: Marking, draft: _Draft) -> bool:
        """Whether nothing is kept because nothing reaches the floor."""
        return not draft.chosen and bool(self.min_score) and max(marking.probabilities or (0.0,)) < (self.min_score or 0.0)

    def _best_left_out(self, marking: Marking, draft: _Draft, order: Sequence[int]) -> str | None:
        best = next(i for i in order if marking.sentences[i].text.strip())
        if best in draft.chosen or not marking.marked[best]:
            return None
        return f"the best sentence takes {draft.smallest([best])} and did not fit into {draft.budget}"

    def _documents_left_out(self, sentences: Sequence[Sentence], draft: _Draft) -> str | None:
        if not self.min_per_document:
            return None
        kept = {sentences[i].position for i in draft.chosen}
        empty = {s.position for s in sentences if s.text.strip()} - kept
        return f"{len(empty)} documents have no sentence that fitted into {draft.budget} tokens" if empty else None


def fill(scores: Sequence[float], order: Sequence[int], take: Callable[[int], bool | None], *, begun: bool = False) -> None:
    """Offer units to a budget, best first: the one policy of selection, evaluation and fitting.

    Once something is in and something else did not fit, only `LOOK_AHEAD` more misfits are tolerated, and nothing below the mean score
    is offered.

    Args:
        scores: Of the units `(S,)`.
        order: The units from the best to the worst, as `ranking` has them.
        take: Says whether the unit fits, and takes it if so; `None` for a unit that is no candidate.
        begun: Whether something is in already.
    """
    mean = fmean(scores) if scores else 0.0
    misfits = 0
    for i in order:
        if begun and misfits and (misfits > LOOK_AHEAD or scores[i] < mean):
            return
        fits = take(i)
        begun |= fits is True
        misfits += fits is False


class _Draft:
    """Sentences chosen so far, with what each costs alone.

    The joined text is rendered and counted only where that can change the choice: once for the greedy choice, and again for each
    sentence that may still fit into the room left.
    """

    def __init__(
        self, sentences: Sequence[Sentence], order: Sequence[int], layout: ExtractLayout, counter: TokenCounter, budget: int
    ) -> None:
        self.sentences, self.layout, self.counter, self.budget = sentences, layout, counter, budget
        self.labelled = bool(layout.label) and len({sentence.position for sentence in self.sentences}) > 1
        self.chosen: dict[int, int] = {}  # in the order of choice, each with the unit that it came for
        self._places = {(s.position, s.start): i for i, s in enumerate(sentences)} if any(s.heads for s in sentences) else {}
        self._leads = {self._places.get((s.position, head.start)) for s in sentences for head in s.heads}
        self.text, self.tokens = "", 0
        self._skipped: list[int] = []
        self._spent = 0
        self._opened = set[int]()
        self._order = iter(order)
        self._costs: dict[int, int] = {}
        self._label_costs: dict[int, int] = {}

    def add_all(self, candidates: Iterable[int]) -> None:
        """Take all candidates if they fit: the usual case of a context that needed no compression."""
        everything = self._with_heads([i for i in candidates if self.sentences[i].text.strip()])
        cost = 0
        for at in range(0, len(everything), BLOCK):
            cost += sum(self._costs_of(everything[at : at + BLOCK]))
            if cost > 2 * self.budget:
                return  # not worth counting
        self.chosen = {i: i for i in everything}
        self._render()
        if self.tokens > self.budget:
            self.chosen = {}
            return
        self._spent = self.tokens
        self._opened = {self.sentences[i].position for i in everything}

    def add(self, group: Sequence[int], *, of: int | None = None) -> bool:
        """Take all of the group with their heads, or none of it; says whether all are in.

        Args:
            group: Units that belong together.
            of: The one that is tried again by itself if there is room left.
        """
        for most in (None, 1):  # all heads, or at least the nearest
            new = self._missing(group, most)
            cost = self._cost(new, self._opened)
            if self._spent + cost <= self.budget:
                self._spent += cost
                self._opened.update(self.sentences[i].position for i in new)
                self._choose(group, new)
                return True
        self._skipped.extend([] if of is None else [of])
        return False

    def fit(self) -> None:
        """Make the joined text fit: the last chosen leave first. Then use the room that is left."""
        self._render()
        while self.chosen and self.tokens > self.budget:
            # half of the share that is too much, so that a long text needs few counts; what left too early gets another chance below
            for _ in range(max(1, int(len(self.chosen) * (1 - self.budget / self.tokens) / 2))):
                if self.chosen:
                    self._leave()
            self._render()
        too_much, failed = math.inf, 0
        for i in self._skipped[:LOOK_AHEAD]:  # the sum of single costs may have overstated the text
            new = self._missing([i])
            cost = self._cost(new, {self.sentences[j].position for j in self.chosen})
            if failed == MOST_FAILURES or cost > min(too_much, self.budget - self.tokens + JOIN_TOKENS):
                continue
            before = dict(self.chosen), self.text, self.tokens
            self._choose([i], new)
            self._render()
            if self.tokens > self.budget:
                self.chosen, self.text, self.tokens = before
                too_much, failed = cost, failed + 1

    def is_blank(self, i: int) -> bool:
        """Whether a unit holds no words."""
        return not self.sentences[i].text.strip() or self.sentences[i].kind == "markup"

    def only_leads(self, i: int) -> bool:
        """Whether a unit says nothing by itself: a heading, a header or a name of units below it."""
        return self.sentences[i].kind in LEADING and i in self._leads

    def only_heads(self) -> Iterator[int]:
        """The chosen that came for others."""
        return (i for i, of in self.chosen.items() if of != i)

    def _missing(self, group: Sequence[int], most: int | None = None) -> list[int]:
        """What of a group and of its heads is not chosen yet and holds text."""
        return [i for i in self._with_heads(group, most) if i not in self.chosen and self.sentences[i].text.strip()]

    def _with_heads(self, group: Sequence[int], most: int | None = None) -> list[int]:
        """Each unit behind its heads, once; behind the nearest `most` of them, where that is a number."""
        if not self._places:
            return list(group)
        found = dict[int, None]()
        for i in group:
            position = self.sentences[i].position
            heads = (self._places.get((position, head.start)) for head in self.sentences[i].heads[-(most or 99) :])
            found.update(dict.fromkeys(head for head in heads if head is not None))
            found[i] = None
        return list(found)

    def _choose(self, group: Sequence[int], new: Sequence[int]) -> None:
        own = set(group)
        self.chosen.update((i, i if i in own else group[-1]) for i in new)
        self.chosen.update((i, i) for i in group if i in self.chosen)  # a head may be worth keeping by itself

    def _leave(self) -> None:
        """The unit chosen last leaves, and with it the heads that came for it."""
        i, _ = self.chosen.popitem()
        self._skipped.insert(0, i)
        while self.chosen and next(reversed(self.chosen.values())) == i:
            self.chosen.popitem()

    def _costs_of(self, numbers: Sequence[int]) -> list[int]:
        """What sentences cost alone. The best of the others are counted along: they are asked for next."""
        if missing := [i for i in numbers if i not in self._costs]:
            missing = list(dict.fromkeys([*missing, *(i for i in islice(self._order, BLOCK) if i not in self._costs)]))
            counts = self.counter.count([self.sentences[i].text.strip() + self.layout.gap for i in missing])
            self._costs.update(zip(missing, counts, strict=True))
        return [self._costs[i] for i in numbers]

    def _cost(self, new: Sequence[int], opened: AbstractSet[int]) -> int:
        """What sentences cost alone, with the frames of documents that are not opened yet."""
        positions = {self.sentences[i].position for i in new} - opened
        return sum(self._costs_of(new)) + sum(self._label_cost(position, new) for position in positions)

    def _label_cost(self, position: int, sentences: Iterable[int]) -> int:
        """What the frame of a document costs, of which these sentences are the first."""
        if position not in self._label_costs:
            sentence = next(self.sentences[i] for i in sentences if self.sentences[i].position == position)
            frame = "".join(self.layout.frame(sentence, labelled=self.labelled)) + self.layout.document_gap
            [self._label_costs[position]] = self.counter.count([frame])
        return self._label_costs[position]

    def _render(self) -> None:
        """Bring `text` and `tokens` up to what is chosen."""
        self.text = self.layout.render(self.sentences, self.chosen, labelled=self.labelled)
        self.tokens = self.counter.count([self.text])[0] if self.text else 0

    def smallest(self, numbers: Iterable[int]) -> str:
        """What the cheapest text costs that keeps one of these sentences."""
        texts = [self.layout.render(self.sentences, [i], labelled=self.labelled) for i in numbers]
        return f"{min(self.counter.count(texts))} tokens{' with its label' if self.labelled else ''}"


def _runs(sentences: Sequence[Sentence], numbers: Sequence[int]) -> Iterator[str]:
    """Texts of unbroken runs of sentences of one document; a marking may lack some of its sentences."""
    begin = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or sentences[numbers[at]].start != sentences[numbers[at - 1]].end:
            first, last = sentences[numbers[begin]], sentences[numbers[at - 1]]
            yield first.document.text[first.start : last.end]
            begin = at


def _matcher(must: MustKeep) -> Callable[[Sentence], object]:
    """Truthy for the sentences that `must` names.

    Patterns are anybody's, and one that backtracks takes forever: `regex` reads the same patterns as `re` and can stop.
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
