"""Scores and a token budget -> the sentences that stay. Pure Python, no model.

The budget is a hard bound on the text that comes out: labels, joins and all, in the tokens of the counter in use. Costs of single
sentences only guide the choice; the joined text itself is counted, and sentences leave again until it fits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Literal

from attngs.errors import ConfigError, check_whole
from attngs.marking.algorithm import ranking
from attngs.protocols import TokenCounter
from attngs.types import Marking, Selection, Sentence

MustKeep = str | re.Pattern[str] | Callable[[Sentence], bool]

LOOK_AHEAD = 16
"""Once a sentence does not fit, this many of the next best are still tried, and none below the average score: what is left of the budget
would fill with scraps that happen to be short."""


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
        """The kept sentences in reading order; neighbours keep the white space between them."""
        parts = list[str]()
        for _, members in groupby(sorted(kept), key=lambda i: sentences[i].position):
            numbers = list(members)
            before, after = self.frame(sentences[numbers[0]], labelled=labelled)
            parts.append(before + self.gap.join(run.strip() for run in _runs(sentences, numbers)) + after)
        return self.document_gap.join(parts)

    def frame(self, sentence: Sentence, *, labelled: bool) -> tuple[str, str]:
        """What stands before and after the kept text of the sentence's document; it counts."""
        return (self.label.format(id=sentence.document.id) if labelled else ""), ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreedySelector:
    """Best score first; what does not fit is skipped; ties go to the earlier sentence.

    Args:
        candidates: Fill the budget with the best of `all` sentences, or stop with the `marked` ones.
        neighbors: Take this many sentences before and after each chosen one along, where they fit.
        must_keep: Sentences that go in before all others: regular expressions to search for, or functions of a sentence.
        min_per_document: The best sentences of every document that go in next.
        layout: How the kept sentences are joined.

    Raises:
        ConfigError: A number is negative, or a pattern is not a regular expression.
    """

    candidates: Literal["all", "marked"] = "all"
    neighbors: int = 0
    must_keep: tuple[MustKeep, ...] = ()
    min_per_document: int = 0
    layout: ExtractLayout = ExtractLayout()

    def __post_init__(self) -> None:
        for name in ("neighbors", "min_per_document"):
            check_whole(name, getattr(self, name), 0)
        if self.candidates not in ("all", "marked"):
            raise ConfigError(f"`candidates` must be 'all' or 'marked', got {self.candidates!r}.")
        given: object = self.must_keep
        if isinstance(given, str) or not all(isinstance(p, str | re.Pattern) or callable(p) for p in self.must_keep):
            raise ConfigError(f"`must_keep` must be a tuple of regular expressions or functions of a sentence, got {self.must_keep!r}.")
        for must in self.must_keep:
            _test(must)

    def select(self, marking: Marking, *, target_tokens: int, counter: TokenCounter) -> Selection:
        """Choose under the budget.

        Raises:
            ConfigError: `target_tokens` is below 1.
        """
        target_tokens = check_target_tokens(target_tokens)
        required = self._required(marking.sentences)
        draft = _Draft(marking.sentences, self.layout, counter, target_tokens)
        draft.add_all(i for i, marked in enumerate(marking.marked) if marked or self.candidates == "all")
        for i in self._promised(marking, required):
            draft.add([i])
        fill(marking.scores, lambda i: self._take(draft, marking, i), begun=bool(draft.chosen))
        draft.fit()
        kept = sorted(draft.chosen)
        text = draft.render()
        return Selection(
            kept=tuple(kept),
            dropped=tuple(i for i in range(len(marking.sentences)) if i not in draft.chosen),
            text=text,
            tokens=draft.count(text),
            reason=self._reason(marking, draft, required),
        )

    def _required(self, sentences: Sequence[Sentence]) -> list[int]:
        tests = [_test(must) for must in self.must_keep]
        return [i for i, sentence in enumerate(sentences) if any(test(sentence) for test in tests)]

    def _promised(self, marking: Marking, required: Sequence[int]) -> Iterator[int]:
        """Sentences that get their chance first: those that must be kept, then the minimum of every document."""
        order = ranking(marking.scores)
        must = set(required)
        yield from (i for i in order if i in must)
        taken = Counter[int]()
        for i in order:
            position = marking.sentences[i].position
            if taken[position] < self.min_per_document:
                taken[position] += 1
                yield i

    def _take(self, draft: _Draft, marking: Marking, i: int) -> bool | None:
        if not marking.sentences[i].text.strip() or (self.candidates == "marked" and not marking.marked[i]):
            return None
        if self.neighbors:
            draft.add(self._with_neighbors(marking.sentences, i))
        return draft.add([i])

    def _with_neighbors(self, sentences: Sequence[Sentence], i: int) -> list[int]:
        around = range(max(0, i - self.neighbors), min(len(sentences), i + self.neighbors + 1))
        return [j for j in around if sentences[j].position == sentences[i].position]

    def _reason(self, marking: Marking, draft: _Draft, required: Sequence[int]) -> str | None:
        sentences = marking.sentences
        if not any(sentence.text.strip() for sentence in sentences):
            return "the documents hold no text"
        wanted = [i for i, s in enumerate(sentences) if s.text.strip() and (self.candidates == "all" or marking.marked[i])]
        if not draft.chosen and not wanted:
            return "nothing was marked"
        if not draft.chosen:
            kind = "marked sentence" if self.candidates == "marked" else "sentence"
            return f"nothing fits: the shortest {kind} takes {draft.smallest(wanted)}, the budget is {draft.budget}"
        missing = [i for i in required if i not in draft.chosen and sentences[i].text.strip()]
        if missing:
            return f"{len(missing)} of {len(required)} sentences that must be kept did not fit into {draft.budget} tokens"
        best = next((i for i in ranking(marking.scores) if sentences[i].text.strip()), None)
        if best is not None and best not in draft.chosen and (self.candidates == "all" or marking.marked[best]):
            return f"the best sentence takes {draft.smallest([best])} and did not fit into {draft.budget}"
        kept = {sentences[i].position for i in draft.chosen}
        empty = {s.position for s in sentences if s.text.strip()} - kept if self.min_per_document else set[int]()
        return f"{len(empty)} documents have no sentence that fitted into {draft.budget} tokens" if empty else None


