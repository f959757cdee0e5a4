"""Of two notes about the same thing, the later one says what is true now.

"Ana lives in Porto." in May is followed by "Ana moved to Lyon." in June. The older note often words a fact as the question does and scores
better, so in a small budget it would stand alone. A later note is its
successor if the times of both are known, their states are alike, they score about the same for the question, and one of two things holds:
the later one has every word by which the question names the older one ("the therapist"), or a word of change (`moved`, `now`, `no longer`).
The two then change places in the ranking, so the later one is kept first. Nothing is removed.

Only short documents count, such as the items of a memory: the sentences of one long message are alike whatever they say. Likeness alone
finds too much: on dated diary notes (MADial) it cost .04 of the evidence in 5 % of the tokens; with the two conditions, nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import fmean
from typing import NamedTuple

from attngs.checking.language.languages import function_words
from attngs.checking.times import UNKNOWN, given_time, read_moment
from attngs.marking.algorithm import ranking
from attngs.marking.coherence import SHORT
from attngs.protocols import Likeness, Scorer
from attngs.text.words import words
from attngs.types import Document, ScoreRequest, Sentence

MOST = 64
"""Only the best units are compared with each other."""
STEM = 4
"""Letters by which words are compared: `lives` is `live`, and `Mondays` is `Monday`."""


class Bond(NamedTuple):
    """How close an older note and its successor must be."""

    alike: float
    """Least cosine."""
    near: float
    """Least share of the better score, above the mean, that the other one has."""


SAME_THING = Bond(alike=0.6, near=0.7)
"""For a later note with every word by which the question names the older one."""
CHANGED = Bond(alike=0.5, near=0.75)
"""For a later note with a word of change."""
MOVED = Bond(alike=0.5, near=0.0)
"""For a later note that says where somebody moved whose home the older one names: the words differ, so the scores do too."""

CHANGE = re.compile(
    r"\b(?:now|nowadays|currently|recently|mov(?:ed|es|ing)|chang(?:ed|es|ing)|switch(?:ed|es|ing)|no longer|not any ?more|anymore|instead"
    r"|from next|since|postponed|rescheduled|rebooked|lowered|raised|reduced|increased|went (?:up|down)|cut|retired|replaced|updated?|new"
    r"|sold|quit|stopped|start(?:ed|s)|left|dropped|again|turned out"
    r"|jetzt|nun|neu(?:e|er|es|en|em)?|umgezogen|gewechselt|geändert|verschoben|nicht mehr|stattdessen|inzwischen|mittlerweile|seit"
    r"|maintenant|désormais|déménagé|changé|reporté|déplacé|nouveau|nouvelle|ne \w+ plus|depuis"
    r"|ahora|mudó|mudado|cambió|cambiado|ya no|nuevo|nueva|aplazado|desde"
    r"|nu|nieuwe?|verhuisd|veranderd|verzet|niet meer|voortaan|sinds)\b"
    r"|现在|如今|搬到|搬去|改成|改为|改到|换成|换了|不再|新的",
    re.IGNORECASE,
)
"""Words of change in English, German, French, Spanish, Dutch and Chinese."""

FOUND = "relevance_score"
"""In the metadata of a document that a search found: how near it is to the question."""

HOME = re.compile(r"\b(?:lives?|living|resides?)\b", re.IGNORECASE)
"""Words for where somebody lives, in English only: the embedded encoder finds too little likeness in other languages."""
MOVE = re.compile(r"\b(?:moved (?:back |away |house |out |in |over )*(?:in)?to|relocated to)\b", re.IGNORECASE)
"""Words for a move to another home."""


def find_successors(request: ScoreRequest, scores: tuple[float, ...], scorer: Scorer) -> dict[int, int]:
    """By number of an older unit, the number of the latest unit that says what became of it.

    Args:
        request: The question and the units.
        scores: Of the units `(S,)`.
        scorer: One that cannot tell how alike sentences are finds no successors.
    """
    if not isinstance(scorer, Likeness) or len(scores) < 2:
        return {}
    notes = _dated_notes(request.sentences, scores)
    if len(notes) < 2:
        return {}
    numbers, mean = list(notes), fmean(scores)
    texts = [request.sentences[i].text for i in numbers]
    alike = scorer.likeness(texts, request.namespace)
    asked, stems, changes = _stems(request.query), [_stems(text) for text in texts], [bool(CHANGE.search(text)) for text in texts]

    def follows(new: int, old: int) -> bool:
        """Whether one note is the successor of another, by their places in `numbers`."""
        if notes[numbers[new]] <= notes[numbers[old]]:
            return False
        weaker, stronger = sorted(scores[numbers[i]] - mean for i in (old, new))
        named = stems[old] & asked
        bonds = [SAME_THING] * (bool(named) and named <= stems[new]) + [CHANGED] * changes[new]
        bonds += [MOVED] * bool(named & stems[new] and HOME.search(texts[old]) and MOVE.search(texts[new]))
        return any(alike[old, new] >= bond.alike and weaker >= bond.near * stronger for bond in bonds)

    places = range(len(numbers))
    later = {old: [new for new in places if follows(new, old)] for old in places}
    return {numbers[old]: max((numbers[new] for new in found), key=notes.__getitem__) for old, found in later.items() if found}


def successors_first(scores: tuple[float, ...], successors: Mapping[int, int]) -> tuple[float, ...]:
    """Scores `(S,)` in which no unit is ahead of its successor: the two change places."""
    placed = list(scores)
    for old in sorted(successors, key=scores.__getitem__, reverse=True):
        new = successors[old]
        if placed[old] > placed[new]:
            placed[old], placed[new] = placed[new], placed[old]
    return tuple(placed)


def _dated_notes(sentences: Sequence[Sentence], scores: Sequence[float]) -> dict[int, tuple[datetime, int]]:
    """The time of the best units in short documents, and their place among equals.

    Only units above the mean whose time is known count. Messages of a chat come in the order in which they were said, so they need no
    dates. What a search found comes by relevance, so of equal times none is later.
    """
    sizes, mean = Counter(sentence.position for sentence in sentences), fmean(scores)
    best = [i for i in ranking(scores)[:MOST] if scores[i] > mean and sizes[sentences[i].position] <= SHORT]
    times = {i: _time(sentences[i].document) for i in best}
    if not any(times.values()) and all("role" in sentence.document.metadata for sentence in sentences):
        times = dict.fromkeys(best, UNKNOWN)
    places = {i: 0 if FOUND in sentences[i].document.metadata else sentences[i].position for i in best}
    return {i: (time, places[i]) for i, time in times.items() if time}


def _time(document: Document) -> datetime | None:
    """When a document was, by its metadata or else its id; `None` where neither says a date."""
    label = "" if document.id.isdecimal() else document.id
    moment = read_moment(given_time(document.metadata) or label)
    return moment.at if moment else None


def _stems(text: str) -> set[str]:
    """The beginnings of the words that say what a text is about."""
    return {word[:STEM] for word in words(text) if word not in function_words()}
