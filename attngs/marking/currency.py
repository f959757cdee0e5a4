"""Of two statements about one thing, the later one says what is true now.

"Ana lives in Porto." in May is followed by "Ana moved to Lyon." in June. The older statement often words a fact as the question does and
scores better, so in a small budget it would stand alone. A later statement is its successor if both times are known, their states are alike
and they score about the same for the question: the sum of the two must reach `BOND`. A word of change ("now", "postponed") and a question
about the present ("this week") lower the bar. Three things tell that a later statement is no news of an older one: it leaves out a person
whom the question names, it adds something ("also"), or it tells of one day ("today") without a word of change.

A successor comes directly ahead of the older statement. Both stay where the budget holds two, so a wrong pair costs little. Nothing is
removed.

Constants were chosen on the development half of `python -m benchmarks.current_facts`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from statistics import fmean

import numpy as np

from attngs.checking.times import UNKNOWN, file_time, given_time, read_moment
from attngs.marking.algorithm import ranking
from attngs.protocols import Floats, Likeness, Scorer
from attngs.types import ScoreRequest, Sentence

MOST = 48
"""Only the best units are compared with each other."""
FIRST = 8
"""Only the successors of the very best are looked for, and theirs: others are hardly kept themselves."""
CROWD = 6
"""Fewest units whose likeness can be usual."""
USUAL = 0.3
"""Median cosine of the best units of a context; what it exceeds this by is taken off every cosine."""
BEGINNING = 48
"""Characters of a unit in which its own date is looked for."""

BOND = 1.2
"""What a successor reaches: the cosine, plus its share of the better score, both above the mean."""
ALIKE = 0.45
"""Least cosine of a successor."""
CHANGED = 0.1
"""How much less a later statement with a word of change needs."""
ASKED_NOW = 0.2
"""How much less it needs where the question asks for the present."""

CHANGE = re.compile(
    r"\b(?:now|nowadays|currently|recently|mov(?:ed|es|ing)|chang(?:ed|es|ing)|switch(?:ed|es|ing)|no longer|not any ?more|anymore|instead"
    r"|from next|since|postponed|rescheduled|rebooked|lowered|raised|reduced|increased|went (?:up|down)|cut|retired|replace[sd]|updated?|new"
    r"|sold|quit|stopped|start(?:ed|s)|left|dropped|again|turned out"
    r"|jetzt|nun|neu(?:e|er|es|en|em)?|umgezogen|gewechselt|geändert|verschoben|nicht mehr|stattdessen|inzwischen|mittlerweile|seit"
    r"|maintenant|désormais|déménagé|changé|reporté|déplacé|nouveau|nouvelle|ne \w+ plus|depuis"
    r"|ahora|mudó|mudado|cambió|cambiado|ya no|nuevo|nueva|aplazado|desde"
    r"|nu|nieuwe?|verhuisd|veranderd|verzet|niet meer|voortaan|sinds)\b"
    r"|现在|如今|搬到|搬去|改成|改为|改到|换成|换了|不再|新的",
    re.IGNORECASE,
)
"""Words of change in English, German, French, Spanish, Dutch and Chinese."""

NAMING = frozenset({"heading", "header", "speaker", "key", "question", "markup"})
"""Kinds of units that state nothing."""

FOUND = "relevance_score"
"""In the metadata of a document that a search found: how near it is to the question."""

PRESENT = re.compile(
    r"\b(?:now|nowadays|currently|at (?:the|this) moment|at present|these days|as of today|latest|newest|most recent|today|tonight|tomorrow"
    r"|this (?:week|month|year|time)|still|any ?more"
    r"|jetzt|derzeit|momentan|aktuell\w*|heute|gerade|zurzeit|diese\w* (?:woche|monat|jahr)"
    r"|maintenant|actuellement|en ce moment|aujourd'hui|cette semaine|ce mois"
    r"|ahora|actualmente|hoy|esta semana|este mes"
    r"|nu|momenteel|vandaag|deze (?:week|maand))\b"
    r"|现在|目前|如今|今天|这周|本周|最近",
    re.IGNORECASE,
)
"""Words by which a question asks for the present, in the same languages."""

ADDED = re.compile(
    r"\b(?:too|also|as well|another|in addition|besides|auch|außerdem|aussi|également|también|además|ook)\b|也|还有", re.IGNORECASE
)
"""Words by which a statement adds to another and leaves it true."""

ONE_DAY = re.compile(
    r"\b(?:today|tonight|yesterday|last night|this (?:morning|afternoon|evening|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|was|were"
    r"|heute|gestern|aujourd'hui|hier|hoy|ayer|vandaag|gisteren)\b|今天|昨天",
    re.IGNORECASE,
)
"""Words by which a statement tells what happened once."""

SEVERAL = re.compile(
    r"\s*(?:which|what)\s+(?:\w+\s+){0,2}?(?!does\b|is\b|was\b|has\b)\w+[^\Ws]s\s+(?:do|does|did|have|has|are|were|need|shall|should|can|may|must)\b",
    re.IGNORECASE,
)
"""A question for several things, of which a later one does not replace an earlier one."""

OWNER = re.compile(r"\b([A-Z]\w+)['’]s\b")
"""Somebody to whom somebody or something belongs."""
PRONOUN = re.compile(r"\W*(?:\w+\W+){0,2}(?:he|she|they|his|her|their)\b", re.IGNORECASE)
"""The beginning of a statement about somebody who is not named in it."""
NAME = re.compile(r"(?<=[^.?!:]\s)[A-Z]\w+")
"""A name: a capital inside a sentence. In languages that write nouns so, every noun is one."""

DATED = re.compile(r"(?:19|20)\d\d|\d[./-]\d{1,2}[./-]\d\d")
"""What is in every date that has a year."""

POINTING = re.compile(
    r"\s*(?:[A-Z]\w{1,20}:\s*)?(?:that|this|which|das|dies|cela|ça|eso|esto|dat|dit)\b(?!\s+\w+\s+(?:is|was|has))", re.IGNORECASE
)
"""The beginning of a unit that speaks of the one before it; a speaker's name may stand ahead."""

