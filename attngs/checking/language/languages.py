"""Six languages: words without content, numbers, months, weekdays, pronouns and denials."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any

_LETTERS = re.compile(r"[^\W\d_]+")
_SAMPLE = 400  # words that tell a language
_SHARE = 0.12  # of a sample: so many of its words must be function words of the language


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Language:
    """One language of `languages.toml`; words in lower case."""

    code: str
    stemmer: str
    """Its name at snowballstemmer."""
    function_words: frozenset[str]
    """Words without content. They tell the language."""
    negators: frozenset[str]
    """Words that deny what stands near them."""
    soft: frozenset[str]
    """Words that make a denial uncertain: "only", "against"."""
    subjects: frozenset[str]
    """Pronouns of the third person."""
    speakers: frozenset[str]
    """Pronouns of the first person."""
    hearers: frozenset[str]
    """Pronouns of the second person."""
    breaks: frozenset[str]
    """Conjunctions that open a clause."""
    numbers: Mapping[str, int]
    ordinals: Mapping[str, int]
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    """0 is Monday."""
    deny_back: bool = False
    """Whether a negator also denies what stands before it."""
    names: bool = True
    """Whether a capital inside a sentence tells a name."""


@cache
def languages() -> tuple[Language, ...]:
    """The six languages, English first."""
    return tuple(_language(code, row) for code, row in _table().items() if code != "others")


@cache
def function_words() -> frozenset[str]:
    """Words without content of all six languages."""
    return frozenset[str]().union(*(language.function_words for language in languages()))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("attngs.checking.language").joinpath("languages.toml").read_text(encoding="utf-8"))


@cache
def _others() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(words.split()) for words in _table()["others"])


def english() -> Language:
    """The language whose rules apply where a text tells none."""
    return languages()[0]


def tell_language(text: str, likely: Language | None = None) -> Language | None:
    """The language that most function words of a text belong to; `None` where too few tell it.

    Args:
        text: Any text.
        likely: The language to choose where it does as well as the best: short sentences of related languages look alike.
    """
    sample = [match[0] for match in islice(_LETTERS.finditer(text.lower()), _SAMPLE)]
    found = {language.code: sum(word in language.function_words for word in sample) for language in languages()}
    best = max(languages(), key=lambda language: found[language.code])
    if likely and found[likely.code] and found[likely.code] == found[best.code]:
        return likely
    other = max(sum(word in words for word in sample) for words in _others())
    return best if sample and found[best.code] >= max(_SHARE * len(sample), other, 1) else None


def _language(code: str, row: Mapping[str, Any]) -> Language:
    """Read one table of the file, where `"a b"` is a set and `"1=a|b 2=c"` a mapping of words to numbers."""
    values: dict[str, Any] = dict(row)
    for name in ("function_words", "negators", "soft", "subjects", "speakers", "hearers", "breaks"):
        values[name] = frozenset(row[name].split())
    for name in ("numbers", "ordinals", "months", "weekdays"):
        pairs = (entry.partition("=") for entry in row[name].split())
        values[name] = {word: int(number) for number, _, names in pairs for word in names.split("|")}
    return Language(code=code, **values)
