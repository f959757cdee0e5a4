"""The question itself is no evidence: a unit that only repeats it tells a reader nothing.

Every score is high where words are shared, and nothing shares more words with a question than the question. A chat repeats what was asked,
and a text may carry the question to be found by it. So a unit that has the words of the question, behind a word or two at most, such as
the name of a speaker, is an echo. Scorers that compare units leave echoes out, so that an echo does not lift the units around it, and
echoes get the lowest score. A unit that others are read with is no echo, because the question above an answer tells what is answered.
A unit that has no word but those of its heads, such as the name under a mail, is an echo too.
Neither is a statement that has the words of a question: "She takes aspirin?" is answered by "She takes aspirin.".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from heapq import nlargest

import numpy as np

from attngs.protocols import Floats
from attngs.text.speakers import LABEL, speaker_of
from attngs.text.words import words
from attngs.types import ScoreRequest, Sentence

BEST = 32
"""Units that are looked at for what their heads say already."""
LONGEST_NAME = 60
"""Characters of a unit that may be nothing but a name."""
BEFORE = 2
"""Words that may stand before the question where a unit asks too."""

_ASKS = re.compile(r"[?？؟]\W*$")
_STATES = re.compile(r"[.!。！]\W*$")


def find_echoes(query: str, sentences: Sequence[Sentence]) -> frozenset[int]:
    """The numbers of the units that only repeat the question; none where nothing else would be left."""
    asked = words(query)
    if not asked:
        return frozenset()
    longest = 2 * len(query) + 200  # characters; a longer unit says more, and need not be cut into words for every question
    shortest, rarest = sum(map(str.isalnum, query)), max(asked, key=len)
    alike = [
        number
        for number, sentence in enumerate(sentences)
        if shortest <= sentence.end - sentence.start <= longest
        and rarest in sentence.text.lower()
        and _repeats(query, asked, sentence.text.strip())
    ]
    heads = {(sentence.position, head.start) for sentence in sentences for head in sentence.heads} if alike else set[tuple[int, int]]()
    found = frozenset(i for i in alike if (sentences[i].position, sentences[i].start) not in heads)
    return found if any(sentence.text.strip() for i, sentence in enumerate(sentences) if i not in found) else frozenset()


def without_echoes(request: ScoreRequest, compute: Callable[[ScoreRequest], Floats]) -> Floats:
    """What is computed of a context that has no echoes; of each echo, the lowest value in its place.

    Args:
        request: The question with all its units.
        compute: Gives one row a unit, `(S,)` or `(S, F)`.
    """
    echoes = find_echoes(request.query, request.sentences)
    if not echoes:
        return compute(request)
    others = [i for i in range(len(request.sentences)) if i not in echoes]
    found = compute(replace(request, sentences=[request.sentences[i] for i in others]))
    rows = np.repeat(found.min(axis=0, keepdims=True), len(request.sentences), axis=0)
    rows[others] = found
    return rows


def lower_echoes(query: str, sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` in which no unit is below an echo; the same where there is none."""
    echoes = find_echoes(query, sentences) | set(_echoes_of_heads(sentences, scores))
    lowest = min(scores, default=0.0)
    return tuple(lowest if i in echoes else score for i, score in enumerate(scores)) if echoes else scores


def _echoes_of_heads(sentences: Sequence[Sentence], scores: Sequence[float]) -> Iterator[int]:
    """Of the best units, those that only repeat what they are read with, such as the name under a mail."""
    best = nlargest(BEST, (i for i, sentence in enumerate(sentences) if sentence.heads), key=scores.__getitem__)
    short = [i for i in best if sentences[i].end - sentences[i].start <= LONGEST_NAME]
    leads = {(sentences[i].position, head.start) for i in best for head in sentences[i].heads} if short else set[tuple[int, int]]()
    for i in short:
        sentence = sentences[i]
        said = {word for head in sentence.heads for word in words(sentence.document.text[head.start : min(head.end, head.start + 400)])}
        if (sentence.position, sentence.start) not in leads and said.issuperset(words(sentence.text)):
            yield i


def _repeats(query: str, asked: Sequence[str], text: str) -> bool:
    label = LABEL.match(text)
    told = words(text[label.end() :] if label and speaker_of(label) else text)
    asks = _ASKS.search(text) is not None
    if _ASKS.search(query) and not asks and _STATES.search(text):
        return False
    return told[-len(asked) :] == asked and len(told) - len(asked) <= (BEFORE if asks else 0)