Time = tuple[datetime, int]
"""When something was said, and its place among what was said then."""


def find_successors(request: ScoreRequest, scores: tuple[float, ...], scorer: Scorer) -> dict[int, int]:
    """By number of an older unit, the number of the latest one that says what became of it.

    Args:
        request: The question and the units.
        scores: Of the units `(S,)`.
        scorer: One that cannot tell how alike sentences are finds no successors.
    """
    if not isinstance(scorer, Likeness) or len(scores) < 2:
        return {}
    sentences, mean = request.sentences, fmean(scores)
    best = [i for i in ranking(scores)[:MOST] if scores[i] > mean and sentences[i].kind not in NAMING]
    times = _times(sentences, best)
    pairs = [(a, b) for a in best for b in best if _is_later(times[b], times[a]) and _may_follow(request.query, sentences[a], sentences[b])]
    if not pairs:
        return {}
    numbers = sorted({i for pair in pairs for i in pair})
    alike = scorer.likeness([sentences[i].text for i in numbers], request.namespace)
    places, usual = {number: place for place, number in enumerate(numbers)}, _usual(alike)
    successors = dict[int, int]()
    for old, new in sorted(pairs, key=lambda pair: times[pair[1]] or (UNKNOWN, 0)):  # the latest counts
        weaker, stronger = sorted((scores[old] - mean, scores[new] - mean))
        cosine = float(alike[places[old], places[new]]) - usual
        if cosine >= ALIKE and cosine + weaker / stronger >= _bar(request.query, sentences[new].text):
            successors[old] = _meant(sentences, new)
    reached = {i for first in best[:FIRST] for i in _chain(first, successors)}
    return {old: new for old, new in successors.items() if old in reached}


