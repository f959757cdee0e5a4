"""Users with memories, and questions about them whose evidence is known: a seeded stream without end.

A memory is one document or several sessions in order, oldest first. It tells facts about the user and about friends, each topic for several
people, so that the question's words stand in more than one place; some facts change later, and then the newer sentence is the evidence;
the rest is small talk, some of it with names and values too.

Users are held out by their profile, the first value of every topic: a hash of it says whether a user belongs to training, validation or
test, so no profile is in two of them. `labelled` users are more users of the training sort, for whoever fits or fine-tunes.

The decoder is trained on one set of wordings of the questions. Half of the questions of other users are asked in wordings that it has never
met, and about half of these, in the test, in wordings that nobody has met: neither the decoder, nor a probe, nor fine-tuning.
"""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from attngs.learning.labelled import LabelledExample
from attngs.types import Document
from benchmarks.decoder.topics import FILLERS, NAMES, TOPICS, Topic

Split = Literal["train", "labelled", "validation", "test"]

Wording = Literal["known", "labelled", "unseen"]
"""Of a question: the decoder's own, one that only labelled rows have, or one that stands nowhere but in the test."""

USER = ""
"""Stands for the user where a name is expected."""

MONTHS = "January February March April May June July August September October November December".split()

FACTS, CHANGES, DATED = 0.75, 0.35, 0.3
"""Share of the lines that tell facts, of half of these that tell the change of another one, and of those that name their month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence of a memory, and what it tells."""

    text: str
    person: str | None = None
    """Whom the fact is about, `USER` for the user; `None` for small talk."""
    topic: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is known of one user."""

    user: str
    split: Split
    sessions: tuple[tuple[Line, ...], ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """One document a session; its lines are joined by blanks."""
        return tuple(Document(text=" ".join(line.text for line in session), id=str(i)) for i, session in enumerate(self.sessions))

    @property
    def lines(self) -> Iterator[tuple[int, int, Line]]:
        """Session, first character and line, in order."""
        for number, session in enumerate(self.sessions):
            start = 0
            for line in session:
                yield number, start, line
                start += len(line.text) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A labelled question and what sort of question it is."""

    example: LabelledExample
    about_user: bool
    changed: bool
    """Whether an older value of the fact stands in the memory as well."""
    wording: Wording


def split_of(profile: Sequence[str]) -> Split:
    """Eight of ten profiles are trained on."""
    number = zlib.crc32("\0".join(profile).encode()) % 10
    return "test" if number == 0 else "validation" if number == 1 else "train"


def stream(split: Split, *, seed: int, lines: tuple[int, int], questions: int) -> Iterator[tuple[Memory, list[Question]]]:
    """Users without end.

    Args:
        split: Which users; `labelled` are users of the training sort whose questions have labelled wordings too.
        seed: The same seed gives the same users.
        lines: Least and greatest number of sentences of a memory.
        questions: Questions for each user, fewer where fewer facts are told.
    """
    rng = random.Random(f"{seed} {split}")
    number = 0
    while True:
        profile = [rng.choice(topic.values) for topic in TOPICS.values()]
        if split_of(profile) == ("train" if split == "labelled" else split):
            memory = _memory(rng, f"{split}-{number}", split, dict(zip(TOPICS, profile, strict=True)), rng.randint(*lines))
            yield memory, list(_questions(rng, memory, questions))
            number += 1


def render(template: str, person: str, value: str = "", month: str = "") -> str:
    """A template in the first or third person, with a capital letter at its start."""
    text = re.sub(r"\[([^|\]]*)\|([^\]]*)\]", lambda match: match[1] if person == USER else match[2], template)
    text = re.sub(r"\bV\b", value, re.sub(r"\bP\b", person or "I", text))
    if month:
        begin, _, rest = text.partition(" ")
        named = begin == "I" or begin.removesuffix("'s") in NAMES
        text = f"In {month} {begin if named else begin.lower()} {rest}"
    return text[0].upper() + text[1:]


