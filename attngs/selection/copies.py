"""What is said twice: overlapping chunks, duplicate memories, quoted mail.

Two sentences say the same when their texts and those of their heads are equal: a row "12 Nm" under two headings is two facts. Compatible
characters, case, white space, the `>` of a quotation, and the marks round a sentence make no difference. A sentence of a few words, such
as "No.", says something of what stands before it; in one document it says something else each time.

Chunks are often cut inside a sentence or away from a heading. So the first and the last unit of a document may be a piece of a sentence
that another document has whole, and a sentence without heads may stand under them elsewhere. The whole is then taken in place of the piece.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from attngs.text.defusing import UNSEEN
from attngs.text.words import words
from attngs.types import Sentence

FEW_WORDS = 3
"""A sentence of at most this many words depends on what stands before it."""
PIECE = 8
"""Characters that a piece of a sentence has at least."""
MOST_WHOLES = 8
"""Sentences with the same ending or beginning that are compared with a piece."""

_QUOTE = re.compile(r"^[ \t]*>[> \t]*", re.MULTILINE)
_UNSEEN = re.compile(f"[{UNSEEN}]")
_PLAIN = str.maketrans("’‘‚“”„«»–—", '\'\'\'"""""--')
_BULLETS = ("- ", "* ", "• ", "· ")
_ROUND = " \"'`*_|.,;:!…。、"
_FINISHED = re.compile(r"[.!?…。！？][\"'”’»)\]]*\s*\Z")


