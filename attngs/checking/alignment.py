"""Which sentences of the context a sentence of the reply comes from.

Those that have it word for word, if there are any; else the few that together hold its words, rare words first.
"""

from __future__ import annotations

import heapq
import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from attngs.checking.language.languages import Language
from attngs.checking.language.tokens import word_value
from attngs.checking.language.wording import term
from attngs.text.words import words
from attngs.types import Sentence

MOST_LINKS = 4
"""Sentences that one sentence of the reply can be linked to, their twins aside."""
_MOST_TWINS = 16  # sentences with the same words as a linked one that are linked too
_TOUCHED = 1_000  # bags that are looked up by a reply's rarest words; words that more of them share tell little
_CANDIDATES = 50  # sentences among which the few are chosen
_GAIN = 0.08  # share of the reply's weight that a further sentence must bring

_Bag = frozenset[str]
_Key = TypeVar("_Key", str, _Bag)
_NUMBER = re.compile(r"\d[.,:/'’-]\d")  # in the middle of one
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+")


def terms(text: str, language: Language | None) -> list[str]:
    """The terms that a text is looked up by.

    Stems, numbers and months as `#5`, and the single characters of unspaced scripts.
    """
    found = list[str]()
    for word in _WORD.findall(text.lower().replace("’", "'")):
        if word.isdigit():
            found.append(f"#{word.lstrip('0') or 0}" if len(word) < 5 else f"#{word}")
        elif not word.isascii() and len(pieces := words(word)) > 1:
            found += pieces
        elif language and (month := language.months.get(word)):
            found.append(f"#{month}")
        elif language and (number := word_value(word, language)) and not number.weak:
            found.append(f"#{number.value}")
        elif not language or word not in language.function_words:
            found.append(term(word, language).stem)
    return found


class Links(NamedTuple):
    """The sentences that a sentence of the reply is linked to."""

    sentences: tuple[int, ...]
    """Best first."""
    cover: float
    """The share of the weight of its words that they hold, 0 to 1."""


class Quotation(NamedTuple):
    """Sentences that have a text word for word."""

    sentences: tuple[int, ...]
    """With those that say the same word for word."""
    fragment: bool
    """Whether each of them says more than that."""


