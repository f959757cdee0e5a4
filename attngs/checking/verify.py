"""Is a reply faithful? Each of its sentences is linked to its sources and checked against them.

1. The reply is cut into sentences. Each is linked to its sources: by what it cites, by what it quotes, or by shared words  `alignment.py`
2. The sources are read into clauses, with whom each clause is about                                                    `sources.py`
3. Every clause of the reply is compared: are its figures there, its names, of the right person, with the right sign,
   and is there a statement that nothing carries?                                                                       `questions.py`

No model is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from attngs.checking.alignment import Aligner, terms
from attngs.checking.language.clauses import Clause, read_clauses
from attngs.checking.language.languages import Language, tell_language
from attngs.checking.people import Subject
from attngs.checking.questions import Comparison, check_figures, check_honorifics, check_quoted, check_words, compare
from attngs.checking.sources import Sources
from attngs.text.sentences import split_sentences
from attngs.types import Claim, Sentence, Span

_SHORT = 120  # characters: a shorter context may be in a known language and not show it
_SAMPLE = 50  # sentences that tell the language of the context
_CITATION = re.compile(r"[ \t]?\[(?P<numbers>\d{1,6}(?:\s?[,;–-]\s?\d{1,6}){0,20})\]")
_LONGEST_RANGE = 20  # sentences that `[2-9]` may name after the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found out about one sentence of a reply."""

    start: int
    end: int
    """Its place in the reply; the spans of all verdicts tile the reply."""
    text: str
    """Its words, without the citations that were read."""
    sources: tuple[int, ...]
    """Indices of the sentences of the context that carry it, best first."""
    support: float
    """How well they carry it, 0 to 1. Cut first what has least."""
    unsupported: tuple[Claim, ...]
    """Empty: faithful as far as can be checked."""


class CitedText(NamedTuple):
    """A sentence of a reply, with its citations taken out."""

    text: str
    numbers: tuple[int, ...]
    """The cited numbers, as written: counted from 1."""


def verify(reply: str, sentences: Sequence[Sentence], *, cited: bool = False) -> tuple[Verdict, ...]:
    """Link every sentence of a reply to its sources, and find what they do not carry.

    Args:
        reply: What a writer wrote; any string.
        sentences: The sentences of the context that the writer saw, in reading order.
        cited: Whether the reply cites sentences as `[3]`, counted from 1 in this order.

    Returns:
        One verdict a sentence; none for an empty reply.
    """
    spans = split_sentences(reply, "sentence")
    parts = read_citations(reply, spans) if cited else [CitedText(reply[start:end], ()) for start, end in spans]
    return tuple(_Check(sentences).verdicts(spans, parts))


def read_citations(reply: str, spans: Sequence[Span]) -> list[CitedText]:
    """Take the citations out of the sentences of a reply.

    A citation before the first word of a sentence belongs to the sentence before, if that has none of its own: "He left. [3] She stayed."

    Args:
        reply: The reply.
        spans: Its sentences.
    """
    found = list[CitedText]()
    for start, end in spans:
        text = reply[start:end]
        numbers = [number for match in _CITATION.finditer(text) for number in _numbers(match["numbers"])]
        opening = _CITATION.match(text)
        if opening and found and not found[-1].numbers:
            first = _numbers(opening["numbers"])
            found[-1] = found[-1]._replace(numbers=tuple(first))
            numbers = numbers[len(first) :]
        found.append(CitedText(_CITATION.sub("", text), tuple(dict.fromkeys(numbers))))
    return found


def _numbers(written: str) -> list[int]:
    """`1, 4-6` are four numbers."""
    numbers = list[int]()
    for part in re.split(r"[,;]", written):
        first, _, last = re.sub(r"\s", "", part).replace("–", "-").partition("-")
        stop = int(last) if last else int(first)
        numbers += range(int(first), min(stop, int(first) + _LONGEST_RANGE) + 1)
    return numbers


