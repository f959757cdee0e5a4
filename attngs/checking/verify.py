"""Is a reply faithful? Each of its sentences is linked to the sentences of the context that it comes from, and checked against them.

1. The reply is cut into sentences, and each is linked: by what it cites, or by shared words and similarity      `alignment.py`
2. The linked sentences are read as evidence, with whom each clause is about                                      `evidence.py`
3. Every clause is asked: are its figures there, its names, of the right person, with the right sign, and is
   there a statement that nothing carries?                                                                        `checks/`

Nothing here asks a model; a similarity, where one is given, only widens what counts as the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attngs.checking.alignment import Aligner, terms
from attngs.checking.language.clauses import Clause, read_clauses
from attngs.checking.language.languages import Language, tell_language
from attngs.checking.people import Subject
from attngs.checking.questions import check_figures, check_honorifics, check_words, gather
from attngs.checking.sources import Evidence
from attngs.errors import ConfigError
from attngs.text.sentences import split_sentences
from attngs.types import Claim, Sentence, Span

_CITATION = re.compile(r"[ \t]?\[(?P<numbers>\d{1,6}(?:\s?[,;–-]\s?\d{1,6}){0,20})\]")
_MOST = 20  # sentences that one range names


class Cited(NamedTuple):
    """A sentence of a reply without its citations."""

    text: str
    numbers: tuple[int, ...]
    """As written, counted from 1."""


def read_citations(reply: str, spans: Sequence[Span]) -> list[Cited]:
    """Each span's text and the numbers that it cites.

    A citation before the first word of a sentence belongs to the sentence before, when that has none of its own: "He left. [3] She stayed."
    """
    found = list[Cited]()
    for start, end in spans:
        text = reply[start:end]
        numbers = [number for match in _CITATION.finditer(text) for number in _numbers(match["numbers"])]
        opening = _CITATION.match(text)
        if opening and found and not found[-1].numbers:
            first = _numbers(opening["numbers"])
            found[-1] = found[-1]._replace(numbers=tuple(first))
            numbers = numbers[len(first) :]
        found.append(Cited(_CITATION.sub("", text), tuple(dict.fromkeys(numbers))))
    return found


def _numbers(written: str) -> list[int]:
    numbers = list[int]()
    for part in re.split(r"[,;]", written):
        first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
        stop = int(last) if last else int(first)
        numbers += range(int(first), min(stop, int(first) + _MOST) + 1)
    return numbers


_ALIKE = 0.5  # cosine from which a statement in other words counts as carried
_TOO_SHORT = 120  # characters of a context that may tell no language though it is in a known one
_SAMPLE = 50  # sentences that tell the language of the context

Similarity = Callable[[Sequence[str], Sequence[Sentence]], NDArray[np.floating[Any]]]
"""Texts `(N)` and sentences `(S)` to their cosines `(N, S)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence of a reply, judged."""

    start: int
    end: int
    """Its place in the reply; the spans of all verdicts tile the reply."""
    text: str
    """Without citations, where the reply has them."""
    sources: tuple[int, ...]
    """The sentences of the context that carry it, best first."""
    support: float
    """How well they carry it, 0 to 1: what to cut first."""
    unsupported: tuple[Claim, ...]
    """Empty: faithful as far as can be checked."""


def verify(
    reply: str,
    sentences: Sequence[Sentence],
    *,
    shown: Sequence[int] | None = None,
    similarity: Similarity | None = None,
    cited: bool = False,
) -> tuple[Verdict, ...]:
    """Link every sentence of a reply to its sources, and find what they do not carry.

    Args:
        reply: What a writer wrote; any string.
        sentences: The sentences of the context, in reading order.
        shown: Those that the writer saw, by index and in the order shown; all when not given. Links go nowhere else.
        similarity: Cosines between texts and sentences, to find what is said in other words.
        cited: Whether the reply cites sentences as `[3]`, counted from 1 in the order shown.

    Returns:
        One verdict a sentence; none for an empty reply.

    Raises:
        ConfigError: `shown` has an index that is not there.
    """
    visible = tuple(range(len(sentences))) if shown is None else tuple(shown)
    for number in visible:
        if not 0 <= number < len(sentences):
            raise ConfigError(f"`shown` has {number}; it must hold indices of the {len(sentences)} sentences.")
    spans = split_sentences(reply, "sentence")
    parts = read_citations(reply, spans) if cited else [Cited(reply[start:end], ()) for start, end in spans]
    return tuple(_Judge(sentences, visible, similarity).judge(spans, parts))


class _Judge:
    """What is the same for all sentences of one reply."""

    def __init__(self, sentences: Sequence[Sentence], visible: Sequence[int], similarity: Similarity | None) -> None:
        self._visible = visible
        self._sentences = sentences
        self._similarity = similarity
        self._evidence = Evidence(sentences)
        self._aligner = Aligner(
            {number: self._terms(number) for number in visible},
            [sentence.text for sentence in sentences],
            [sentence.position for sentence in sentences],
        )
        sample = " ".join(sentences[number].text for number in visible[:_SAMPLE])
        self._language = tell_language(sample)
        self._short = len(sample) < _TOO_SHORT

    def _terms(self, number: int) -> list[str]:
        label = " ".join(sorted(self._evidence.label(number)))
        return terms(f"{self._sentences[number].text} {label}", self._evidence.language(number))

    def judge(self, spans: Sequence[Span], parts: Sequence[Cited]) -> list[Verdict]:
        """One verdict for each span."""
        written = tell_language(" ".join(part.text for part in parts), self._language) or self._language
        cosines = self._cosines([part.text for part in parts])
        verdicts = list[Verdict]()
        subjects: tuple[Subject, ...] = ()
        for span, part, similar in zip(spans, parts, cosines, strict=True):
            language = tell_language(part.text, written) or written
            clauses = read_clauses(part.text, language)
            links = self._aligner.link(terms(part.text, language), similar)
            cites, wrong = self._cited(part.numbers)
            copied = self._copied(part.text, cites or links.candidates)
            sources = cites or self._aligner.with_twins(copied) or links.sentences
            claims = [*wrong, *(() if copied else self._claims(part.text, clauses, sources, language, subjects))]
            checked = sum(len(clause.mentions) + len(clause.names) + 1 for clause in clauses)
            share = max([links.cover, *(similar[number] for number in sources if number in similar)]) if sources else 0.0
            verdicts.append(
                Verdict(
                    start=span.start,
                    end=span.end,
                    text=part.text,
                    sources=sources,
                    support=min(1.0, share) * max(0.0, 1 - len(claims) / (checked + 1)),
                    unsupported=tuple(dict.fromkeys(claims)),
                )
            )
            subjects = (
                tuple(Subject((name.key,), first=True) for clause in clauses for name in clause.names if name.sure and not name.owner)
                or subjects
            )
        return verdicts

    def _claims(
        self, text: str, clauses: Sequence[Clause], sources: Sequence[int], language: Language | None, subjects: tuple[Subject, ...]
    ) -> Iterator[Claim]:
        """What the sources do not carry. Where reply and sources are not in one language that is known, figures alone are compared."""
        asked = gather(self._evidence, sources, text, language, clauses, subjects)
        unknown = language if self._short else None
        languages = {self._evidence.language(number) or self._language or unknown for number in sources} or {self._language or language}
        if language is not None and language in languages:
            yield from check_figures(asked)
            yield from (claim for claim in check_words(asked) if claim.kind != "content" or not self._alike(claim.text, sources))
        else:
            yield from (claim for claim in check_figures(asked) if any(character.isdigit() for character in claim.text))
            yield from check_honorifics(asked)

    def _cosines(self, texts: Sequence[str]) -> list[dict[int, float]]:
        """Of each text, the cosine with each visible sentence; empty without a similarity."""
        if self._similarity is None or not texts or not self._visible:
            return [{} for _ in texts]
        table = self._similarity(texts, [self._sentences[number] for number in self._visible])
        return [dict(zip(self._visible, map(float, row), strict=True)) for row in table]

    def _alike(self, text: str, sources: Sequence[int]) -> bool:
        """Whether a source says in other words what no source says in these."""
        if self._similarity is None or not sources:
            return False
        return float(np.max(self._similarity([text], [self._sentences[number] for number in sources]))) >= _ALIKE

    def _copied(self, text: str, candidates: Sequence[int]) -> tuple[int, ...]:
        """The first source that has the sentence word for word: nothing is to be checked."""
        plain = " ".join(text.split())
        return tuple(number for number in candidates if plain and plain in " ".join(self._sentences[number].text.split()))[:1]

    def _cited(self, numbers: Sequence[int]) -> tuple[tuple[int, ...], list[Claim]]:
        """The sentences that are cited, and the citations that cite nothing."""
        real = [number for number in numbers if 0 < number <= len(self._visible)]
        wrong = [Claim("attribution", f"[{number}]") for number in numbers if number not in real]
        return tuple(dict.fromkeys(self._visible[number - 1] for number in real)), wrong
