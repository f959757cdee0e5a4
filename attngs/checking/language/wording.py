"""Words -> the terms that a paraphrase keeps.

A term is one stem for all forms and synonyms, and whether the word says the opposite of it.
"""

from __future__ import annotations

import threading
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

import snowballstemmer

from attngs.checking.language.languages import Language, english

_LONGEST = 40  # letters; what is longer is no word


class Term(NamedTuple):
    """What a word is about."""

    stem: str
    opposite: bool
    """Whether it says the opposite of its stem: "dislike" is `like`, denied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wording:
    """The tables of `wording.toml`."""

    verbs: dict[str, str]
    """Irregular forms of verbs and their bases."""
    irregular: dict[str, str]
    """Those, and irregular forms of other words."""
    synonyms: dict[str, str]
    opposites: dict[str, str]
    deniers: frozenset[str]
    demonyms: frozenset[tuple[str, str]]
    harmless: frozenset[tuple[str, ...]]
    relation_stems: frozenset[str]


@cache
def wording() -> _Wording:
    """The tables. Only English has any."""
    table: dict[str, str] = tomllib.loads(files("attngs.checking.language").joinpath("wording.toml").read_text(encoding="utf-8"))["en"]
    verbs = _bases(table["verbs"])
    irregular = verbs | _bases(table["forms"])
    groups = [line.split() for line in table["synonyms"].strip().splitlines()]
    synonyms = dict[str, str]()
    for group in groups:
        for word in group:
            synonyms.setdefault(_snowball(irregular.get(word, word), "english"), _snowball(group[0], "english"))
    opposites = {_snowball(word, "english"): base for word, _, base in (entry.partition("=") for entry in table["opposites"].split())}
    return _Wording(
        verbs=verbs,
        irregular=irregular,
        synonyms=synonyms,
        opposites=opposites,
        deniers=frozenset(table["deniers"].split()),
        demonyms=frozenset((people, country) for people, _, country in (entry.partition("=") for entry in table["demonyms"].split())),
        harmless=frozenset(tuple(phrase.split()) for phrase in table["harmless"].replace("\n", "").split("|")),
        relation_stems=frozenset(synonyms.get(stem, stem) for stem in (_snowball(word, "english") for word in table["relations"].split())),
    )


def _bases(written: str) -> dict[str, str]:
    """`form form=base` -> each form with its base."""
    found = dict[str, str]()
    waiting = list[str]()
    for entry in written.split():
        form, _, base = entry.partition("=")
        waiting.append(form)
        if base:
            found.update(dict.fromkeys(waiting, base))
            waiting = []
    return found


@lru_cache(maxsize=200_000)
def term(word: str, language: Language | None) -> Term:
    """The term of a word in lower case.

    Without a language the rules of English apply, which do little to other words.
    """
    language = language or english()
    word = word.removesuffix("'s").removesuffix("'")
    if language.code in {"fr", "it"} and "'" in word:
        word = word.rpartition("'")[2]
    if len(word) > _LONGEST:
        return Term(word, opposite=False)
    if language.code != "en":
        return Term(_snowball(word, language.stemmer), opposite=False)
    known = wording()
    stem = _snowball(known.irregular.get(word, word), "english")
    base = known.opposites.get(stem)
    if base:
        positive = _snowball(base, "english")
        return Term(known.synonyms.get(positive, positive), opposite=True)
    return Term(known.synonyms.get(stem, stem), opposite=False)


_stemmers = threading.local()  # a stemmer can only work on one word at a time


@lru_cache(maxsize=200_000)
def _snowball(word: str, name: str) -> str:
    stemmer = getattr(_stemmers, name, None)
    if stemmer is None:
        stemmer = snowballstemmer.stemmer(name)
        setattr(_stemmers, name, stemmer)
    return str(stemmer.stemWord(word))