class _Check:
    """Checks the sentences of one reply against one context."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self._sources = Sources(sentences)
        self._count = len(sentences)
        self._aligner = Aligner(sentences, [self._terms(number, sentence) for number, sentence in enumerate(sentences)])
        sample = " ".join(sentence.text for sentence in sentences[:_SAMPLE])
        self._language = tell_language(sample)
        self._short = len(sample) < _SHORT

    def _terms(self, number: int, sentence: Sentence) -> list[str]:
        label = " ".join(sorted(self._sources.label(number)))
        return terms(f"{sentence.text} {label}", self._sources.language(number))

    def verdicts(self, spans: Sequence[Span], parts: Sequence[CitedText]) -> Iterator[Verdict]:
        """One verdict for each span. What "he" means is carried from sentence to sentence."""
        reply = " ".join(" ".join(part.text for part in parts).split())
        written = tell_language(reply, self._language) or self._language
        subjects: tuple[Subject, ...] = ()
        for span, part in zip(spans, parts, strict=True):
            language = tell_language(part.text, written) or written
            clauses = read_clauses(part.text, language)
            yield self._verdict(span, part, reply, language, clauses, subjects)
            subjects = _subjects(clauses) or subjects

    def _verdict(
        self,
        span: Span,
        part: CitedText,
        reply: str,
        language: Language | None,
        clauses: Sequence[Clause],
        subjects: tuple[Subject, ...],
    ) -> Verdict:
        cited, wrong = self._cited(part.numbers)
        quotation = self._aligner.quoted(part.text, reply, cited)
        if quotation:
            sources, cover = cited or quotation.sentences, 1.0
        else:
            links = self._aligner.link(terms(part.text, language))
            sources = cited or links.sentences
            cover = links.cover if sources else 0.0
        claims = wrong
        if quotation is None or quotation.fragment:
            comparison = compare(self._sources, sources, part.text, language, clauses, subjects)
            known = language is not None and language in self._languages(sources, language)
            claims = [*wrong, *_unsupported(comparison, known=known, fragment=quotation is not None)]
        checked = sum(len(clause.mentions) + len(clause.names) + 1 for clause in clauses)
        return Verdict(
            start=span.start,
            end=span.end,
            text=part.text,
            sources=sources,
            support=min(1.0, cover) * max(0.0, 1 - len(claims) / (checked + 1)),
            unsupported=tuple(dict.fromkeys(claims)),
        )

    def _cited(self, numbers: Sequence[int]) -> tuple[tuple[int, ...], list[Claim]]:
        """The sentences that are cited, and the citations that cite nothing."""
        real = tuple(dict.fromkeys(number - 1 for number in numbers if 0 < number <= self._count))
        wrong = [Claim("attribution", f"[{number}]") for number in numbers if not 0 < number <= self._count]
        return real, wrong

    def _languages(self, sources: Sequence[int], language: Language) -> set[Language | None]:
        """The languages that the sources may be in.

        Where a document tells none, that of the context; in a short context, that of the reply.
        """
        unknown = language if self._short else None
        found = {self._sources.language(number) or self._language or unknown for number in sources}
        return found or {self._language or language}


def _unsupported(comparison: Comparison, *, known: bool, fragment: bool) -> Iterator[Claim]:
    """What the sources do not carry.

    Args:
        comparison: A sentence of the reply beside its sources.
        known: Whether both are in one known language; otherwise figures alone are compared.
        fragment: Whether the sources have it word for word and say more, so that all it can have lost is what qualifies it.
    """
    if fragment:
        yield from check_quoted(comparison) if known else ()
    elif known:
        yield from check_figures(comparison)
        yield from check_words(comparison)
    else:
        yield from (claim for claim in check_figures(comparison) if any(character.isdigit() for character in claim.text))
        yield from check_honorifics(comparison)


def _subjects(clauses: Sequence[Clause]) -> tuple[Subject, ...]:
    """Whom a sentence names: what a pronoun in the next one may mean."""
    return tuple(Subject((name.key,), first=True) for clause in clauses for name in clause.names if name.sure and not name.owner)