def _memory(rng: random.Random, user: str, split: Split, profile: dict[str, str], size: int) -> Memory:
    friends = rng.sample(NAMES, rng.randint(1, max(1, min(4, size // 2))))
    facts = max(2, round(FACTS * size))
    changes = sum(rng.random() < CHANGES for _ in range(facts // 2))
    people = [USER, *friends]
    # as few topics as there is room for, so that most of them are told of most people
    topics = rng.sample(list(TOPICS), min(len(TOPICS), math.ceil(1.2 * (facts - changes) / len(people))))
    pairs = [(person, topic) for person in people for topic in topics]
    told = rng.sample(pairs, min(len(pairs), facts - changes))
    places = rng.sample(range(size), len(told) + changes)
    months = sorted(rng.randrange(12) for _ in range(size))
    slots: list[Line | None] = [None] * size
    for i, (person, topic) in enumerate(told):
        words = TOPICS[topic]
        again = words.changes if rng.random() < 0.7 else words.says
        value = profile[topic] if person == USER else rng.choice(TOPICS[topic].values)
        if i < changes:  # told twice: first the older value
            older, newer = sorted((places[i], places[len(told) + i]))
            slots[older] = _told(rng, person, topic, value, months[older], words.says)
            value = rng.choice([other for other in TOPICS[topic].values if other != value])
            slots[newer] = _told(rng, person, topic, value, months[newer], again)
        else:
            slots[places[i]] = _told(rng, person, topic, value, months[places[i]], words.says)
    lines = [line or _small_talk(rng, friends) for line in slots]
    return Memory(user=user, split=split, sessions=tuple(_sessions(rng, lines)))


def _told(rng: random.Random, person: str, topic: str, value: str, month: int, wordings: Sequence[str]) -> Line:
    template = rng.choice(wordings)
    text = render(template, person, value, MONTHS[month] if rng.random() < DATED and not template.startswith(("For", "On", "Now")) else "")
    return Line(text=text, person=person, topic=topic, value=value)


def _small_talk(rng: random.Random, friends: Sequence[str]) -> Line:
    one, other = rng.sample(friends, 2) if len(friends) > 1 else (friends[0], rng.choice([name for name in NAMES if name != friends[0]]))
    return Line(text=re.sub(r"\bQ\b", other, re.sub(r"\bP\b", one, rng.choice(FILLERS))))


def _sessions(rng: random.Random, lines: Sequence[Line]) -> Iterator[tuple[Line, ...]]:
    """The memory in one document, or cut into sessions of 4 to 10 lines."""
    if len(lines) < 8 or rng.random() < 0.3:
        yield tuple(lines)
        return
    start = 0
    while start < len(lines):
        end = start + rng.randint(4, 10)
        yield tuple(lines[start:end])
        start = end


def _questions(rng: random.Random, memory: Memory, wanted: int) -> Iterator[Question]:
    told = dict[tuple[str, str], list[tuple[int, int, Line]]]()
    for place in memory.lines:
        if place[2].person is not None:
            told.setdefault((place[2].person, place[2].topic), []).append(place)
    for person, topic in rng.sample(sorted(told), min(wanted, len(told))):
        number, start, line = told[person, topic][-1]  # the newest
        words = TOPICS[topic]
        wording, ask = _asked(rng, memory.split, words)
        example = LabelledExample(
            query=render(ask, person),
            documents=memory.documents,
            evidence=((number, start, start + len(line.text)),),
            answer=line.value,
            group=memory.user,
        )
        changed = len(told[person, topic]) > 1
        yield Question(example=example, about_user=person == USER, changed=changed, wording=wording)


def _asked(rng: random.Random, split: Split, words: Topic) -> tuple[Wording, str]:
    """How a user of a split asks."""
    if split == "train" or rng.random() >= 0.5:
        return "known", rng.choice(words.asks)
    labelled, unseen = words.held_out
    return ("unseen", unseen) if rng.choice(words.held_out) == unseen and split == "test" else ("labelled", labelled)


def texts() -> Iterator[str]:
    """Every wording once, with every name and value: what a vocabulary must hold."""
    yield from MONTHS
    yield from NAMES
    yield from FILLERS
    yield "In I"
    for topic in TOPICS.values():
        for template in (*topic.says, *topic.changes, *topic.asks, *topic.held_out):
            yield render(template, USER, topic.values[0])
            yield render(template, NAMES[0], topic.values[0])
        yield from topic.values