def successors_first(scores: tuple[float, ...], successors: Mapping[int, int]) -> tuple[float, ...]:
    """Scores `(S,)` in which no unit is ahead of its successor, which comes directly before it."""
    placed = list(scores)
    oldest_first = sorted(successors, key=lambda i: len(_chain(i, successors)), reverse=True)
    for old in oldest_first:
        placed[successors[old]] = max(placed[successors[old]], placed[old])
    for old in reversed(oldest_first):
        placed[old] = min(placed[old], math.nextafter(placed[successors[old]], -math.inf))
    return tuple(placed)


def _chain(number: int, successors: Mapping[int, int]) -> list[int]:
    """A unit, its successor, the successor of that, and so on."""
    chain = [number]
    while chain[-1] in successors:
        chain.append(successors[chain[-1]])
    return chain


def _usual(alike: Floats) -> float:
    """How much more alike than usual all of the best units are: in diaries of one person, everything is a little."""
    if len(alike) < CROWD:
        return 0.0
    return max(0.0, float(np.median(alike[np.triu_indices(len(alike), 1)])) - USUAL)


def _meant(sentences: Sequence[Sentence], number: int) -> int:
    """The unit before one that only points back to it, as in "That replaces the old plan."."""
    before = number - 1
    points_back = POINTING.match(sentences[number].text) and before >= 0 and sentences[before].position == sentences[number].position
    return before if points_back and sentences[before].kind not in NAMING else number


def _bar(query: str, later: str) -> float:
    """What the cosine and nearness of a later unit must add up to."""
    changed, now = bool(CHANGE.search(later)), bool(PRESENT.search(query))
    if SEVERAL.match(query) and not changed and not now:
        return math.inf
    return BOND - CHANGED * changed - ASKED_NOW * now


def _may_follow(query: str, old: Sentence, new: Sentence) -> bool:
    """Whether a unit can be news of another one, by its words."""
    text, older = new.text.strip(), old.text.strip()
    if text == older or "?" in (text[-1:], older[-1:]):
        return False
    if ONE_DAY.search(text) and not ONE_DAY.search(older) and not CHANGE.search(text):
        return False
    return not ADDED.search(text) and not _is_of_another(query, older, text)


def _is_of_another(query: str, old: str, new: str) -> bool:
    """Whether a later text leaves out whom question and older text name, or is about somebody of theirs."""
    missing = [name for name in NAME.findall(query) if name in old and name not in new]
    if missing and not PRONOUN.match(new):
        return True
    return any(name in old and name not in OWNER.findall(old) for name in OWNER.findall(new) if name in query)


def _is_later(new: Time | None, old: Time | None) -> bool:
    return new is not None and old is not None and old < new


def _times(sentences: Sequence[Sentence], numbers: Sequence[int]) -> dict[int, Time | None]:
    """When units were said; `None` where that is unknown.

    Messages of a chat come in the order in which they were said, so they need no dates. What a search found comes by relevance, so of
    equal times none is later.
    """
    moments = {i: _moment(sentences[i]) for i in numbers}
    if not any(moments.values()) and all("role" in sentence.document.metadata for sentence in sentences):
        moments = dict.fromkeys(numbers, UNKNOWN)
    places = {i: 0 if FOUND in sentences[i].document.metadata else sentences[i].position for i in numbers}
    return {i: (moment, places[i]) if moment else None for i, moment in moments.items()}


def _moment(sentence: Sentence) -> datetime | None:
    """By the heading or stamp of the unit, its document's metadata, the date it begins with, its document's id, or the date of the file."""
    document, text = sentence.document, sentence.text
    stamps = [text] if sentence.kind == "turn" else []
    stamps += [document.text[head.start : head.end] for head in reversed(sentence.heads)]
    ways = chain(
        map(_first_date, stamps),
        map(given_time, [document.metadata]),
        map(_first_date, [text]),
        ["" if document.id.isdecimal() else document.id],
        map(file_time, [document.metadata]),
    )
    return next((moment.at for way in ways if way and (moment := read_moment(way))), None)


def _first_date(text: str) -> str:
    """The beginning of a text, if it may hold a date with a year."""
    beginning = text[:BEGINNING]
    return beginning if DATED.search(beginning) else ""
