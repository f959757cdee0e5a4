"""The sentences that are chosen so far, and what they cost under the budget.

The budget is a hard bound on the text that comes out: labels, joins and all, in the tokens of the counter in use. Costs of single
sentences only guide the choice; the joined text itself is counted, and sentences leave again until it fits. A unit comes with its heads,
and what is said twice comes once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

from attngs.protocols import TokenCounter
from attngs.reading.forks import computed_once
from attngs.selection.copies import Copies
from attngs.selection.layout import ExtractLayout
from attngs.types import Marking

LOOK_AHEAD = 16
"""Once a sentence does not fit, this many of the next best are still tried, and none below the average score: what is left of the budget
would fill with scraps that happen to be short."""

BLOCK = 128
"""Sentences that are counted at a time: not one by one, and not all of a context of which few will be kept."""

LEADING = frozenset({"heading", "header", "speaker", "subject", "key", "question"})
"""Kinds of units that are kept only with a unit below them, if there is one."""

LINES = frozenset({"code", "field", "event"})
"""Kinds of units whose parts are lines."""

TITLE_SHARE = 1 / 16
"""Of the budget. A title over everything that takes more comes along only where nothing else needs the room."""
MOST_BELOW = 0.9
"""Share of the units that have a title as their outermost head, if it is the title of everything."""

MOST_FAILURES = 3
"""Sentences that are tried and do not fit into the room left, after which no other is tried."""

JOIN_TOKENS = 4
"""A sentence takes at most this many tokens less inside a text than alone, where its ends may merge with what stands around it."""


_HeadsOf = Callable[[int], Sequence[int]]
"""Which heads a unit comes with."""


class Draft:
    """Sentences chosen so far, with what each costs alone.

    The joined text is rendered and counted only where that can change the choice: once for the greedy choice, and again for each
    sentence that may still fit into the room left.
    """

    def __init__(self, marking: Marking, order: Sequence[int], layout: ExtractLayout, counter: TokenCounter, budget: int) -> None:
        self.sentences, self.layout, self.counter, self.budget = marking.sentences, layout, counter, budget
        self.labels: Mapping[int, str] = layout.labels_of(self.sentences)
        self._scores, self._marked = marking.scores, marking.marked
        self.chosen: dict[int, int] = {}  # in the order of choice, each with the unit that it came for
        self._places = {(s.position, s.start): i for i, s in enumerate(self.sentences)} if any(s.heads for s in self.sentences) else {}
        self._leads = {self._places.get((s.position, head.start)) for s in self.sentences for head in s.heads}
        self.text, self.tokens = "", 0
        self._skipped: list[int] = []
        self._spent = 0
        self._whole = 0  # what all candidates cost, as far as it was counted
        self._opened = set[int]()
        self._order = order
        self._next = iter(order)
        self._said: dict[int, int] = {}  # by the first of all sentences that say the same: the chosen one
        self._costs: dict[int, int] = {}
        self._frame_costs: dict[int, int] = {}
        self._frames = self._numbered_frames()

    @computed_once
    def copies(self) -> Copies:
        """Which sentences say the same."""
        return Copies(self.sentences)

    def add_all(self, candidates: Iterable[int]) -> None:
        """Take all candidates if they fit: the usual case of a context that needed no compression.

        What fits whole stays whole, copies too. Otherwise each thing that is said is taken once.
        """
        wanted = [i for i in candidates if self.sentences[i].text.strip()]
        complete = len(wanted) == sum(not sentence.text.isspace() for sentence in self.sentences)
        may_give_way = complete and self.labels and self.layout.has_own_line and self.layout.gives_way
        labellings = [self.labels, {}] if may_give_way else [self.labels]
        if complete and self._take_all(wanted, labellings):
            return
        if not complete or 2 * self.copies.spare >= len(wanted) or (self.copies and self._whole <= 2 * self.budget):
            self._take_all(self._distinct(wanted) if self.copies else wanted, labellings)

    def add(self, group: Sequence[int], *, of: int | None = None) -> bool:
        """Take all of the group with their heads, or none of it; says whether all are in, or said by others.

        Args:
            group: Units that belong together.
            of: The one that is tried again by itself if there is room left.
        """
        for heads_of in self._readings(group):
            new = self._missing(group, heads_of)
            cost = self._cost(new, self._opened)
            if self._spent + cost <= self.budget:
                self._spent += cost
                self._opened.update(self._frames[self.sentences[i].position] for i in new)
                self._choose(group, new)
                return True
        self._skipped.extend([] if of is None else [of])
        return False

    def is_said(self, i: int) -> bool:
        """Whether a sentence is chosen, or another one that says the same."""
        return i in self.chosen or self._said.get(self.copies.of(i)[0], -1) in self.chosen

    def best_copy(self, i: int) -> int:
        """The sentence to take for `i`: the whole of a piece; of equals, one in an open document."""
        return self._best_copy(i, self._opened)

    def places(self) -> dict[int, tuple[int, ...]]:
        """Which sentences that are not chosen say the same, for each chosen one that has any."""
        others = {i: tuple(j for j in self.copies.of(i) if j not in self.chosen) for i in sorted(self.chosen)}
        return {i: same for i, same in others.items() if same}

    @computed_once
    def _title(self) -> int:
        """The first unit, if it is the head of nearly everything, and so tells no unit from another; else -1."""
        first, last = self.sentences[0], self.sentences[-1]
        if first.position != last.position or first.kind not in {"heading", "key"} or 0 not in self._leads:
            return -1
        below = sum(bool(s.heads) and s.heads[0].start == first.start for s in self.sentences)
        return 0 if below >= MOST_BELOW * (len(self.sentences) - 1) else -1

    def fit(self) -> None:
        """Make the joined text fit: the last chosen leave first. Then use the room that is left."""
        self._render()
        while self.chosen and self.tokens > self.budget:
            # half of the share that is too much, so that a long text needs few counts; what left too early gets another chance below
            for _ in range(max(1, int(len(self.chosen) * (1 - self.budget / self.tokens) / 2))):
                if self.chosen:
                    self._leave()
            self._render()
        self._gather()
        self._add_costly_heads()
        too_much, failed = math.inf, 0
        for i in self._skipped[:LOOK_AHEAD]:  # the sum of single costs may have overstated the text
            new = self._missing([i], self._telling_heads)
            cost = self._cost(new, {self._frames[self.sentences[j].position] for j in self.chosen})
            if failed == MOST_FAILURES or cost > min(too_much, self.budget - self.tokens + JOIN_TOKENS):
                continue
            before = dict(self.chosen), self.text, self.tokens
            self._choose([i], new)
            self._render()
            if self.tokens > self.budget:
                self.chosen, self.text, self.tokens = before
                too_much, failed = cost, failed + 1

    def _add_costly_heads(self) -> None:
        """Add the titles and subjects that were too costly, if they fit now."""
        heads = dict.fromkeys(head for i in self.chosen for head in self._all_heads(i) if head not in self.chosen and self._is_costly(head))
        for head in heads:
            before = dict(self.chosen), self.text, self.tokens
            self.chosen = {head: -1, **self.chosen}
            self._render()
            if self.tokens > self.budget:
                self.chosen, self.text, self.tokens = before

    def has_room_for(self, i: int) -> bool:
        """Whether the budget could hold a unit with its nearest head, and nothing else."""
        numbers = [j for j in self._with_heads([i], self._least_heads) if self.sentences[j].text.strip()]
        if self._cost(numbers, frozenset()) <= self.budget:
            return True
        return self.counter.count([self.layout.render(self.sentences, numbers, labels=self.labels)])[0] <= self.budget

    def is_blank(self, i: int) -> bool:
        """Whether a unit holds no words."""
        return not self.sentences[i].text.strip() or self.sentences[i].kind == "markup"

    def only_leads(self, i: int) -> bool:
        """Whether a unit says nothing by itself: a heading, a header or a name of units below it."""
        return self.sentences[i].kind in LEADING and i in self._leads

    def only_heads(self) -> Iterator[int]:
        """The chosen that came for others."""
        return (i for i, of in self.chosen.items() if of != i)

    def _numbered_frames(self) -> dict[int, int]:
        """The frame of each document, by its position; those in a row with one label share it."""
        frames, above, number = dict[int, int](), "", -1
        for position in dict.fromkeys(sentence.position for sentence in self.sentences):
            label = self.labels.get(position, "")
            number += not (label and self.layout.has_own_line and label == above)
            frames[position], above = number, label
        return frames

    def _readings(self, group: Sequence[int]) -> Iterator[_HeadsOf]:
        """Which heads come along, the fullest reading first."""
        yield self._telling_heads
        if any(len(self.sentences[i].heads) > 1 for i in group):
            yield self._nearest_heads
            yield self._least_heads
        if not self.chosen and any(self.sentences[i].part_of and self.sentences[i].kind in LINES for i in group):
            yield lambda i: ()  # a line of a function is better than nothing

    def _all_heads(self, i: int) -> Sequence[int]:
        """What a unit is read with, the outermost first."""
        if not self._places:
            return ()
        position = self.sentences[i].position
        heads = (self._places.get((position, head.start)) for head in self.sentences[i].heads)
        return [head for head in heads if head is not None]

    def _telling_heads(self, i: int) -> Sequence[int]:
        """All heads, except a title over everything or a mail's subject that takes much of the budget."""
        heads = self._all_heads(i)
        return [head for head in heads if not self._is_costly(head)] or heads[-1:]

    def _nearest_heads(self, i: int) -> Sequence[int]:
        """The nearest head and the one that a unit needs most."""
        return [*self._least_heads(i), *self._all_heads(i)[-1:]]

    def _least_heads(self, i: int) -> Sequence[int]:
        """The one head without which a unit cannot be understood.

        Of a part the line that opens or names its unit, such as the signature above a loop; else the speaker; else the nearest.
        """
        heads, whole = self._all_heads(i), self.sentences[i].part_of
        if len(heads) < 2:
            return heads
        inside = [head for head in heads if whole and whole.start <= self.sentences[head].start < whole.end]
        speakers = [head for head in heads if self.sentences[head].kind == "speaker"]
        return inside[:1] or speakers[-1:] or heads[-1:]

    def _is_costly(self, head: int) -> bool:
        """Whether a head tells few units apart and takes much of the budget."""
        if head != self._title and self.sentences[head].kind != "subject":
            return False
        return self._costs_of([head])[0] > TITLE_SHARE * self.budget

    def _missing(self, group: Sequence[int], heads_of: _HeadsOf) -> list[int]:
        """What of a group and of its heads holds text, is not chosen and not said yet."""
        unsaid = [i for i in group if not self.is_said(i)]
        return [i for i in self._with_heads(unsaid, heads_of) if i not in self.chosen and self.sentences[i].text.strip()]

    def _with_heads(self, group: Sequence[int], heads_of: _HeadsOf) -> list[int]:
        """Each unit behind its heads, once."""
        return list(dict.fromkeys(each for i in group for each in (*heads_of(i), i)))

    def _choose(self, group: Sequence[int], new: Sequence[int]) -> None:
        own = set(group)
        self.chosen.update((i, i if i in own else group[-1]) for i in new)
        self.chosen.update((i, i) for i in group if i in self.chosen)  # a head may be worth keeping by itself
        self._note_said(new)

    def _note_said(self, new: Iterable[int]) -> None:
        self._said.update((self.copies.of(i)[0], i) for i in new)

    def _take_all(self, candidates: Sequence[int], labellings: Sequence[Mapping[int, str]]) -> bool:
        """Choose all candidates with their heads if the text fits, under the first such labels."""
        everything = self._with_heads(candidates, self._all_heads)
        cost = 0
        for at in range(0, len(everything), BLOCK):
            cost += sum(self._costs_of(everything[at : at + BLOCK]))
            if cost > 2 * self.budget:
                self._whole = cost
                return False  # not worth counting
        self._whole = cost
        self.chosen = {i: i for i in everything}
        for labels in labellings:
            self.labels = labels
            self._render()
            if self.tokens <= self.budget:
                self._note_said(everything)
                self._spent = self.tokens
                self._opened = {self._frames[self.sentences[i].position] for i in everything}
                return True
        self.chosen, self.labels = {}, labellings[0]
        return False

    def _distinct(self, candidates: Sequence[int]) -> list[int]:
        """The candidates without copies: of those that say the same, the best one."""
        wanted, best = set(candidates), dict[int, int]()
        opened = {self._frames[self.sentences[i].position] for i in candidates if len(self.copies.of(i)) == 1}
        for i in self._order:
            if i in wanted and self.copies.of(i)[0] not in best:
                best[self.copies.of(i)[0]] = taken = self._best_copy(i, opened)
                opened.add(self._frames[self.sentences[taken].position])
        return sorted(best.values())

    def _best_copy(self, i: int, opened: AbstractSet[int]) -> int:
        same = self.copies.of(i) if opened else ()
        equal = (j for j in same if self._scores[j] == self._scores[i] and self._frames[self.sentences[j].position] in opened)
        return self.copies.whole(next(equal, i))

    def _gather(self) -> None:
        """Let sentences that overlapping documents share stand together, so that "she" follows whom it means.

        Each goes to the document in which most of the chosen can stand, if the text does not get longer by it.
        """
        shared = {i: places for i in self.chosen if len(places := self._equal_places(i)) > 1}
        if not shared:
            return
        sizes = Counter(position for i in self.chosen for position in shared.get(i, (self.sentences[i].position,)))
        best = {i: max(places, key=lambda position: (sizes[position], -position)) for i, places in shared.items()}
        moved = {i: shared[i][position] for i, position in best.items() if sizes[position] > 1}
        before = self.chosen, self.text, self.tokens
        self.chosen = {moved.get(i, i): moved.get(of, of) for i, of in self.chosen.items()}
        self._render()
        if self.tokens > before[2] or len(self.chosen) < len(before[0]):
            self.chosen, self.text, self.tokens = before
        self._note_said(self.chosen)

    def _equal_places(self, i: int) -> dict[int, int]:
        """Where else the words of a unit stand, by document.

        Units with heads, heads, and turns of a chat stay where they are.
        """
        sentence = self.sentences[i]
        if sentence.heads or i in self._leads or "role" in sentence.document.metadata:
            return {}
        text = sentence.text.strip()
        same = [j for j in self.copies.of(i) if self._marked[j] and not self.sentences[j].heads and self.sentences[j].text.strip() == text]
        if any(j in self.chosen for j in same if j != i):  # everything fits, copies too
            return {}
        return {self.sentences[j].position: j for j in (*same, i)}

    def _leave(self) -> None:
        """The unit chosen last leaves, and with it the heads that came for it."""
        i, _ = self.chosen.popitem()
        self._skipped.insert(0, i)
        while self.chosen and next(reversed(self.chosen.values())) == i:
            self.chosen.popitem()

    def _costs_of(self, numbers: Sequence[int]) -> list[int]:
        """What sentences cost alone. The best of the others are counted along: they are asked for next."""
        if missing := [i for i in numbers if i not in self._costs]:
            missing = list(dict.fromkeys([*missing, *(i for i in islice(self._next, BLOCK) if i not in self._costs)]))
            counts = self.counter.count([self.sentences[i].text.strip() + self.layout.gap for i in missing])
            self._costs.update(zip(missing, counts, strict=True))
        return [self._costs[i] for i in numbers]

    def _cost(self, new: Sequence[int], opened: AbstractSet[int]) -> int:
        """What sentences cost alone, with the frames that are not opened yet."""
        frames = {self._frames[self.sentences[i].position] for i in new} - opened
        return sum(self._costs_of(new)) + sum(self._frame_cost(frame, new) for frame in frames)

    def _frame_cost(self, frame: int, sentences: Iterable[int]) -> int:
        """What stands round documents, of which these sentences are the first."""
        if frame not in self._frame_costs:
            sentence = next(self.sentences[i] for i in sentences if self._frames[self.sentences[i].position] == frame)
            text = "".join(self.layout.frame(sentence, labels=self.labels)) + self.layout.document_gap
            [self._frame_costs[frame]] = self.counter.count([text])
        return self._frame_costs[frame]

    def _render(self) -> None:
        """Bring `text` and `tokens` up to what is chosen."""
        self.text = self.layout.render(self.sentences, self.chosen, labels=self.labels)
        self.tokens = self.counter.count([self.text])[0] if self.text else 0

    def smallest(self, numbers: Iterable[int]) -> str:
        """What the cheapest text costs that keeps one of these sentences."""
        texts = [self.layout.render(self.sentences, [i], labels=self.labels) for i in numbers]
        return f"{min(self.counter.count(texts))} tokens{' with its label' if self.labels else ''}"
