"""Units that are too long for a budget give way to their parts.

A unit keeps its place in the ranking: its best part takes the unit's score, and the others come behind it, above the unit that was next. So a
reader gets as much of the best unit as the budget holds, round what matters in it. Which part is best, the scorer says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from attngs.protocols import TokenCounter
from attngs.text.parts import parts_of, pieces_of
from attngs.types import Marking, Sentence, Span, Unit

SHARE = 3
"""A piece of running text takes at most one of so many parts of the budget: room for its neighbours on both sides."""

Score = Callable[[Sequence[Sentence]], Sequence[float]]


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
    parts = _Cutting(marking.sentences, room, counter).parts_of(too_long)
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
    places = {(sentence.position, sentence.start): number for number, sentence in enumerate(sentences)}
    at = 0
    for number in range(len(marking.sentences)):
        size = len(parts.get(number, ()))
        if size:
            order = _order(range(at, at + size), sentences, fresh, places)
            for place, part in enumerate(order):
                scores[part] = _below(marking.scores, number, place / size)
        at += size or 1
    return replace(
        marking, sentences=tuple(sentences), scores=tuple(scores), marked=tuple(marking.marked[whole] for whole in wholes)
    )


class _Cutting:
    """Cuts units until each part fits with the nearest unit that it is read with."""

    def __init__(self, sentences: Sequence[Sentence], room: int, counter: TokenCounter) -> None:
        self.sentences, self.room, self.counter = sentences, room, counter
        self.places = {(sentence.position, sentence.start): number for number, sentence in enumerate(sentences)}

    def parts_of(self, numbers: Sequence[int]) -> dict[int, list[Sentence]]:
        """The parts of these units, and of heads that leave no room for them, by the number of the unit."""
        found = dict[int, list[Sentence]]()
        for number in numbers:
            sentence = self.sentences[number]
            head = self.places.get((sentence.position, sentence.heads[-1].start)) if sentence.heads else None
            head_tokens = self._count([self.sentences[head].text])[0] if head is not None else 0
            [tokens] = self._count([sentence.text])
            is_row = head is not None and sentence.kind == "row" and self.sentences[head].kind == "header"
            if head is not None and (is_row or 2 * head_tokens > self.room):
                self._cut(head, self.room // 2, found)
            if is_row or not found.get(head if head is not None else -1) or 2 * tokens > self.room:
                self._cut(number, self.room - min(head_tokens, self.room // 2), found)
        return found

    def _cut(self, number: int, room: int, found: dict[int, list[Sentence]]) -> None:
        if number in found:
            return
        sentence = self.sentences[number]
        unit = Unit(sentence.start, sentence.end, (), sentence.kind)
        parts = [
            replace(sentence, start=start, end=end, heads=sentence.heads + heads, kind=kind, part_of=sentence.part_of or Span(unit.start, unit.end))
            for start, end, heads, kind in self._leaves(sentence.document.text, unit, (), max(1, room))
        ]
        if len(parts) > 1:
            found[number] = parts

    def _leaves(self, text: str, unit: Unit, heads: tuple[Span, ...], room: int) -> Iterator[tuple[int, int, tuple[Span, ...], str]]:
        parts = parts_of(text, unit)
        if not parts:
            [tokens] = self._count([text[unit.start : unit.end]])
            longest = (unit.end - unit.start) * max(1, self.room // SHARE) // max(1, tokens)
            for part in pieces_of(text, unit, max(1, longest)):
                yield part.start, part.end, heads, part.kind
            return
        counts = self._count([text[part.start : part.end] for part in parts])
        leads = {head for part in parts for head in part.heads}
        for number, part in enumerate(parts):
            own = tuple(Span(parts[head].start, parts[head].end) for head in part.heads)
            most = room // 2 if number in leads else room - min(room // 2, counts[part.heads[-1]] if part.heads else 0)
            if counts[number] <= most:
                yield part.start, part.end, heads + own, part.kind
            else:
                yield from self._leaves(text, part, heads + own, max(1, most))

    def _count(self, texts: Sequence[str]) -> Sequence[int]:
        return self.counter.count([text.strip() for text in texts])


def _with_heads_in_place(
    sentences: Sequence[Sentence], units: Sequence[Sentence], parts: dict[int, list[Sentence]]
) -> Iterator[Sentence]:
    """The sentences with heads that are sentences.

    The first piece of a head stands for the head, and the cell of a header for the header, where a row has as many cells.
    """
    ends = {(sentence.position, sentence.start): sentence.end for sentence in sentences}
    headers = {
        (units[number].position, units[number].start): cells for number, cells in parts.items() if units[number].kind == "header"
    }
    row = {(cell.position, cell.start): (at, len(cells)) for cells in parts.values() for at, cell in enumerate(cells) if cell.kind == "row"}
    for sentence in sentences:
        heads = list[Span]()
        for head in sentence.heads:
            place = (sentence.position, head.start)
            if cells := headers.get(place):
                at, size = row.get((sentence.position, sentence.start), (0, 0))
                heads += [Span(cell.start, cell.end) for cell in (cells[at : at + 1] if size == len(cells) else cells)]
            elif place in ends:
                heads.append(Span(head.start, ends[place]))
            else:
                heads.append(head)
        yield replace(sentence, heads=tuple(heads)) if tuple(heads) != sentence.heads else sentence


def _order(numbers: range, sentences: Sequence[Sentence], scores: Sequence[float], places: dict[tuple[int, int], int]) -> list[int]:
    """The parts of one unit from the first to the last that is to be kept."""
    position, outer = sentences[numbers[0]].position, sentences[numbers[0]].part_of
    assert outer
    if all(sentences[number].heads == sentences[numbers[0]].heads for number in numbers):
        return _outward(numbers, scores)

    def worth(number: int) -> float:
        heads = (places.get((position, head.start)) for head in sentences[number].heads)
        return scores[number] + sum(scores[head] for head in heads if head is not None and sentences[head].part_of)

    return sorted(numbers, key=worth, reverse=True)


def _outward(numbers: range, scores: Sequence[float]) -> list[int]:
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


def _below(scores: Sequence[float], number: int, share: float) -> float:
    """A score so far on the way from the unit's to the next lower one."""
    score = scores[number]
    lower = max((other for other in scores if other < score), default=score)
    return score + share * (lower - score)