class Aligner:
    """Finds where the sentences of a reply come from.

    Args:
        sentences: The sentences of the context, in reading order.
        bags: The terms of each sentence, as `terms` gives them.
    """

    def __init__(self, sentences: Sequence[Sentence], bags: Iterable[Collection[str]]) -> None:
        self._documents = [sentence.position for sentence in sentences]
        self._texts = [_plain(sentence.text) for sentence in sentences]
        self._whole, self._starts = _joined(sentences, self._texts)
        self._bags = [frozenset(bag) for bag in bags]
        self._twins = _grouped(self._texts)
        self._members = _grouped(self._bags)
        self._counts = Counter(word for bag in self._bags for word in bag)
        self._holders: dict[str, list[_Bag]] = {}
        for bag in self._members:
            for word in bag:
                self._holders.setdefault(word, []).append(bag)

    def quoted(self, text: str, reply: str, among: Collection[int] = ()) -> Quotation | None:
        """Where the context has a text word for word; `None` if nowhere.

        White space does not count. A quotation may go across sentences that follow each other. It neither begins nor ends inside a
        word or a number of the context. Where it is a fragment of one sentence and all of another, the whole one counts; where it is
        nothing but fragments, all of them count.

        Args:
            text: A sentence of the reply.
            reply: All of it, with single blanks. It may quote a whole sentence of the context in several of its own.
            among: The sentences that may be quoted; all where none is given.
        """
        fragments = list[range]()
        for place, stop in self._places(_plain(text), among):
            found = range(bisect_right(self._starts, place) - 1, bisect_left(self._starts, stop))
            if self._is_whole(place, stop, found) or all(self._texts[number] in reply for number in found):
                return Quotation(self._with_twins(found), fragment=False)
            fragments.append(found)
            if len(fragments) == _MOST_TWINS:
                break
        if not fragments:
            return None
        return Quotation(self._with_twins(tuple(dict.fromkeys(number for found in fragments for number in found))), fragment=True)

    def _places(self, wanted: str, among: Collection[int]) -> Iterator[tuple[int, int]]:
        """Where a text stands in the context, from its first character to behind its last."""
        stretches = [(self._starts[number], self._starts[number] + len(self._texts[number])) for number in among]
        for start, end in stretches or [(0, len(self._whole))]:
            place = self._whole.find(wanted, start, end) if wanted else -1
            while place >= 0:
                stop = place + len(wanted)
                if self._is_edge(place) and self._is_edge(stop):
                    yield place, stop
                place = self._whole.find(wanted, place + 1, end)

    def _is_whole(self, place: int, stop: int, found: range) -> bool:
        """Whether the sentences of a quotation have no word before or behind it."""
        before = self._whole[self._starts[found[0]] : place]
        behind = self._whole[stop : self._starts[found[-1]] + len(self._texts[found[-1]])]
        return not any(map(str.isalnum, before + behind))

    def _is_edge(self, place: int) -> bool:
        """Whether a quotation may begin or end at a place: not inside a word or a number of a sentence."""
        sentence = bisect_left(self._starts, place)
        return self._starts[sentence : sentence + 1] == [place] or not _is_inside(self._whole, place)

    def link(self, wanted: Iterable[str]) -> Links:
        """The sentences that hold the terms of a sentence of the reply.

        First the best one, then those that hold what is left.
        """
        weights = {word: self._weight(word) for word in wanted}
        total = math.fsum(weights.values())
        chosen, left = self._chosen(weights, total)
        return Links(self._with_twins(chosen), 1 - math.fsum(left.values()) / total if total else 0.0)

    def _weight(self, word: str) -> float:
        """How much a word tells: more, the fewer sentences have it."""
        return 0.3 + math.log1p(len(self._bags) / (1 + self._counts[word]))

    def _chosen(self, weights: Mapping[str, float], total: float) -> tuple[list[int], dict[str, float]]:
        """The few sentences that cover the weights best, and the weights that none of them holds."""
        left = dict(weights)
        scores = self._candidates(weights, total)
        ranked = list(scores)
        chosen = list[int]()
        while ranked and len(chosen) < MOST_LINKS:
            gains = {number: math.fsum(left[word] for word in self._bags[number] & left.keys()) / total for number in ranked}
            best = max(ranked, key=lambda number: (gains[number] + (0.5 if chosen else 1.0) * scores[number], -number))
            if chosen and gains[best] < _GAIN:
                break
            ranked.remove(best)
            if chosen and self._is_coincidence(best, chosen, weights):
                continue
            chosen.append(best)
            for word in self._bags[best] & left.keys():
                del left[word]
        return chosen, left

    def _candidates(self, weights: Mapping[str, float], total: float) -> dict[int, float]:
        """The sentences that hold most, best first, with the share of the weight that each holds."""
        held = self._held(weights).items()
        scored = ((-weight / total, number) for bag, weight in held for number in self._members[bag][:_CANDIDATES])
        return {number: -score for score, number in heapq.nsmallest(_CANDIDATES, scored)}

    def _held(self, weights: Mapping[str, float]) -> dict[_Bag, float]:
        """The weight that each bag of terms holds, for the bags with the rarest words.

        Sentences with the same terms share a bag.
        """
        held: dict[_Bag, float] = {}
        touched = 0
        for word in sorted(weights, key=lambda word: self._counts[word]):
            holders: Sequence[_Bag] = self._holders.get(word, ())
            if touched + len(holders) > _TOUCHED and held:
                holders = [bag for bag in held if word in bag]
            touched += len(holders)
            for bag in holders:
                held[bag] = held.get(bag, 0.0) + weights[word]
        return held

    def _is_coincidence(self, number: int, chosen: Sequence[int], weights: Mapping[str, float]) -> bool:
        """Whether a sentence of another document shares nothing but numbers with the reply."""
        elsewhere = all(self._documents[number] != self._documents[other] for other in chosen)
        return elsewhere and all(word[0] == "#" for word in self._bags[number] & weights.keys())

    def _with_twins(self, chosen: Sequence[int]) -> tuple[int, ...]:
        """The chosen sentences, then those that say the same word for word.

        Where there are many of those, the nearest to a chosen one.
        """
        twins = list[int]()
        for number in chosen:
            twins += _nearest(self._twins[self._texts[number]], chosen)
        return (*chosen, *dict.fromkeys(twins))


def _nearest(twins: Sequence[int], chosen: Sequence[int]) -> list[int]:
    """The twins that are nearest to a chosen sentence, without the chosen ones.

    `twins` ascend; no more of them are looked at than needed.
    """
    reach = _MOST_TWINS + len(chosen)
    near = set[int]()
    for number in chosen:
        place = bisect_left(twins, number)
        near.update(twins[max(0, place - reach) : place + reach])
    near.difference_update(chosen)
    return heapq.nsmallest(_MOST_TWINS, near, key=lambda twin: (min(abs(twin - number) for number in chosen), twin))


def _grouped(keys: Sequence[_Key]) -> dict[_Key, list[int]]:
    """Where each key stands, ascending."""
    places: dict[_Key, list[int]] = {}
    for number, key in enumerate(keys):
        places.setdefault(key, []).append(number)
    return places


def _plain(text: str) -> str:
    return " ".join(text.split())


def _joined(sentences: Sequence[Sentence], texts: Sequence[str]) -> tuple[str, list[int]]:
    """The context as one text, and where each sentence starts in it.

    A line break stands wherever text is missing in between.
    """
    pieces, starts, length = list[str](), list[int](), 0
    for number, (sentence, text) in enumerate(zip(sentences, texts, strict=True)):
        gap = _gap(sentences[number - 1], sentence) if number else ""
        pieces += [gap, text]
        starts.append(length + len(gap))
        length = starts[-1] + len(text)
    return "".join(pieces), starts


def _gap(one: Sentence, other: Sentence) -> str:
    if one.position != other.position or one.end != other.start:
        return "\n"
    return " " if one.text[-1:].isspace() or other.text[:1].isspace() else ""


def _is_inside(text: str, place: int) -> bool:
    """Whether a place is inside a word or a number. Between characters of unspaced scripts it never is."""
    pair = text[max(0, place - 1) : place + 1]
    in_word = len(pair) == 2 and words(pair) == [pair.lower()]
    return in_word or any(match.start() < place < match.end() for match in _NUMBER.finditer(text, max(0, place - 2), place + 2))