def fill(scores: Sequence[float], take: Callable[[int], bool | None], *, begun: bool = False) -> None:
    """Offer units to a budget, best first: the one policy of selection, evaluation and fitting.

    Once something is in and something else did not fit, only `LOOK_AHEAD` more misfits are tolerated, and nothing below the mean score
    is offered.

    Args:
        scores: Of the units `(S,)`; of equals the earlier one comes first.
        take: Says whether the unit fits, and takes it if so; `None` for a unit that is no candidate.
        begun: Whether something is in already.
    """
    mean = fmean(scores) if scores else 0.0
    misfits = 0
    for i in ranking(scores):
        if begun and misfits and (misfits > LOOK_AHEAD or scores[i] < mean):
            return
        fits = take(i)
        begun |= fits is True
        misfits += fits is False


def check_target_tokens(target_tokens: object) -> int:
    """The budget.

    Raises:
        ConfigError: It is not a whole number of at least 1.
    """
    return check_whole("target_tokens", target_tokens)


class _Draft:
    """Sentences chosen so far, with what they cost by themselves."""

    def __init__(self, sentences: Sequence[Sentence], layout: ExtractLayout, counter: TokenCounter, budget: int) -> None:
        self.sentences, self.layout, self.counter, self.budget = sentences, layout, counter, budget
        self.labelled = bool(layout.label) and len({sentence.position for sentence in sentences}) > 1
        self.chosen: dict[int, None] = {}  # in the order of choice
        self._skipped: list[int] = []
        self._spent = 0
        self._costs = counter.count([sentence.text.strip() + layout.gap for sentence in sentences])
        documents = {sentence.position: sentence for sentence in sentences}
        frames = ["".join(layout.frame(sentence, labelled=self.labelled)) + layout.document_gap for sentence in documents.values()]
        self._label_costs = dict(zip(documents, counter.count(frames), strict=True))
        self._opened = set[int]()

    def add_all(self, candidates: Iterable[int]) -> None:
        """Take all candidates if they fit: the usual case of a context that needed no compression."""
        everything = dict.fromkeys(i for i in candidates if self.sentences[i].text.strip())
        if sum(self._costs[i] for i in everything) <= 2 * self.budget:  # else not worth counting
            tokens = self.count(self.layout.render(self.sentences, everything, labelled=self.labelled))
            if tokens <= self.budget:
                self.chosen, self._spent = everything, tokens
                self._opened = {self.sentences[i].position for i in everything}

    def add(self, group: Sequence[int]) -> bool:
        """Take all of the group, or none of it; says whether all are in."""
        new = [i for i in group if i not in self.chosen and self.sentences[i].text.strip()]
        opened = {self.sentences[i].position for i in new} - self._opened
        cost = sum(self._costs[i] for i in new) + sum(self._label_costs[position] for position in opened)
        if self._spent + cost > self.budget:
            self._skipped.extend(new if len(group) == 1 else [])
            return False
        self._spent += cost
        self._opened |= opened
        self.chosen.update(dict.fromkeys(new))
        return True

    def fit(self) -> None:
        """Make the joined text fit: the last chosen leave first. Then use what room is left."""
        while self.chosen and (tokens := self.count(self.render())) > self.budget:
            # half of the share that is too much, so that a long text needs few counts; what left too early gets another chance below
            for _ in range(max(1, int(len(self.chosen) * (1 - self.budget / tokens) / 2))):
                self._skipped.insert(0, self.chosen.popitem()[0])
        for i in self._skipped[:LOOK_AHEAD]:  # the sum of single costs may have overstated the text
            self.chosen[i] = None
            if self.count(self.render()) > self.budget:
                del self.chosen[i]

    def render(self) -> str:
        return self.layout.render(self.sentences, self.chosen, labelled=self.labelled)

    def count(self, text: str) -> int:
        return self.counter.count([text])[0] if text else 0

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


def _test(must: MustKeep) -> Callable[[Sentence], object]:
    """Truthy for the sentences that `must` names."""
    if not isinstance(must, str | re.Pattern):
        return must
    try:
        pattern = re.compile(must)
    except re.error as error:
        raise ConfigError(f"`must_keep` holds {must!r}, which is not a regular expression: {error}.") from error
    return lambda sentence: pattern.search(sentence.text)
