"""Is the last message of a chat a question of its own, or is it read with what was said before it?

"And his sister?" and "yes please" say little alone, so they are read with the turn before: what the user said, and the reply. "Where is the
spare key?" is not: the turn before is about something else, and would only draw the scores to it. Signs on the surface tell the two apart:
pronouns that mean nobody in the message, words that go on from what was said ("and", "no, the other one"), an offer that is agreed to, and
fragments such as "from which gate?". `followups.toml` has the words in a dozen languages; other languages have fragments alone.

A follow-up is scored twice, by itself and behind the turn before it, so that what the message itself names stays ahead of what was talked
about. A message without content, such as "yes", is scored behind the turn before it alone. `python -m benchmarks.followups` measures both
kinds of messages.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import NamedTuple

import numpy as np

from attngs.checking.language.languages import function_words, languages
from attngs.marking.scales import standardised
from attngs.text.documents import as_query
from attngs.types import Message, Question

LONGEST_TURN = 400
"""Characters of an earlier message that are read: half of them from its beginning, half from its end, where offers are made."""
MOST_MESSAGES = 4
"""Earlier messages that are read at most: the user's last one, and the newest of what the assistant said after it."""
WHOLE = 0.7
"""Weight of a follow-up behind what was said before it, beside the follow-up by itself. Chosen on the development half."""

FEW = 1
"""Words of content. A message with no more than these may be small talk, or stand alone in part."""
CHOOSING = 2
"""Words of content that a message has at most where it chooses among what was named."""
FRAGMENT = 4
"""Words of a message that may be no whole sentence."""
MOST_WORDS = 60
"""Words of a message that are looked at. It hardly depends on the others."""


class _Limits(NamedTuple):
    """When a pronoun means what was said before."""

    before: int
    """Only with fewer words of content before it: else it means one of them."""
    content: int
    """Only in messages with at most so many words of content."""


POINTING = {"persons": _Limits(before=3, content=6), "things": _Limits(before=2, content=2)}

LONGEST_SIGN = 5
"""Characters of the longest sign in a script without spaces."""

_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]+")
_WORD = re.compile(r"[^\W_]+")
_ASKS = re.compile(r"[?？؟]")
_ENDS = re.compile(r"[.!?。！？:\n]\s*$")
_CHARACTERS = 2
"""Characters of a script without spaces that make about one word."""


def as_question(messages: Sequence[Message]) -> Question:
    """What the user asks with the last message of a chat.

    Args:
        messages: The chat, the oldest first. Only what `user` and `assistant` said is read.

    Returns:
        The user's last message. Its background is what was said shortly before, where it is a follow-up; else it is empty. The text is
        empty where the user has said nothing.
    """
    said = [message for message in messages if message.role in ("user", "assistant") and message.content.strip()]
    last = _last_of_user(said)
    if last is None:
        return Question(text="")
    before = said[_last_of_user(said[:last]) or 0 : last]
    before = [*before[:1], *before[1:][1 - MOST_MESSAGES :]]
    reply = before[-1].content if before and before[-1].role == "assistant" else ""
    text = as_query(said[last].content)
    return Question(text=text, background="\n".join(_bounded(turn.content) for turn in before) if _is_follow_up(text, reply) else "")


def readings(question: Question) -> list[str]:
    """The texts that a question is scored by: itself, and a follow-up also behind its background."""
    if not question.background:
        return [question.text]
    return [question.text, question.whole] if _Signs.of(question.text).content else [question.whole]