def folded(text: str) -> str:
    """The text without differences that change nothing of what it says; empty where it has no words."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text).translate(_PLAIN))
    text = text.casefold()
    if ">" in text:
        text = _QUOTE.sub("", text)
    line = " ".join(text.split())
    if line.startswith(_BULLETS):
        line = line[2:]
    return line.strip(_ROUND)


class Copies:
    """Which sentences of a request say the same.

    Args:
        sentences: All sentences, in reading order.
    """

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self._sentences = sentences
        self._texts = [folded(sentence.text) for sentence in sentences]
        self._wholes: dict[int, int] = {}
        self._groups: dict[int, list[int]] = {}
        self._find_equals()
        self._find_pieces()

    def __bool__(self) -> bool:
        """Whether anything is said twice."""
        return bool(self._groups)

    @property
    def spare(self) -> int:
        """How many sentences could go without anything being unsaid."""
        return len(self._groups) - len({group[0] for group in self._groups.values()})

    def of(self, i: int) -> Sequence[int]:
        """All sentences that say what sentence `i` says, itself among them, in reading order."""
        return self._groups.get(i, (i,))

    def whole(self, i: int) -> int:
        """The sentence that is taken in place of `i`: the one that `i` is a piece of, or `i` itself."""
        return self._wholes.get(i, i)

    def _find_equals(self) -> None:
        """Group the sentences whose texts are equal, where their heads are too."""
        if len(set(self._texts)) == len(self._texts):
            return
        by_text = defaultdict[str, list[int]](list)
        for i, text in enumerate(self._texts):
            by_text[text].append(i)
        by_text.pop("", None)
        for text, members in by_text.items():
            if len(members) > 1:
                for group in self._equals(members, is_short=text.count(" ") < FEW_WORDS and len(words(text)) <= FEW_WORDS):
                    self._join(group)

    def _equals(self, members: Sequence[int], *, is_short: bool) -> Iterable[list[int]]:
        """Sentences with equal texts, by their heads."""
        groups = defaultdict[tuple[tuple[str, ...], int], list[int]](list)
        times = Counter[tuple[tuple[str, ...], int]]()
        for i in members:
            heads = () if self._is_quoted(i) else self._heads(i)
            place = heads, self._sentences[i].position
            groups[heads, times[place] if is_short else 0].append(i)
            times[place] += 1
        if not is_short and len(groups) == 2 and ((), 0) in groups:
            bare = groups.pop(((), 0))
            [headed] = groups.values()
            places = {self._sentences[i].position for i in headed}
            same = [i for i in bare if self._is_quoted(i) or self._sentences[i].position not in places]
            self._wholes.update(dict.fromkeys(same, headed[0]))
            headed[:] = sorted([*headed, *same])
            groups[(), 0].extend(i for i in bare if i not in self._wholes)
        return groups.values()

    def _join(self, group: list[int]) -> None:
        """Remember who says the same. What is quoted is taken from where it is not."""
        if len(group) < 2:
            return
        self._groups.update(dict.fromkeys(group, group))
        original = next((i for i in group if not self._is_quoted(i)), None)
        if original is not None:
            for i in group:
                if self._is_quoted(i):
                    self._wholes.setdefault(i, original)

    def _is_quoted(self, i: int) -> bool:
        return self._sentences[i].text.lstrip().startswith(">")

    def _heads(self, i: int) -> tuple[str, ...]:
        """The texts of a sentence's heads, folded."""
        text = self._sentences[i].document.text
        return tuple(folded(text[start:end]) for start, end in self._sentences[i].heads)

    def _find_pieces(self) -> None:
        """Find the sentences that the first and the last unit of each document are pieces of."""
        edges = [list(members) for _, members in groupby(self._in_words(), key=lambda i: self._sentences[i].position)]
        several = [numbers for numbers in edges if len(numbers) > 1] if len(edges) > 1 else []
        tails = [numbers[0] for numbers in several if self._may_be_piece(numbers[0])]
        beginnings = [numbers[-1] for numbers in several if self._may_be_piece(numbers[-1])]
        wanted_ends = {self._texts[i][-PIECE:] for i in tails}
        wanted_starts = {self._texts[i][:PIECE] for i in beginnings}
        if not wanted_ends and not wanted_starts:
            return
        by_end, by_start = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for i, text in enumerate(self._texts):
            if (end := text[-PIECE:]) in wanted_ends:
                by_end[end].append(i)
            if (start := text[:PIECE]) in wanted_starts:
                by_start[start].append(i)
        for i in tails:
            self._piece_of(i, (whole for whole in by_end[self._texts[i][-PIECE:]][:MOST_WHOLES] if self._is_tail(i, whole)))
        for i in beginnings:
            self._piece_of(i, (whole for whole in by_start[self._texts[i][:PIECE]][:MOST_WHOLES] if self._is_beginning(i, whole)))

    def _in_words(self) -> Iterator[int]:
        """The sentences that have words."""
        return (i for i, text in enumerate(self._texts) if text)

    def _may_be_piece(self, i: int) -> bool:
        return len(self._texts[i]) >= PIECE and i not in self._groups

    def _piece_of(self, i: int, wholes: Iterator[int]) -> None:
        """Take the first of the wholes in place of `i`, if there is one."""
        whole = next(wholes, None)
        if whole is None or i in self._groups:
            return
        self._wholes[i] = self.whole(whole)
        group = self._groups.setdefault(whole, [whole])
        insort(group, i)
        self._groups[i] = group

    def _is_tail(self, i: int, whole: int) -> bool:
        """Whether `i` is the end of another sentence, by what follows both."""
        if not self._is_part(i, whole) or not self._texts[whole].endswith(self._texts[i]):
            return False
        after, after_whole = self._beside(i, 1), self._beside(whole, 1)
        if after_whole:
            return after.startswith(after_whole) or (bool(after) and after_whole.startswith(after))
        return bool(self._beside(whole, -1)) and self._sentences[i].text.lstrip()[:1].islower()

    def _is_beginning(self, i: int, whole: int) -> bool:
        """Whether `i` is the beginning of another sentence, by what stands before both."""
        if not self._is_part(i, whole) or not self._texts[whole].startswith(self._texts[i]):
            return False
        before, before_whole = self._beside(i, -1), self._beside(whole, -1)
        if before_whole:
            return before.endswith(before_whole) or (bool(before) and before_whole.endswith(before))
        return bool(self._beside(whole, 1)) and not _FINISHED.search(self._sentences[i].text)

    def _is_part(self, i: int, whole: int) -> bool:
        """Whether `i` is shorter than a sentence of another document."""
        return len(self._texts[i]) < len(self._texts[whole]) and self._sentences[i].position != self._sentences[whole].position

    def _beside(self, i: int, step: int) -> str:
        """The next text with words in the same document, or the one before; empty if there is none."""
        at, position = i + step, self._sentences[i].position
        while 0 <= at < len(self._sentences) and self._sentences[at].position == position:
            if self._texts[at]:
                return self._texts[at]
            at += step
        return ""
