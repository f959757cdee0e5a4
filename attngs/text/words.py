"""The words of a text, in every script."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")
# Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han with its extensions
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def words(text: str) -> list[str]:
    """Lower-case words; runs of scripts without spaces become single characters and pairs."""
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
