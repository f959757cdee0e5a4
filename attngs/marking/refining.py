"""Units that are too long for a budget give way to their parts.

A unit keeps its place in the ranking: its best part takes the unit's score, and the others come behind it, above the unit that was next.
So a reader gets as much of the best unit as the budget holds, round what matters in it. Which part is best, the scorer says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from attngs.marking.statements import whole_statements
from attngs.protocols import TokenCounter
from attngs.text.parts import parts_of, pieces_of
from attngs.types import Marking, Sentence, Span, Unit

PIECE = 1 / 3
"""A piece of running text takes at most this share of the budget: room for its neighbours on both sides."""
LEAD = 2 / 3
"""A unit that others are read with takes at most this share."""
WHOLE = frozenset({"code", "field", "event"})
"""Kinds of lines of which a piece says nothing: they stay whole where the budget can hold them alone."""
STATING = frozenset({"sentence", "item", "answer", "turn"})
"""Kinds of units in people's words, whose pieces may say something else than the whole."""
LAST = frozenset({"frame", "markup", "comment"})
"""Kinds of parts that come behind the others: an error says why something failed, and a line of code what its comment is about."""
LEAST_PIECE = 4
"""Tokens. Fewer say nothing."""

Score = Callable[[Sequence[Sentence]], Sequence[float]]
Join = Callable[[str, Sequence[Unit]], Sequence[Unit]]


def refine(marking: Marking, too_long: Sequence[int], *, room: int, counter: TokenCounter, score: Score) -> Marking:
    """Put the parts of units in their place.

    Args:
        marking: Of all units.
        too_long: Numbers of those that do not fit into the room.
        room: Tokens of `counter`.
        counter: Whose tokens count.
        score: Gives the scores `(S,)` of units and parts.

    Returns:
        A marking with the parts; the same marking where no unit has any.
    """
    cutting = _Cutting(marking.sentences, room, counter)
    for number in too_long:
        cutting.cut(number)
    parts = cutting.found
    if not parts:
        return marking
    sentences = list[Sentence]()
    wholes = list[int]()  # of each new sentence, the number of the unit that it is or was
    for number, sentence in enumerate(marking.sentences):
        new = parts.get(number, [sentence])
        sentences += new
        wholes += [number] * len(new)
    sentences = list(_with_heads_in_place(sentences, marking.sentences, parts))
    fresh = score(sentences)
    scores = [marking.scores[whole] for whole in wholes]
    levels = sorted(set(marking.scores))
    worth = {(each.position, each.start): value for each, value in zip(sentences, fresh, strict=True) if each.part_of}
    for number, new in parts.items():
        first, high = bisect_left(wholes, number), marking.scores[number]
        low = levels[max(0, bisect_left(levels, high) - 1)]
        for place, part in enumerate(_order(range(first, first + len(new)), sentences, worth)):
            scores[part] = high - (high - low) * place / len(new)
    return replace(
        marking,
        sentences=tuple(sentences),
        scores=tuple(scores),
        marked=tuple(marking.marked[whole] for whole in wholes),
        probabilities=marking.probabilities and tuple(marking.probabilities[whole] for whole in wholes),
        successors={bisect_left(wholes, old): bisect_left(wholes, new) for old, new in marking.successors.items()},
    )


