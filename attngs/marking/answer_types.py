"""A question that asks for a figure is answered by a unit that has one: how long, how much, when.

The units below one heading often score alike, and only one of them says how long something takes. So the best units gain a little where
they have the kind of figure that is asked for: a duration, a number, or a date or time. A figure of the question itself is no answer to it.

The gain is small, so a unit that shares the words of the question stays ahead of one that only has a figure. It was set by hand on the
development half of `benchmarks/shapes`, where it wins two rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from attngs.checking.language.languages import languages
from attngs.checking.language.measures import time_units
from attngs.marking.scales import raised
from attngs.text.speakers import LABEL
from attngs.text.words import words
from attngs.types import Sentence

GAIN = 0.3
"""What a unit with such a figure gains, in standard deviations of the context's scores."""
FAILURE_GAIN = 1.0
"""What an event of a log that reports a failure gains where the question asks for one."""
FIGURE_GAIN = 1.0
"""What a unit gains that has the figure of the question behind the same word."""
BEST = 64
"""Units that are looked at, the best first: those that a budget may hold."""
LONGEST = 600
"""Characters of a unit, and of a question, that are read."""

_FAILURE = re.compile(
    r"\b(?:why|cause[ds]?|reason|wrong|fail\w*|crash\w*|error|broke|breaks?|missing|refused?|stopp?(?:ed|s)?|warum|weshalb|wieso|grund|fehler\w*"
    r"|abgestürzt|pourquoi|erreur|panne|échou\w*|perché|errore|por qu[eé]|fall[óo]|fallo|erro|waarom|fout)\b",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"\b(?:ERR(?:OR)?|FATAL|CRITICAL|SEVERE|WARN(?:ING)?|panic|error|fail(?:ed|ure|s)?|denied|refused)\b|(?:Error|Exception)\b"
)
_CLOCK = re.compile(r"\b\d{1,2}[:h]\d\d\b")
_HOUR = re.compile(r"\d{1,2}(?:am|pm|h|uhr)")
_CENTURIES = frozenset({"15", "16", "17", "18", "19", "20"})
_DURATION = re.compile(
    r"\bhow long\b|\bhow many (?:seconds|minutes|hours|days|weeks|months|years)\b|\bwie lange\b|\bcombien de temps\b|\bcu[aá]nto tiempo\b"
    r"|\bquanto tempo\b|\bhoe ?lang\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\bhow (?:much|many|old|far|tall|high|big|large|deep|fast|wide|heavy|hot|cold)\b|\bwhat (?:price|number|amount|rate|percentage)\b"
    r"|\bwie ?(?:viele?|alt|weit|hoch|groß|schwer|teuer|tief|schnell)\b|\bcombien\b|\bcu[aá]nt[oa]s?\b|\bquant[oaie]s?\b|\bhoeveel\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\bwhen\b|\bwhat time\b|\b(?:what|which) (?:date|day|year|month|week)\b|\bwann\b|\bum wie ?viel uhr\b|\bquand\b"
    r"|\bquel(?:le)? (?:heure|date|année|jour)\b|\bcu[aá]ndo\b|\bquando\b|\bqu[eé] (?:hora|d[ií]a|fecha|año)\b|\bche ora\b"
    r"|\bwanneer\b|\bhoe laat\b",
    re.IGNORECASE,
)


def lift_by_answer_type(query: str, sentences: Sequence[Sentence], scores: tuple[float, ...]) -> tuple[float, ...]:
    """Scores `(S,)` in which units with the figure that is asked for, if any, gain.

    Args:
        query: The question.
        sentences: The units.
        scores: Theirs. The result stays in their range.
    """
    find = _asked_for(query[:LONGEST])
    failure, figures = _FAILURE.search(query, 0, LONGEST), _named_figures(query[:LONGEST])
    if (find is None and not failure and not figures) or len(scores) < 2:
        return scores
    own, asked = np.array(scores), set(words(query))
    best = np.argsort(-own, kind="stable")[:BEST]
    gains = np.zeros(len(own))
    for i in best:
        sentence = sentences[i]
        if find and any(figure not in asked for figure in find(_said(sentence))):
            gains[i] += GAIN
        if failure and sentence.kind in {"event", "frame"} and _FAILED.search(sentence.text, 0, LONGEST):
            gains[i] += FAILURE_GAIN
        if figures and _names(sentence, figures):
            gains[i] += FIGURE_GAIN
    return raised(own, gains) if gains.any() else scores


def _named_figures(query: str) -> list[tuple[str, str]]:
    """What the question tells apart by its figure, as `press 2` and `invoice 8841`: the word before a figure, and the figure."""
    return [(before, word) for before, word in pairwise(words(query)) if word[:1].isdigit() and not before[:1].isdigit()]


def _names(sentence: Sentence, figures: Sequence[tuple[str, str]]) -> bool:
    """Whether a unit or a head of it has one of these words before its figure; a cell may have it below the name of its column."""
    text = sentence.document.text
    own = words(sentence.text[:LONGEST])
    above = [words(text[head.start : min(head.end, head.start + LONGEST)]) for head in sentence.heads]
    said = {pair for part in (own, *above) for pair in pairwise(part)}
    is_row = sentence.kind in {"row", "cell"} and above
    return any(pair in said or (is_row and pair[1] in own[:2] and pair[0] in above[-1]) for pair in figures)


Find = Callable[[str], Iterator[str]]
"""The figures of one kind in a text, each as a word of it."""


def _asked_for(query: str) -> Find | None:
    """Finds the kind of figure that the question asks for; `None` where it asks for none."""
    if _DURATION.search(query):
        return _durations
    if _TIME.search(query):
        return _times
    return _numbers if _NUMBER.search(query) else None


def _said(sentence: Sentence) -> str:
    """The beginning of a unit, without the time and the speaker before it: these tell when it was said."""
    text = sentence.text[:LONGEST]
    label = LABEL.match(text) if text[:1] in "[(<0123456789" else None
    return text[label.end() :] if label else text


def _numbers(text: str) -> Iterator[str]:
    return (word for word in words(text) if word[0].isdigit() or word in _numerals())


def _durations(text: str) -> Iterator[str]:
    """Numbers before a unit of time, as in `9h`, `40 minutes` and `ten hours`."""
    for word, following in pairwise([*words(text), ""]):
        unit = word.lstrip("0123456789")
        if unit == word:
            unit = following if word in _numerals() else ""
        elif not unit:
            unit = following
        if unit in _spans():
            yield word


def _times(text: str) -> Iterator[str]:
    """Years, times of day, and the names of months and days."""
    yield from _CLOCK.findall(text)
    for word in words(text):
        is_year = len(word) == 4 and word.isdigit() and word[:2] in _CENTURIES
        if is_year or word in _days() or _HOUR.fullmatch(word):
            yield word


@cache
def _numerals() -> frozenset[str]:
    return frozenset(word for language in languages() for word, value in language.numbers.items() if value > 1)


@cache
def _spans() -> frozenset[str]:
    return time_units() | {"s", "m", "d"}


@cache
def _days() -> frozenset[str]:
    """Names of months and weekdays; "may" and "sun" are other words too."""
    names = (name for language in languages() for name in (*language.months, *language.weekdays))
    return frozenset(name for name in names if len(name) > 3)
