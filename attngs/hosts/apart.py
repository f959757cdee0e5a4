"""Several documents under one budget, each of which stays a document of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from attngs.compressor import ContextCompressor
from attngs.hosts.jobs import Job, Steps
from attngs.hosts.shortened import never_empty
from attngs.protocols import TokenCounter
from attngs.result.result import CompressedContext, Method
from attngs.selection.layout import ExtractLayout
from attngs.types import Document, Marking, Place, Question, Source, Usage

JOIN = "\n\n"
"""Stands between the documents when they are shown to the reader; it counts."""

APART = ExtractLayout(label="", document_gap=JOIN)
"""What the selector of `Apart.extractor` must lay out: the same text as the parts, joined."""

METHODS: tuple[Method, ...] = ("rewrite", "extract")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is left of one document."""

    position: int
    """Which document of the request, counted from 0."""
    text: str
    tokens: int
    original_tokens: int
    method: Method
    sources: tuple[Source, ...]
    """What `text` is made of."""
    copies: tuple[Place, ...]
    """Where other documents say the same as what was kept of this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is left of all documents, in their order."""

    parts: tuple[Part, ...]
    original_tokens: int
    compressed_tokens: int
    """Of the texts joined by `JOIN`, at most the budget."""
    method: Method
    """`rewrite` if any part is one, else `extract` if any is."""
    reason: str | None
    usage: Usage | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Compresses documents under one budget, and keeps them apart.

    Args:
        extractor: Without a writer, and with a selector that lays out as `APART` does.
        writer: Puts each document's extract in other words, in no more tokens than it has; `None` leaves it verbatim.
        counter: The reader's tokens.
        frames: By position: what the reader is shown before and after a document's text, where the extractor's layout has such frames.
    """

    extractor: ContextCompressor
    writer: ContextCompressor | None
    counter: TokenCounter
    frames: Sequence[tuple[str, str]] = ()

    def steps(
        self,
        documents: Sequence[Document],
        query: str | Question,
        *,
        target_tokens: int,
        namespace: str = "",
        marking: Marking | None = None,
    ) -> Steps[Parts]:
        """Compress. The jobs raise what `ContextCompressor.compress` does."""
        job = Job(
            compressor=self.extractor,
            documents=documents,
            query=query,
            target_tokens=target_tokens,
            namespace=namespace,
            marking=marking,
        )
        [found] = yield [job]
        whole = never_empty(found, self.counter, self.frames)
        extracts = self._extracts(documents, whole)
        if self.writer is None or whole.method == "passthrough" or not extracts:
            return self._together(extracts, whole, ())
        results = yield [replace(job, compressor=self.writer, **_alone(part, whole)) for part in extracts]
        return self._together(self._written(extracts, results, target_tokens), whole, results)

    def _extracts(self, documents: Sequence[Document], whole: CompressedContext) -> list[Part]:
        """Each document of which something was kept; all of them, as they are, where all fit."""
        kept = {place: tuple(sources) for place, sources in groupby(whole.kept, key=lambda source: source.position)}
        numbers = groupby(whole.selection.kept, key=lambda number: whole.marking.sentences[number].position)
        texts, method = {place: document.text for place, document in enumerate(documents)}, whole.method
        if method != "passthrough" or self._count(texts) > whole.target_tokens:
            beginnings = {source.position: source.text for source in whole.kept}  # where no sentence fitted
            excerpts = {place: APART.render(whole.marking.sentences, tuple(of_place), labels={}) for place, of_place in numbers}
            texts = excerpts or beginnings
            method = "extract"
        counts = self.counter.count([*texts.values(), *(documents[place].text for place in texts)]) if texts else []
        return [
            Part(
                position=place,
                text=text,
                tokens=tokens,
                original_tokens=original,
                method=method,
                sources=kept.get(place, ()),
                copies=copies_elsewhere(kept.get(place, ())),
            )
            for (place, text), tokens, original in zip(texts.items(), counts, counts[len(texts) :], strict=False)
        ]

    def _written(self, extracts: Sequence[Part], results: Sequence[CompressedContext], target_tokens: int) -> list[Part]:
        """Rewrites where there are any. What does not fit together gives way to extracts, the longest first."""
        parts = [_in_place(part, result) if result.method == "rewrite" else part for part, result in zip(extracts, results, strict=True)]
        for number in sorted(range(len(parts)), key=lambda number: -parts[number].tokens):
            if self._count({part.position: part.text for part in parts}) <= target_tokens:
                break
            parts[number] = extracts[number]
        return parts

    def _together(self, parts: Sequence[Part], whole: CompressedContext, results: Sequence[CompressedContext]) -> Parts:
        usages = [result.usage for result in results if result.usage]
        fallbacks = sorted({result.fallback_reason for result in results if result.fallback_reason})
        reasons = [whole.reason, *(f"{reason} ({_share(reason, results)})" for reason in fallbacks)]
        return Parts(
            parts=tuple(parts),
            original_tokens=whole.original_tokens,
            compressed_tokens=self._count({part.position: part.text for part in parts}),
            method=next((method for method in METHODS if any(part.method == method for part in parts)), whole.method),
            reason="; ".join(filter(None, reasons)) or None,
            usage=Usage(*(sum(counts) for counts in zip(*usages, strict=True))) if usages else None,
        )

    def _count(self, texts: Mapping[int, str]) -> int:
        """Tokens of the texts, given by position, as the reader is shown them."""
        frames = [self.frames[place] if self.frames else ("", "") for place in texts]
        shown = [before + text + after for (before, after), text in zip(frames, texts.values(), strict=True)]
        return self.counter.count([JOIN.join(shown)])[0] if shown else 0


def copies_elsewhere(sources: Sequence[Source]) -> tuple[Place, ...]:
    """Where documents that none of these sentences is from say the same, in reading order."""
    own = {source.position for source in sources}
    places = {place for source in sources for place in source.copies if place.position not in own}
    return tuple(sorted(places, key=lambda place: (place.position, place.start)))


def best_probability(sources: Sequence[Source]) -> float | None:
    """A host's score of a document: how probable it is that the best of what was kept of it matters.

    `None` where the marker has no probabilities.
    """
    return max((source.probability for source in sources if source.probability is not None), default=None)


def _alone(part: Part, whole: CompressedContext) -> dict[str, Any]:
    """What changes in the job that rewrites one document: it is marked already, by what was kept of it."""
    kept = {source.start for source in part.sources}
    marking = whole.marking
    own = [number for number, sentence in enumerate(marking.sentences) if sentence.position == part.position]
    sentences = tuple(replace(marking.sentences[number], position=0) for number in own)
    marking = Marking(
        query=whole.query,
        sentences=sentences,
        scores=tuple(marking.scores[number] for number in own),
        marked=tuple(sentence.start in kept for sentence in sentences),
        probabilities=marking.probabilities and tuple(marking.probabilities[number] for number in own),
        background=marking.background,
    )
    return {"documents": [sentences[0].document], "target_tokens": max(1, part.tokens), "marking": marking}


def _in_place(part: Part, result: CompressedContext) -> Part:
    extract = {source.start: source for source in part.sources}  # the writer saw one document, and knows of no copies elsewhere
    label = part.sources[0].label
    sources = tuple(
        replace(source, position=part.position, label=label, copies=extract[source.start].copies if source.start in extract else ())
        for source in result.sources
    )
    return replace(part, text=result.text, tokens=result.compressed_tokens, method="rewrite", sources=sources)


def _share(reason: str, results: Sequence[CompressedContext]) -> str:
    return f"{sum(result.fallback_reason == reason for result in results)} of {len(results)} documents"