class _Cutting:
    """Cuts units until each part fits with the nearest unit that it is read with."""

    def __init__(self, sentences: Sequence[Sentence], room: int, counter: TokenCounter) -> None:
        self.sentences, self.room, self.counter = sentences, room, counter
        self.piece = max(LEAST_PIECE, int(room * PIECE))
        self.lead = max(LEAST_PIECE, int(room * LEAD))
        self.places = {(sentence.position, sentence.start): number for number, sentence in enumerate(sentences)}
        self.found = dict[int, list[Sentence]]()
        """The parts of each unit that was cut, by its number."""

    def cut(self, number: int) -> None:
        """Cut a unit, and its nearest head where that leaves no room for it."""
        sentence = self.sentences[number]
        nearest = self.places.get((sentence.position, sentence.heads[-1].start)) if sentence.heads else None
        if nearest is None:
            self._replace(number, self._leaves(sentence, self.room))
        elif (sentence.kind, self.sentences[nearest].kind) == ("row", "header"):
            self._cut_row(number, nearest)
        else:
            tokens, head_tokens = self._count([sentence.text, self.sentences[nearest].text])
            if head_tokens > self.lead:
                self._replace(nearest, self._leads(self.sentences[nearest]))
            room = self.room - min(head_tokens, self.lead)
            if tokens > room:
                self._replace(number, self._leaves(sentence, room))

    def _cut_row(self, number: int, header: int) -> None:
        """Cut a row and its header into cells. A cell of the row is read with the one above it."""
        row, above = self.sentences[number], self.sentences[header]
        cells, columns = self._parts(row), self._parts(above)
        if len(cells) == len(columns):
            cells = [
                replace(cell, heads=(*row.heads[:-1], _span(column), *cell.heads[len(row.heads) :]))
                for cell, column in zip(cells, columns, strict=True)
            ]
        self._replace(header, columns or self._leads(above))
        self._replace(number, [leaf for cell in cells or [row] for leaf in self._leaves(cell, self.room)])

    def _leaves(self, sentence: Sentence, room: int) -> list[Sentence]:
        """The largest parts that fit into the room, in reading order."""
        if self._count([sentence.text])[0] <= room:
            return [sentence]
        parts = self._parts(sentence)
        if not parts:
            whole = sentence.kind in WHOLE and self._count([sentence.text])[0] <= self.room
            joined = whole_statements if sentence.kind in STATING else as_they_are
            return [sentence] if whole else self._pieces(sentence, min(self.piece, room), joined)
        counts = {part.start: count for part, count in zip(parts, self._count([part.text for part in parts]), strict=True)}
        leads = {head.start for part in parts for head in part.heads}
        found = list[Sentence]()
        for part in parts:
            if part.start in leads:
                found += self._leads(part)
            else:
                head = counts.get(part.heads[-1].start, 0) if part.heads else 0
                found += self._leaves(part, self.room - min(self.lead, head))
        return found

    def _leads(self, sentence: Sentence) -> list[Sentence]:
        """A unit that others are read with: whole, or else its beginning is as long as it may be."""
        return [sentence] if self._count([sentence.text])[0] <= self.lead else self._pieces(sentence, self.lead, as_they_are)

    def _parts(self, sentence: Sentence) -> list[Sentence]:
        """Parts by structure, each read with what the sentence is read with, and with other parts."""
        parts = parts_of(sentence.document.text, _unit(sentence))
        return [
            _part(sentence, part, (*sentence.heads, *(Span(parts[head].start, parts[head].end) for head in part.heads))) for part in parts
        ]

    def _pieces(self, sentence: Sentence, tokens: int, joined: Join) -> list[Sentence]:
        """Running text in pieces of about so many tokens, some of them joined."""
        [all_tokens] = self._count([sentence.text])
        longest = (sentence.end - sentence.start) * max(LEAST_PIECE, tokens) // max(1, all_tokens)
        text = sentence.document.text
        pieces = joined(text, pieces_of(text, _unit(sentence), max(1, longest)))
        return [_part(sentence, piece, sentence.heads) for piece in pieces]

    def _replace(self, number: int, parts: Sequence[Sentence]) -> None:
        if len(parts) > 1:
            self.found.setdefault(number, list(parts))

    def _count(self, texts: Sequence[str]) -> Sequence[int]:
        return self.counter.count([text.strip() for text in texts])


def as_they_are(text: str, pieces: Sequence[Unit]) -> Sequence[Unit]:
    """Pieces of what states nothing: data, code, and what only leads to others."""
    return pieces


def _part(sentence: Sentence, part: Unit, heads: tuple[Span, ...]) -> Sentence:
    return replace(sentence, start=part.start, end=part.end, heads=heads, kind=part.kind, part_of=sentence.part_of or _span(sentence))


def _span(sentence: Sentence) -> Span:
    return Span(sentence.start, sentence.end)


def _unit(sentence: Sentence) -> Unit:
    return Unit(sentence.start, sentence.end, (), sentence.kind)


def _with_heads_in_place(
    sentences: Sequence[Sentence], units: Sequence[Sentence], parts: Mapping[int, list[Sentence]]
) -> Iterator[Sentence]:
    """The sentences with heads that are sentences.

    The first part of a head stands for the head, and all cells of a header for the header.
    """
    ends = {(sentence.position, sentence.start): sentence.end for sentence in sentences}
    headers = {(units[number].position, units[number].start): cells for number, cells in parts.items() if units[number].kind == "header"}
    for sentence in sentences:
        heads = list[Span]()
        for head in sentence.heads:
            place = (sentence.position, head.start)
            cells = headers.get(place, ()) if head.end > ends.get(place, head.end) else ()
            heads += [Span(cell.start, cell.end) for cell in cells] or [Span(head.start, ends.get(place, head.end))]
        yield replace(sentence, heads=tuple(heads)) if tuple(heads) != sentence.heads else sentence


def _order(numbers: range, sentences: Sequence[Sentence], worth: Mapping[tuple[int, int], float]) -> list[int]:
    """The parts of one unit, the first to be kept first.

    A part is scored with what it is read with, as a unit is. Frames come last, because the error says why something failed.
    """
    parts = {number: sentences[number] for number in numbers}
    own = {number: worth[part.position, part.start] for number, part in parts.items()}
    if len({part.heads for part in parts.values()}) == 1 and not any(part.kind in LAST for part in parts.values()):
        return _outward(numbers, own)
    return sorted(numbers, key=lambda number: (parts[number].kind not in LAST, own[number]), reverse=True)


def _outward(numbers: range, scores: Mapping[int, float]) -> list[int]:
    """Running text: the best piece, then always the better of its two neighbours."""
    best = max(numbers, key=lambda number: scores[number])
    order, first, last = [best], best, best
    while len(order) < len(numbers):
        if last + 1 == numbers.stop or (first > numbers.start and scores[first - 1] > scores[last + 1]):
            first -= 1
            order.append(first)
        else:
            last += 1
            order.append(last)
    return order
