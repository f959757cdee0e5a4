"""BM25 over sentences: the words of the question, weighted by how rare they are in the context.

Scripts that do not put spaces between words (Chinese, Japanese, Thai, ...) are compared by characters and pairs of characters.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from attngs.types import Sentence

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalScorer:
    """Okapi BM25 with the never-negative inverse document frequency of Lucene; each sentence is a document."""

    k1: float = 1.2
    b: float = 0.75

    def score(self, query: str, sentences: Sequence[Sentence]) -> list[float]:
        wanted = set(words(query))
        bags = [Counter(words(sentence.text)) for sentence in sentences]
        lengths = [bag.total() for bag in bags]
        average = sum(lengths) / len(lengths) if any(lengths) else 1.0
        frequency = Counter(word for bag in bags for word in wanted & bag.keys())
        weight = {word: math.log1p((len(bags) - n + 0.5) / (n + 0.5)) for word, n in frequency.items()}
        return [
            math.fsum(
                weight[word] * bag[word] * (self.k1 + 1) / (bag[word] + self.k1 * (1 - self.b + self.b * length / average))
                for word in sorted(wanted & bag.keys())
            )
            for bag, length in zip(bags, lengths, strict=True)
        ]
