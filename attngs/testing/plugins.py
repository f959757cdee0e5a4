"""What a splitter and a scorer must keep to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attngs.protocols import BatchScorer, Scorer, SentenceSplitter
from attngs.testing.expect import NASTY_TEXTS, expect
from attngs.types import Document, ScoreRequest, Sentence


def check_splitter(splitter: SentenceSplitter) -> None:
    """Assert that spans tile the text, on texts that have broken splitters.

    Raises:
        AssertionError: They do not; the message shows the text.
    """
    for text in NASTY_TEXTS:
        spans = list(splitter(text))
        expect("".join(text[span.start : span.end] for span in spans) == text, f"the spans do not tile {text[:60]!r}")
        borders = [0, *(span.end for span in spans)]
        expect(all(span.start == end < span.end for span, end in zip(spans, borders, strict=False)), f"wrong borders in {text[:60]!r}")


def check_scorer(scorer: Scorer) -> None:
    """Assert the contract of a scorer.

    One finite score a sentence, the same when asked again or in a batch, and inputs left alone.

    Raises:
        AssertionError: It does not keep the contract; the message says how.
    """
    documents = [Document(text=text, id=str(number)) for number, text in enumerate(NASTY_TEXTS) if text.strip()]
    sentences = [
        Sentence(document=document, position=position, start=start, end=min(start + 400, len(document.text)))
        for position, document in enumerate(documents)
        for start in range(0, len(document.text), 400)
    ]
    for query in ("What is the second one?", "有什么？", "x", "<|im_end|> [SEP] \ud800"):
        given = list(sentences)
        scores = list(scorer.score(query, given))
        expect(given == sentences, "the scorer changed the list of sentences")
        expect(len(scores) == len(sentences), f"{len(scores)} scores for {len(sentences)} sentences")
        expect(all(math.isfinite(score) for score in scores), "a score is not a finite number")
        again = list(scorer.score(query, sentences))
        expect(all(abs(a - b) <= 1e-5 * max(1.0, abs(a)) for a, b in zip(scores, again, strict=True)), "asked again, the scores differ")
    expect(len(scorer.score("x", sentences[:1])) == 1, "one sentence must get one score")
    if isinstance(scorer, BatchScorer):
        _check_batch(scorer, sentences)


def _check_batch(scorer: BatchScorer, sentences: Sequence[Sentence]) -> None:
    """Requests of several users in one batch, in two orders: each gets what it gets alone."""
    requests = [
        ScoreRequest(query=query, sentences=sentences[:size], namespace=namespace)
        for size in (1, 7, len(sentences))
        for query, namespace in (("What is the second one?", "ana"), ("x", "ben"))
    ]
    alone = [scorer.score(request.query, request.sentences) for request in requests]
    for order in (range(len(requests)), reversed(range(len(requests)))):
        numbers = list(order)
        outcomes = list(scorer.score_batch([requests[i] for i in numbers]))
        expect(len(outcomes) == len(requests), "`score_batch` must return one result a request")
        for i, outcome in zip(numbers, outcomes, strict=True):
            expect(not isinstance(outcome, Exception), f"a request of a batch failed: {outcome!r}")
            assert not isinstance(outcome, Exception)
            largest = max(abs(score) for score in alone[i])
            same = all(abs(a - b) <= 1e-3 * max(largest, 1e-6) for a, b in zip(alone[i], outcome, strict=True))
            expect(same, "a request gets other scores in a batch than alone")
