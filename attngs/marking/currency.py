"""Of two statements about one thing, the later one says what is true now.

"Ana lives in Porto." in May is followed by "Ana moved to Lyon." in June. The older statement often words a fact as the question does and
scores better, so in a small budget it would stand alone. A later statement is its successor if their states are alike and they score about
the same for the question: the sum of the two must reach `BOND`. A word of change ("now", "postponed") and a question about the present
("this week") lower the bar. The two must share a word beside names; without a word of change, the older one must also share one with the
question. Four things tell that a later statement is no news of an older one: it leaves out a person whom the question names, it tells of
press 1 and not of press 2, it adds something ("also"), or it tells of one day ("today") without a word of change. Of events and rows of
data, all words of the question count as names. A store that keeps the times of its facts knows better: of
two that are alike, one that began when the other ended is its successor.

A successor comes directly ahead of the older statement. Both stay where the budget holds two, so a wrong pair costs little. Nothing is
removed.

Constants were chosen on the development half of `python -m benchmarks.facts current`, on the example person and on MADial, where all diary
notes of one person are alike: that is why a cosine counts only as far as it is unusual.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from attngs.checking.language.languages import function_words
from attngs.checking.times import UNKNOWN, file_time, given_time, read_moment
from attngs.marking.cover import USERS
from attngs.marking.figures import numbered
from attngs.protocols import Floats, Likeness, Scorer
from attngs.text.words import words
from attngs.types import ScoreRequest, Sentence

STEM = 4
"""Letters by which words are compared: `lives` is `live`, and `Mondays` is `Monday`."""
STRANGE = 0.1
"""How much closer a later statement must be that has a word of change and no other word of the older one."""
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
    r"|from next|since|postponed|rescheduled|rebooked|lowered|raised|reduced|increased|went (?:up|down)|cut|retired|replace[sd]|updated?"
    r"|new|sold|quit|stopped|start(?:ed|s)|left|dropped|again|turned out"
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

DATA = frozenset({"event", "record", "row", "cell"})
"""Kinds of units that tell of one thing each, by its name or number."""

FOUND = "relevance_score"
"""In the metadata of a document that a search found: how near it is to the question."""
SCORES = frozenset({FOUND, "score"})
"""The same, as memory layers call it too."""

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

CAPITAL = re.compile(r"\b[A-Z]\w+")
"""A word that may be a name."""

FIGURE = re.compile(r"\b\d+[:.,]\d+\b")
"""A figure that hardly stands in two texts by chance."""

DATED = re.compile(r"(?:19|20)\d\d|\d[./-]\d{1,2}[./-]\d\d")
"""What is in every date that has a year."""

SINCE = re.compile(
    r"\b(?:as of|as from|from now on|since (?:last|this|yesterday|then|january|february|march|april|may|june|july|august|september|october"
    r"|november|december|(?:mon|tues|wednes|thurs|fri|satur|sun)day)|no longer|not any ?more|nowadays"
    r"|seit (?:letzte\w|gestern|heute|januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)"
    r"|ab sofort|nicht mehr"
    r"|désormais|dorénavant|depuis (?:hier|la semaine)|ya no|desde (?:ayer|la semana)|voortaan|niet meer|sinds (?:gisteren|vorige))\b"
    r"|从现在起|不再",
    re.IGNORECASE,
)
"""Words that say that something was otherwise before."""

HOME = re.compile(r"\b(?:lives?|living|resides?)\b", re.IGNORECASE)
"""Words for where somebody lives, in English only: the embedded encoder finds too little likeness in other languages."""
MOVE = re.compile(r"\b(?:moved (?:back |away |house |out |in |over )*(?:in)?to|relocated to)\b", re.IGNORECASE)
"""Words for a move to another home. The words of both differ, so their scores say nothing of how near they are."""

POINTING = re.compile(
    r"\s*(?:[A-Z]\w{1,20}:\s*)?(?:that|this|which|das|dies|cela|ça|eso|esto|dat|dit)\b(?!\s+\w+\s+(?:is|was|has))", re.IGNORECASE
)
"""The beginning of a unit that speaks of the one before it; the name of a speaker may stand ahead."""

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
    sentences, mean = request.sentences, request.whole.mean if request.whole else fmean(scores)
    above = np.asarray(scores) - mean  # (S,)
    best = [int(i) for i in np.argsort(-above, kind="stable")[:MOST] if above[i] > 0 and _states(sentences[i])]
    times = _times(sentences, best)
    later = _later([times[i] for i in best], [sentences[i].text for i in best])
    if not later.any():
        return {}
    gains = above[best]  # (M,)
    near = np.minimum(gains[:, None], gains) / np.maximum(gains[:, None], gains)  # (M, M)
    near[_moves([sentences[i].text for i in best])] = 1.0
    alike = scorer.likeness([sentences[i].text for i in best], request.namespace)  # (M, M)
    alike -= _usual(alike)
    closeness = np.where(later & (alike >= ALIKE), alike + near, 0.0)  # (M, M)
    least = BOND - CHANGED - ASKED_NOW * bool(PRESENT.search(request.query))
    places = {number: place for place, number in enumerate(best)}
    successors, waiting = dict[int, int](), best[:FIRST]
    for old in waiting:
        if old not in places or old in successors:
            continue
        close = closeness[places[old]]
        near_enough = {best[k]: close[k] for k in np.flatnonzero(close)}
        found = [
            i
            for i, nearness in near_enough.items()
            if (nearness >= least and _follows(request.query, sentences[old], sentences[i], nearness))
            or _takes_over(sentences[old], sentences[i])
        ]
        if found:
            new = max(found, key=lambda i: (times[i] or (UNKNOWN, 0), near_enough[i]))  # of one document, the nearest
            meant = _pointed_at(sentences, new, old)
            successors[old] = new if old in _chain(meant, successors) else meant  # nothing follows itself
            waiting.append(successors[old])
    return successors


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
    """What to take off every cosine, because all of the best units are alike."""
    if len(alike) < CROWD:
        return 0.0
    return max(0.0, float(np.median(alike[np.triu_indices(len(alike), 1)])) - USUAL)


def _states(sentence: Sentence) -> bool:
    """Whether a unit may state a fact: what an assistant says in a chat is mostly advice."""
    return sentence.kind not in NAMING and str(sentence.document.metadata.get("role", "user")) in USERS


def _pointed_at(sentences: Sequence[Sentence], number: int, old: int) -> int:
    """The unit before one that only points back ("That replaces the old plan."), else the unit itself."""
    before = number - 1
    if (
        before == old
        or before < 0
        or sentences[before].position != sentences[number].position
        or not POINTING.match(sentences[number].text)
    ):
        return number
    return before if _states(sentences[before]) and _moment(sentences[before]) == _moment(sentences[number]) else number


def _follows(query: str, old: Sentence, new: Sentence, closeness: float) -> bool:
    """Whether a later unit is news of an older one, by its words and its cosine plus its nearness."""
    text, older = new.text.strip(), old.text.strip()
    changed, now = bool(CHANGE.search(text)), bool(PRESENT.search(query))
    if closeness < BOND - CHANGED * changed - ASKED_NOW * now or text == older or "?" in (text[-1:], older[-1:]):
        return False
    if SEVERAL.match(query) and not changed and not now:
        return False
    if ONE_DAY.search(text) and not ONE_DAY.search(older) and not changed:
        return False
    if ADDED.search(text) or _is_of_another(query, older, text) or _is_of_another_number(query, old, text):
        return False
    return _is_about_the_same(query, older, text, closeness, changed=changed)


def _takes_over(old: Sentence, new: Sentence) -> bool:
    """Whether one fact began at the moment when another ended, as the store knows it."""
    ended = read_moment(old.document.metadata.get("invalid_at"))
    return ended is not None and ended == read_moment(new.document.metadata.get("valid_at"))


def _is_about_the_same(query: str, old: str, new: str, closeness: float, *, changed: bool) -> bool:
    """Whether two texts share what they are about, beside names, which all days of a diary share."""
    asked, before, after = _stems(query), _stems(old), _stems(new)
    if before.isdisjoint(after):
        return closeness >= BOND + STRANGE and (changed or not asked.isdisjoint(after))
    named = asked & before
    return changed or (bool(named) and (closeness >= BOND or named <= after))


def _stems(text: str) -> frozenset[str]:
    """The beginnings of the words of a text, without names, and figures such as 1:55.

    Living and moving are one word.
    """
    names = {name.lower() for name in CAPITAL.findall(text)}
    said = {word[:STEM] for word in words(text) if word not in function_words() and word not in names and not word[:1].isdigit()}
    home = {"home"} if HOME.search(text) or MOVE.search(text) else set[str]()
    return frozenset(said | home | set(FIGURE.findall(text)))


def _is_of_another(query: str, old: str, new: str) -> bool:
    """Whether a later text leaves out whom question and older text name, or is about somebody of theirs."""
    missing = [name for name in NAME.findall(query) if name in old and name not in new]
    if missing and not PRONOUN.match(new):
        return True
    return any(name in old and name not in OWNER.findall(old) for name in OWNER.findall(new) if name in query)


def _is_of_another_number(query: str, old: Sentence, new: str) -> bool:
    """Whether a later text tells of press 1, where the question and the older unit name press 2.

    In data, it is enough that it lacks a word which these two have.
    """
    asked, before, after = words(query), words(old.text), words(new)
    named, others = _numbered(asked) & _numbered(before), _numbered(after)
    if any(pair not in others and any(word == pair[0] for word, _ in others) for pair in named):
        return True
    return old.kind in DATA and bool({word[:STEM] for word in asked} & {word[:STEM] for word in before} - {word[:STEM] for word in after})


def _numbered(found: Sequence[str]) -> set[tuple[str, str]]:
    """Each number with the word before it, if that may be the name of a thing."""
    return {pair for pair in numbered(found) if pair[0].isalpha() and pair[0] not in function_words()}


def _later(times: Sequence[Time | None], texts: Sequence[str]) -> NDArray[np.bool_]:
    """Whether the second of two units was said after the first `(M, M)`.

    Where neither time is known, words tell that presuppose an older state.
    """
    order = {time: place for place, time in enumerate(sorted({time for time in times if time}))}
    places = np.array([order[time] if time else -1 for time in times], dtype=np.int64)
    known = places >= 0
    since = np.array([not time and bool(SINCE.search(text)) for time, text in zip(times, texts, strict=True)], dtype=bool)
    return np.asarray((known[:, None] & (places[:, None] < places)) | ((~known & ~since)[:, None] & since))


def _moves(texts: Sequence[str]) -> NDArray[np.bool_]:
    """Whether one text says where somebody lives, and another where somebody moved `(M, M)`."""
    homes, moves = (np.array([bool(words.search(text)) for text in texts], dtype=bool) for words in (HOME, MOVE))
    return np.asarray(homes[:, None] & moves)


def _times(sentences: Sequence[Sentence], numbers: Sequence[int]) -> dict[int, Time | None]:
    """When units were said; `None` where that is unknown.

    Messages of a chat come in the order in which they were said, so they need no dates. What a search found comes by relevance, so of
    equal times none is later.
    """
    moments = {i: _moment(sentences[i]) for i in numbers}
    if not any(moments.values()) and all("role" in sentence.document.metadata for sentence in sentences):
        moments = dict.fromkeys(numbers, UNKNOWN)
    places = {i: 0 if SCORES & sentences[i].document.metadata.keys() else sentences[i].position for i in numbers}
    return {i: (moment, places[i]) if moment else None for i, moment in moments.items()}


def _moment(sentence: Sentence) -> datetime | None:
    """When a unit was said, by the first that tells.

    It is its heading or stamp, its document's metadata, the date it begins with, its document's id, or the date of the file.
    """
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
