"""Texts -> words, in every script; and which sentences of a context hold which word, found once and kept."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD_BYTES = 200
"""One word of an index beside its numbers: its string, its place in a dict, two arrays."""

_WORD = re.compile(r"\w+")
# Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han with its extensions
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def words(text: str) -> list[str]:
    """Lower-case words; runs of unspaced scripts as single characters and pairs."""
    found = list[str]()
    for word in _WORD.findall(text.lower()):
        position = 0
        for run in _UNSPACED.finditer(word):
            found.extend(filter(None, [word[position : run.start()]]))
            characters = run[0]
            found.extend(characters)
            found.extend(characters[i : i + 2] for i in range(len(characters) - 1))
            position = run.end()
        found.extend(filter(None, [word[position:]]))
    return found


def mostly_latin(text: str) -> bool:
    """Whether at least half of the letters are Latin."""
    letters = [character for character in text[:1_000] if character.isalpha()]
    latin = sum(unicodedata.name(character, "").startswith("LATIN") for character in letters)
    return 2 * latin >= len(letters)


@dataclass(frozen=True, slots=True, eq=False)
class WordIndex:
    """The words of a context's sentences."""

    lengths: NDArray[np.float64]
    """Words of each sentence `(S,)`."""
    postings: Mapping[str, tuple[NDArray[np.int32], NDArray[np.float32]]]
    """Of each word, the sentences that hold it, and how often."""

    @classmethod
    def of(cls, bags: Sequence[Sequence[str]]) -> WordIndex:
        """Index the words of each sentence."""
        places: dict[str, tuple[list[int], list[int]]] = {}
        for number, bag in enumerate(bags):
            for word, count in Counter(bag).items():
                rows, counts = places.setdefault(word, ([], []))
                rows.append(number)
                counts.append(count)
        return cls(
            np.array([len(bag) for bag in bags], dtype=np.float64),
            {word: (np.array(rows, np.int32), np.array(counts, np.float32)) for word, (rows, counts) in places.items()},
        )

    @property
    def nbytes(self) -> int:
        """What it takes in memory, about."""
        return self.lengths.nbytes + sum(WORD_BYTES + rows.nbytes + counts.nbytes for rows, counts in self.postings.values())

    def counts(self, query: Sequence[str]) -> NDArray[np.float64]:
        """How often each distinct word of the question stands in each sentence `(S, W)`."""
        wanted = list(dict.fromkeys(query))
        table = np.zeros((len(self.lengths), len(wanted)))
        for column, word in enumerate(wanted):
            if word in self.postings:
                rows, counts = self.postings[word]
                table[rows, column] = counts
        return table