def together(scores: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The scores `(S,)` of a question from those of its readings, each `(S,)`.

    Those of one reading stay as they are. Those of two are added as z-scores, and brought to the range of both: a sum of probabilities
    is none.
    """
    if len(scores) == 1:
        return tuple(scores[0])
    both = np.asarray(scores, dtype=np.float64)  # (2, S)
    added = standardised(both[0]) + WHOLE * standardised(both[1])
    low, high = (float(both.min()), float(both.max())) if both.size else (0.0, 0.0)
    spread = float(np.ptp(added)) if added.size else 0.0
    if not spread:
        return tuple(both.mean(axis=0).tolist())
    return tuple(np.clip(low + (high - low) * (added - added.min()) / spread, low, high).tolist())


def _last_of_user(said: Sequence[Message]) -> int | None:
    return next((number for number in range(len(said) - 1, -1, -1) if said[number].role == "user"), None)


def _bounded(turn: str) -> str:
    turn, half = turn.strip(), LONGEST_TURN // 2
    return turn if len(turn) <= LONGEST_TURN else f"{turn[:half]} … {turn[-half:]}"


def _is_follow_up(message: str, reply: str) -> bool:
    """Whether a message is read with what was said before it.

    Args:
        message: What the user says.
        reply: What the assistant said right before.
    """
    signs, asked = _Signs.of(message), _ASKS.search(reply[-LONGEST_TURN // 2 :]) is not None
    if signs.content > FEW:
        return signs.goes_on
    if signs.has("closing") and not signs.has("agreeing"):  # "great, thanks" asks for nothing, and "great, and his sister?" does
        return signs.goes_on and signs.asks
    if signs.goes_on:
        return signs.content > 0 or signs.asks or not signs.has("declining")
    if signs.content or signs.asks:
        return signs.is_fragment and (signs.asks or asked)
    return asked and signs.has("agreeing") and not signs.has("declining")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signs:
    """What the words of a message tell of it."""

    found: frozenset[str]
    """The signs of `followups.toml` that it has."""
    content: int
    """About how many of its words have content."""
    goes_on: bool
    """Whether it begins with a word that goes on from what was said, or has one that means something in it."""
    asks: bool
    """Whether it has a question mark or a word that asks."""
    is_fragment: bool
    """Whether it is no whole sentence: a few words, and none of "is", "I" or "you" among them."""

    def has(self, sign: str) -> bool:
        return sign in self.found

    @classmethod
    def of(cls, message: str) -> _Signs:
        found, content, named, opens, first = set[str](), 0.0, False, False, True
        before = dict.fromkeys(POINTING, math.inf)  # words of content before the first pronoun of each kind that may mean a thing said
        spoken = list(islice(_words(message), MOST_WORDS))
        for word in spoken:
            signs = _table().get(word.text, frozenset[str]())
            found |= signs
            opens = opens or (first and "openings" in signs)
            first = first and bool(signs & {"fillers", "closing", "agreeing"})
            for kind in signs & POINTING.keys() if not (word.is_name or named) else ():
                before[kind] = min(before[kind], content)
            if not signs and word.text not in function_words():
                content += word.weight
                named = named or word.is_name
        size = round(content)
        points = any(before[kind] < limits.before and size <= limits.content for kind, limits in POINTING.items())
        chooses = "choices" in found and size <= CHOOSING and not named
        return cls(
            found=frozenset(found),
            content=size,
            goes_on=opens or points or chooses,
            asks="asking" in found or _ASKS.search(message) is not None,
            is_fragment=sum(word.weight for word in spoken) <= FRAGMENT and "whole" not in found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    text: str
    """In lower case."""
    is_name: bool
    """Whether it has a capital inside a sentence: a name, a German noun, or a polite "Sie"."""
    weight: float
    """How many words it counts."""


def _words(message: str) -> Iterator[_Word]:
    """The words of a message; in a script without spaces, its signs and the characters between them."""
    for match in _WORD.finditer(message):
        inside = match.start() > 0 and not _ENDS.search(message[: match.start()])
        capital = inside and match[0][0].isupper() and match[0] != "I"
        position, word = 0, match[0]
        for run in _UNSPACED.finditer(word):
            if run.start() > position:
                yield _Word(text=word[position : run.start()].lower(), is_name=capital, weight=1.0)
            yield from (_Word(text=part, is_name=False, weight=len(part) / _CHARACTERS) for part in _unspaced(run[0]))
            position = run.end()
        if position < len(word):
            yield _Word(text=word[position:].lower(), is_name=capital, weight=1.0)


def _unspaced(run: str) -> Iterator[str]:
    """A run of characters, cut into the longest signs and single characters."""
    at = 0
    while at < len(run):
        size = next((size for size in range(LONGEST_SIGN, 1, -1) if run[at : at + size] in _table()), 1)
        yield run[at : at + size]
        at += len(run[at : at + size])


@cache
def _table() -> dict[str, frozenset[str]]:
    """The signs of each word."""
    rows = tomllib.loads(files("attngs.marking").joinpath("followups.toml").read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {}
    for sign, listed in rows.items():
        for word in listed.split():
            found.setdefault(word, set()).add(sign)
    for language in languages():
        for sign, listed in (("choices", language.ordinals), ("whole", language.speakers), ("whole", language.hearers)):
            for word in listed:
                found.setdefault(word, set()).add(sign)
    return {word: frozenset(signs) for word, signs in found.items()}
